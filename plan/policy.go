package plan

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/schema"
)

// checkPolicy refuses a plan that can cost more than the policy allows. Costs
// are those of the time limits, which nothing exceeds.
func checkPolicy(policy *schema.Policy, p *Plan) hcl.Diagnostics {
	if policy == nil || p.Free() {
		return nil
	}
	var diags hcl.Diagnostics
	refuse := func(argument, address, detail string) {
		location := policy.Range
		if r, ok := policy.Ranges[argument]; ok {
			location = r
		}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Plan exceeds the policy", Detail: detail, Subject: &location, Extra: About{Address: address}})
	}
	if most := policy.MaxGPUHours; most != nil && p.Summary.GPUHoursLimit > *most {
		refuse("max_gpu_hours", "", fmt.Sprintf(
			"The plan can cost up to %.1f GPU-hours by its time limits, and max_gpu_hours is %g: %s. Shorten time limits, select fewer runs with -target, or raise the limit.",
			p.Summary.GPUHoursLimit, *most, p.limitSum()))
	}
	if most := policy.MaxRunGPUHours; most != nil {
		for _, r := range p.Runs {
			if r.MayRun() && r.GPUHoursLimit() > *most {
				refuse("max_run_gpu_hours", r.Address, fmt.Sprintf(
					"%s can cost up to %.1f GPU-hours by its time limit (%d GPUs for %s), and max_run_gpu_hours is %g. Shorten its time limit, or raise max_run_gpu_hours.",
					r.Address, r.GPUHoursLimit(), r.Hardware.GPUs, inMinutes(float64(r.TimeLimitSeconds)), *most))
			}
		}
	}
	return diags
}

// MayRun reports whether jobs may be started for the run, now or by a search later.
func (r *Run) MayRun() bool {
	return r.Action == Measure || r.Action == Remeasure || r.Action == Candidate
}

// limitSum shows how the ceiling of a plan adds up: like parts together, in the
// order in which they first appear.
func (p *Plan) limitSum() string {
	type part struct {
		gpus, seconds int
	}
	count := map[part]int{}
	var order []part
	add := func(n, gpus, seconds int) {
		k := part{gpus, seconds}
		if count[k] == 0 && n > 0 {
			order = append(order, k)
		}
		count[k] += n
	}
	alone, searched := p.alone(), map[string]bool{}
	for _, r := range p.Runs {
		if searched[r.Address] = r.Asked.Search != ""; r.Asked.Search == "" {
			add(alone[r.Address], r.Hardware.GPUs, r.TimeLimitSeconds)
		}
	}
	for _, job := range p.Jobs {
		if !searched[job.Runs[0]] {
			add(1, job.GPUs, job.TimeLimitSeconds)
		}
	}
	terms := make([]string, len(order))
	for i, k := range order {
		terms[i] = fmt.Sprintf("%d x %d GPUs x %s", count[k], k.gpus, inMinutes(float64(k.seconds)))
	}
	for _, s := range p.Searches {
		if left := s.leftGPUHours(); left > 0 {
			terms = append(terms, fmt.Sprintf("%.1f of the search %s", left, s.Name()))
		}
	}
	return strings.Join(terms, " + ")
}
