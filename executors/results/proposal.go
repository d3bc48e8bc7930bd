package results

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

// proposal is a change of the definition that a failure asks for, as it would
// stand there, "" where none follows from the run alone.
func proposal(r Reason, run *plan.Run) string {
	switch r.Code {
	case "time_limit":
		if run.TimeLimitSeconds > 0 {
			return fmt.Sprintf("time_limit = %q", minutes(2*run.TimeLimitSeconds))
		}
	case "gpu_oom", "probable_oom":
		if strings.Contains(r.Detail, "requires at least") {
			return fmt.Sprintf("gpus = %d in hardware %q, or a checkpoint of lower precision", 2*run.Hardware.GPUs, run.Hardware.Label)
		}
		return lessMemory(run)
	case "kv_too_small":
		if f, ok := run.Arguments.Float(kvFraction); ok && f < 0.95 {
			return kvFraction + " = 0.95"
		}
		return halved(run, "max_batch_size", 1)
	case "host_oom":
		return `extra_args = ["--mem=0"] in the executor, which asks for all memory of the nodes`
	case "bus_error", "nccl":
		if strings.Contains(strings.ToLower(r.Detail), "cuda_error_not_supported") {
			return `segment = true in the executor, or env = { NCCL_MNNVL_ENABLE = "0" }`
		}
	case "mpi":
		if strings.Contains(strings.ToLower(r.Detail), "pmi support") {
			return `mpi = "pmix" in the executor`
		}
	}
	return ""
}

const kvFraction = "kv_cache_free_gpu_mem_fraction"

// lessMemory lowers what takes memory beside the weights: first the part of the
// KV cache, then the tokens of a step, then the batch.
func lessMemory(run *plan.Run) string {
	if f, ok := run.Arguments.Float(kvFraction); ok && f > 0.75 {
		return fmt.Sprintf("%s = %.2g", kvFraction, f-0.1)
	}
	if change := halved(run, "max_num_tokens", 2048); change != "" {
		return change
	}
	return halved(run, "max_batch_size", 1)
}

// halved proposes half of an argument, "" where that is below least.
func halved(run *plan.Run, name string, least int) string {
	if n, ok := run.Arguments.Int(name); ok && n/2 >= least {
		return fmt.Sprintf("%s = %d", name, n/2)
	}
	return ""
}

func minutes(seconds int) string {
	if m := (seconds + 59) / 60; m%60 != 0 {
		return fmt.Sprintf("%dm", m)
	}
	return fmt.Sprintf("%dh", (seconds+59)/3600)
}
