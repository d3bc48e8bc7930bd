package plan

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// decide looks every run up in the ledger and gives it its action and reason.
func (b *builder) decide(p *Plan) hcl.Diagnostics {
	var diags hcl.Diagnostics
	simulated := map[bool]bool{}
	for _, run := range p.Runs {
		simulated[run.simulated] = true
		if err := b.look(run); err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Store cannot be read", Detail: err.Error() + "."})
			return diags
		}
	}
	if b.Ledger == nil || len(b.Selection.Targets) > 0 {
		return diags
	}
	for _, sim := range []bool{false, true} {
		if !simulated[sim] {
			continue
		}
		if err := b.undeclared(p, sim); err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Store cannot be read", Detail: err.Error() + "."})
		}
	}
	return diags
}

func (b *builder) look(run *Run) error {
	var before *Run
	if b.Ledger != nil {
		if err := b.gauge(run); err != nil {
			return err
		}
		st, err := b.Ledger.Look(run.Fingerprint, run.cluster, run.simulated, run.State.Wanted)
		if err != nil {
			return err
		}
		run.State = st.normal()
		if before, err = b.Ledger.LastAt(run.Address, run.simulated); err != nil {
			return err
		}
	}
	run.decide(before, b.Selection)
	return nil
}

// decide sets the action of a run from its state, what was measured last at
// its address (nil: nothing) and what was asked for.
func (r *Run) decide(before *Run, sel Selection) {
	if before != nil && before.Fingerprint != r.Fingerprint {
		r.Changes = changes(before, r)
	}
	st := r.State
	have := st.Valid + st.Suspect
	switch {
	case matchAny(sel.Replaces, r.Address) && have > 0:
		r.Action, r.Reason = Remeasure, replaceReason
		r.State.Valid, r.State.Suspect, r.Changes = 0, 0, []Change{}
	case have >= st.Wanted:
		r.Action, r.Reason = Keep, "all samples are stored"+r.precision.reason()
	case st.Missing() == 0:
		r.Action, r.Reason = Wait, "in flight"
	case st.repeats() != nil && !sel.Retry:
		f := st.repeats()
		r.Action, r.Reason = Blocked, fmt.Sprintf("failed with %s, which would repeat: change the definition, or -retry", f.Code)
	case len(r.Changes) > 0 && have == 0:
		r.Action, r.Reason = Remeasure, changeReason(r.Changes)
	case have > 0:
		r.Action, r.Reason = Measure, fmt.Sprintf("%d of %d samples stored%s", have, st.Wanted, r.precision.reason())
	case len(st.Failed) > 0:
		r.Action, r.Reason = Measure, "failed before: "+st.Failed[len(st.Failed)-1].Code
	default:
		r.Action, r.Reason = Measure, "nothing stored yet"
	}
	if r.Action == Keep || r.Action == Wait {
		r.Changes = []Change{}
	}
}

func changeReason(cs []Change) string {
	if len(cs) == 1 {
		return cs[0].Argument + " changed"
	}
	return fmt.Sprintf("%d arguments changed", len(cs))
}

// Repeating reports whether a failure code is one that a second try with the
// same arguments meets again.
func Repeating(code string) bool {
	switch code {
	case "cli", "gpu_oom", "kv_too_small", "container", "time_limit", "model_access":
		return true
	}
	return false
}

func (s State) repeats() *Failed {
	for i := range s.Failed {
		if Repeating(s.Failed[i].Code) {
			return &s.Failed[i]
		}
	}
	return nil
}

// normal gives the lists of a state that came from elsewhere their empty form.
func (s State) normal() State {
	if s.InFlight == nil {
		s.InFlight = []InFlight{}
	}
	if s.Failed == nil {
		s.Failed = []Failed{}
	}
	return s
}

func (b *builder) undeclared(p *Plan, simulated bool) error {
	stored, err := b.Ledger.Addresses(simulated)
	if err != nil {
		return err
	}
	declared := map[string]bool{}
	for _, c := range b.Definitions.Cells {
		declared[c.Address] = true
	}
	for _, a := range stored {
		if !declared[a] && !slices.Contains(p.Undeclared, a) {
			p.Undeclared = append(p.Undeclared, a)
		}
	}
	return nil
}

// replaceReason marks the runs that -replace asked for.
const replaceReason = "asked for with -replace"

// Replaced reports whether the run's stored samples are to be set aside.
func (r *Run) Replaced() bool { return r.Action == Remeasure && r.Reason == replaceReason }

// Repeats reports whether an attempt failed for a reason that repeats.
func (s State) Repeats() bool { return s.repeats() != nil }
