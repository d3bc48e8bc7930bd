package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/schema"
)

// concurrencyAboveRequests refuses a concurrency that is never reached.
func (p *proof) concurrencyAboveRequests() hcl.Diagnostics {
	c, ok := intArg(p.cell, "concurrency")
	if !ok || c <= p.data.Rows {
		return nil
	}
	enough := fmt.Sprintf("Set num_requests to at least %d (four times the concurrency makes a steady state)", 4*c)
	if o, ok := p.cell.Origins.Get("concurrency"); ok && o.From == schema.FromMatrix {
		enough = "Set num_requests = max(4000, 4 * each.concurrency), which makes a steady state at each value of the axis"
	}
	return p.errorAt("concurrency", "Concurrency is above the number of requests", fmt.Sprintf(
		"concurrency is %d and num_requests is %d, so that many requests are never in flight. %s, or lower concurrency.", c, p.data.Rows, enough))
}

// concurrencyBelowRanks refuses attention data parallelism with idle ranks.
func (p *proof) concurrencyBelowRanks() hcl.Diagnostics {
	c, ok := intArg(p.cell, "concurrency")
	tp, _ := intArg(p.cell, "tp")
	if !ok || c < 1 || c >= tp || !p.attentionDP() {
		return nil
	}
	return p.errorAt("concurrency", "Concurrency leaves ranks idle", fmt.Sprintf(
		"With attention data parallelism each of the tp = %d ranks serves requests of its own, and concurrency is %d, so ranks would idle while their GPUs are paid for. "+
			"Set concurrency to at least %d, or switch enable_attention_dp off.", tp, c, tp))
}

// shortWindow warns where ramp and drain make up much of what is measured.
func (p *proof) shortWindow() hcl.Diagnostics {
	c, ok := intArg(p.cell, "concurrency")
	if !ok || c < 1 || p.data.Rows >= 4*c || c > p.data.Rows {
		return nil
	}
	return p.warningAt("num_requests", "Few requests for the concurrency", fmt.Sprintf(
		"num_requests is %d, less than four times the concurrency of %d: ramp-up and drain lie inside the measured window and lower the throughput. "+
			"%d requests or more reach a steady state.", p.data.Rows, c, 4*c))
}

// sharedSampling refuses variable output lengths under a concurrency limit on
// versions whose benchmark shares one SamplingParams between requests.
func (p *proof) sharedSampling() hcl.Diagnostics {
	c, _ := intArg(p.cell, "concurrency")
	if c < 1 || !p.data.variableOSL || !p.cell.Version.SharedSamplingParams {
		return nil
	}
	argument := "concurrency"
	d := cellError(p.cell, argument, "Output lengths would be mixed up", fmt.Sprintf(
		"use_case.%s has output lengths that vary, concurrency is %d, and trtllm-bench %s shares one set of sampling parameters between requests: "+
			"a request that waits takes the output length of another. Use osl_stdev = 0, concurrency = -1, or an image of a later version.",
		p.cell.UseCase.Label, c, p.cell.Image.TRTLLMVersion))
	return hcl.Diagnostics{d}
}
