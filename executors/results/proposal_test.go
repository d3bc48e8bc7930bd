package results

import (
	"testing"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func TestProposal(t *testing.T) {
	run := func(args trtllm.Arguments) *plan.Run {
		return &plan.Run{TimeLimitSeconds: 1800, Arguments: args, Hardware: plan.Hardware{Label: "gb200x8", GPUs: 8}}
	}
	full := trtllm.Arguments{"kv_cache_free_gpu_mem_fraction": 0.9, "max_num_tokens": int64(8192), "max_batch_size": int64(896)}
	for _, c := range []struct {
		code   failure.Code
		detail string
		args   trtllm.Arguments
		want   string
	}{
		{"time_limit", "", full, `time_limit = "1h"`},
		{"gpu_oom", "CUDA out of memory", full, "kv_cache_free_gpu_mem_fraction = 0.8"},
		{"probable_oom", "", trtllm.Arguments{"kv_cache_free_gpu_mem_fraction": 0.7, "max_num_tokens": int64(8192)}, "max_num_tokens = 4096"},
		{"gpu_oom", "", trtllm.Arguments{"max_num_tokens": int64(2048), "max_batch_size": int64(64)}, "max_batch_size = 32"},
		{"gpu_oom", "the model requires at least 9 GiB", full, `gpus = 16 in hardware "gb200x8", or a checkpoint of lower precision`},
		{"kv_too_small", "", full, "kv_cache_free_gpu_mem_fraction = 0.95"},
		{"nccl", "Cuda failure 801 'CUDA_ERROR_NOT_SUPPORTED'", full, `segment = true in the executor`},
		{"mpi", "OMPI was not built with SLURM's PMI support", full, `mpi = "pmix" in the executor`},
		{"task_exit", "", full, ""},
	} {
		if got := proposal(Reason{Code: c.code, Detail: c.detail}, run(c.args)); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.code, c.detail, got, c.want)
		}
	}
}
