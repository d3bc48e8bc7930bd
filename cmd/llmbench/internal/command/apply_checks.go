package command

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// applicable refuses what cannot be applied, before anything is asked or
// started.
func (s *session) applicable(p *plan.Plan, diags hcl.Diagnostics, f applyFlags, out *view.Apply) error {
	diags = append(diags, s.sites.errors()...)
	diags = withoutRepeats(diags)
	if f.JSON {
		out.Diagnostics(diags)
		if diags.HasErrors() {
			return out.End(exitError)
		}
	} else if diags.HasErrors() {
		return s.complain(diags)
	}
	if most := f.MaxGPUHours; most > 0 && !p.Free() && p.Summary.GPUHoursLimit > most {
		return fmt.Errorf("the time limits add up to %.1f GPU-hours, more than -max-gpu-hours=%g; nothing was started", p.Summary.GPUHoursLimit, most)
	}
	if p.Summary.ToDo() == 0 {
		return nil
	}
	for _, st := range s.sites.order {
		if st.Scheduler == nil {
			continue
		}
		if err := st.Scheduler.Available(s.env.signal); err != nil {
			return err
		}
	}
	return nil
}

// detachable refuses to leave runs alone that end with this process.
func (s *session) detachable(p *plan.Plan) error {
	for _, r := range p.Runs {
		if b := s.sites.of(r); !b.Adopt {
			return fmt.Errorf("-detach: runs on executor %q end with llmbench; leave -detach out. Nothing was started", r.Executor.Type)
		}
	}
	return nil
}

// siteChecks refuses what doctor would find missing, before anything is
// submitted.
func (s *session) siteChecks(p *plan.Plan, f applyFlags) error {
	if f.SkipChecks || p.Summary.ToDo() == 0 {
		return nil
	}
	todo := &plan.Plan{}
	for _, r := range p.Runs {
		if r.MayRun() {
			todo.Runs = append(todo.Runs, r)
		}
	}
	sites := s.checkSites(todo, false)
	if failedOf(sites) != nil { // what is remembered may be mended by now
		sites = s.checkSites(todo, true)
	}
	n := s.needs(todo)
	checks := slices.Concat(sites, s.checkTimeLimits(todo), n.verify(s.env.signal), s.checkDataSpace(todo, n))
	missing := slices.DeleteFunc(checks, func(c executors.Check) bool { return c.Result != executors.CheckFail })
	if len(missing) == 0 {
		return nil
	}
	if err := view.Checks(s.env.streams.Err, missing); err != nil {
		return err
	}
	return errors.New("nothing was started; -skip-checks applies anyway")
}

// checkTimeLimits fails for runs whose time limit is less than half of what they
// need at the least. A simulation costs nothing and shows how they end.
func (s *session) checkTimeLimits(p *plan.Plan) []executors.Check {
	var out []executors.Check
	for _, r := range p.Runs {
		job, ok := r.Estimate.JobSeconds()
		if limit := float64(r.TimeLimitSeconds); !ok || s.sites.of(r).Simulated || job.Low <= 2*limit {
			continue
		}
		out = append(out, executors.Check{
			Name: "time limit", Result: executors.CheckFail,
			Detail: fmt.Sprintf("%s needs %.0f to %.0f min, and its time_limit is %.0f min", r.Address, job.Low/60, job.High/60, float64(r.TimeLimitSeconds)/60),
			Remedy: fmt.Sprintf("set time_limit = %q or more", plan.TimeLimitFor(job)),
		})
	}
	return out
}

// mostGPUHours is the smaller of the policy's and the flag's bound, 0 for none: a
// simulation holds no GPU.
func (s *session) mostGPUHours(of *plan.Plan, f applyFlags) float64 {
	if of.Free() {
		return 0
	}
	most := f.MaxGPUHours
	if p := s.defs.Policy; p != nil && p.MaxGPUHours != nil && (most <= 0 || *p.MaxGPUHours < most) {
		most = *p.MaxGPUHours
	}
	return most
}
