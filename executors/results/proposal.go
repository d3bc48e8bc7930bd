package results

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// proposal is a change of the definition that a failure asks for, as it would
// stand there, "" where none follows from the run alone.
func proposal(r Reason, run *plan.Run) string {
	said := strings.ToLower(r.Detail)
	switch r.Code.Entry().Change {
	case failure.NoChange:
		return ""
	case failure.LongerLimit:
		if run.TimeLimitSeconds > 0 {
			return fmt.Sprintf("time_limit = %q", minutes(2*run.TimeLimitSeconds))
		}
	case failure.LessGPUMemory:
		if strings.Contains(said, "requires at least") {
			return fmt.Sprintf("gpus = %d in hardware %q, or a checkpoint of lower precision", 2*run.Hardware.GPUs, run.Hardware.Label)
		}
		return lessMemory(run)
	case failure.MoreKVCache:
		if f, ok := run.Arguments.Float(kvFraction); ok && f < 0.95 {
			return kvFraction + " = 0.95"
		}
		return halved(run, "max_batch_size", 1)
	case failure.AllHostMemory:
		return `extra_args = ["--mem=0"] in the executor, which asks for all memory of the nodes`
	case failure.OneNVLinkDomain:
		if strings.Contains(said, "cuda_error_not_supported") {
			return `segment = true in the executor`
		}
	case failure.PMIx:
		if strings.Contains(said, "pmi support") {
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
