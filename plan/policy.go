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
	count := map[cost]int{}
	var order []cost
	for _, c := range p.costs() {
		like := cost{gpus: c.gpus, seconds: c.seconds}
		if count[like] == 0 && c.first > 0 {
			order = append(order, like)
		}
		count[like] += c.first
	}
	terms := make([]string, len(order))
	for i, c := range order {
		terms[i] = fmt.Sprintf("%d x %d GPUs x %s", count[c], c.gpus, inMinutes(float64(c.seconds)))
	}
	for _, s := range p.Searches {
		if left := s.leftGPUHours(); left > 0 {
			terms = append(terms, fmt.Sprintf("%.1f of the search %s", left, s.Name()))
		}
	}
	return strings.Join(terms, " + ")
}
