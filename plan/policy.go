package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/schema"
)

// checkPolicy refuses a plan that can cost more than the policy allows. Costs
// are those of the time limits, which nothing exceeds.
func checkPolicy(policy *schema.Policy, p *Plan) hcl.Diagnostics {
	if policy == nil {
		return nil
	}
	var diags hcl.Diagnostics
	refuse := func(argument, address, detail string) {
		place := policy.Range
		if r, ok := policy.Ranges[argument]; ok {
			place = r
		}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Plan exceeds the policy", Detail: detail, Subject: &place, Extra: About{Address: address}})
	}
	if most := policy.MaxGPUHours; most != nil && p.Summary.GPUHoursLimit > *most {
		refuse("max_gpu_hours", "", fmt.Sprintf(
			"The plan can cost up to %.1f GPU-hours by its time limits, and max_gpu_hours is %g. Shorten time limits, take fewer runs with -target, or raise the limit.",
			p.Summary.GPUHoursLimit, *most))
	}
	if most := policy.MaxRunGPUHours; most != nil {
		for _, r := range p.Runs {
			if todo := r.Action == Measure || r.Action == Remeasure; todo && r.GPUHoursLimit() > *most {
				refuse("max_run_gpu_hours", r.Address, fmt.Sprintf(
					"%s can cost up to %.1f GPU-hours by its time limit, and max_run_gpu_hours is %g.", r.Address, r.GPUHoursLimit(), *most))
			}
		}
	}
	return diags
}
