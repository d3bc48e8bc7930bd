package plan

import (
	"fmt"
	"math"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/estimate"
)

// foresee estimates all runs and says what is to be expected of them.
func (b *builder) foresee(list []candidate) hcl.Diagnostics {
	if err := b.predict(list); err != nil {
		return hcl.Diagnostics{storeError(err)}
	}
	var diags hcl.Diagnostics
	for _, c := range list {
		if c.run.Estimate == nil {
			continue
		}
		rules := []func(candidate) hcl.Diagnostics{fits}
		if a := c.run.Action; a == Measure || a == Remeasure {
			rules = append(rules, queues, b.endsInTime)
		}
		for _, rule := range rules {
			diags = append(diags, about(c.cell, rule(c))...)
		}
	}
	return merge(diags)
}

// fits refuses a run whose weights or longest request the GPUs cannot hold.
func fits(c candidate) hcl.Diagnostics {
	e := c.run.Estimate
	m := e.MemoryBytesPerGPU
	if *e.RequestsFitAtOnce > 0 {
		return nil
	}
	detail := fmt.Sprintf(
		"Of the %s of a %s, weights take %s and activations, NCCL and the CUDA context about %s. ",
		gigabytes(m.Capacity), c.run.Hardware.GPU, gigabytes(m.Weights), gigabytes(m.Workspace))
	if m.KVCache <= 0 && m.Workspace > m.Weights {
		return hcl.Diagnostics{cellError(c.cell, "max_num_tokens", "Activations do not fit", detail+
			"Nothing is left for the KV cache. Lower max_num_tokens: each token of an iteration takes memory for its activations.")}
	}
	if m.KVCache <= 0 {
		return hcl.Diagnostics{cellError(c.cell, "tp", "Weights do not fit", detail+
			"Nothing is left for the KV cache. Spread the weights over more GPUs (tp, ep), or take a smaller quantization.")}
	}
	return hcl.Diagnostics{cellError(c.cell, "kv_cache_free_gpu_mem_fraction", "KV cache does not hold one request", detail+fmt.Sprintf(
		"The KV cache gets %s, which is %d tokens, and the longest request has %d. Raise kv_cache_free_gpu_mem_fraction, or shorten the requests.",
		gigabytes(m.KVCache), *e.KVTokensPerGPU, c.data.longest))}
}

// queues warns of a concurrency that the engine does not reach: what waits
// inside it counts as latency without adding throughput.
func queues(c candidate) hcl.Diagnostics {
	limit, _ := c.run.Arguments.Int("concurrency")
	o, ok := c.run.Occupancy()
	if !ok || limit < 1 || !o.waits() || o.Running() < 1 {
		return nil
	}
	what := fmt.Sprintf("the KV cache holds %s of this length on all ranks (%d per rank)", countOf(o.Fit, "request"), o.Fit/o.Ranks)
	if o.Slots < o.Fit {
		what = fmt.Sprintf("max_batch_size gives %d slots on all ranks", o.Slots)
	}
	d := cellError(c.cell, "concurrency", "Concurrency will not be reached", fmt.Sprintf(
		"concurrency is %d, but %s. The others wait inside the engine, where their waiting counts as TTFT and latency. The largest concurrency that really runs is %d.",
		limit, what, o.Running()))
	d.Severity = hcl.DiagWarning
	return hcl.Diagnostics{d}
}

// endsInTime warns of a time limit that the run may not meet, and refuses it
// where the policy asks for headroom.
func (b *builder) endsInTime(c candidate) hcl.Diagnostics {
	e := c.run.Estimate
	job, ok := e.JobSeconds()
	if !ok {
		return nil
	}
	limit := float64(c.run.TimeLimitSeconds)
	headroom, required := 0.0, false
	if p := b.Definitions.Policy; p != nil && p.RequireHeadroom != nil {
		headroom, required = *p.RequireHeadroom, true
	}
	if limit >= job.High*(1+headroom) && limit > job.High {
		return nil
	}
	said := fmt.Sprintf("The job is expected to take %s to %s (%s to %s of it before measuring starts), and time_limit is %s",
		inMinutes(job.Low), inMinutes(job.High), inMinutes(e.StartupSeconds.Low), inMinutes(e.StartupSeconds.High), inMinutes(limit))
	if need := job.High * (1 + headroom); required && limit < need {
		return hcl.Diagnostics{cellError(c.cell, "time_limit", "Time limit leaves too little headroom", fmt.Sprintf(
			"%s. The policy requires %.0f %% above the longest time expected, which is %s. Set time_limit = %q.",
			said, 100*headroom, inMinutes(need), roundLimit(need)))}
	}
	summary := "Time limit may be too short"
	if job.Low > limit {
		summary = "Time limit is too short"
	}
	d := cellError(c.cell, "time_limit", summary, fmt.Sprintf(
		"%s. A job that meets its limit is lost with all that it cost. time_limit = %q would do.", said, TimeLimitFor(job)))
	d.Severity = hcl.DiagWarning
	return hcl.Diagnostics{d}
}

func gigabytes(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }

func inMinutes(seconds float64) string {
	if seconds <= 90 {
		return fmt.Sprintf("%.0f s", seconds)
	}
	return fmt.Sprintf("%.0f min", seconds/60)
}

// TimeLimitFor is a time limit for a job that is expected to take so many seconds,
// with a fifth to spare, as the language writes it.
func TimeLimitFor(job estimate.Interval) string { return roundLimit(1.2 * job.High) }

// roundLimit is a time limit of whole five minutes, as the language writes it.
func roundLimit(seconds float64) string {
	return fmt.Sprintf("%dm", int(math.Ceil(seconds/300))*5)
}
