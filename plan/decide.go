package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/plan/failure"
)

// decide looks every run up in the ledger and gives it its action and reason.
func (b *builder) decide(p *Plan) hcl.Diagnostics {
	diags, err := b.lookAll(p.Runs)
	if err == nil && b.Ledger != nil && len(b.Selection.Addresses) == 0 {
		for _, simulated := range []bool{false, true} {
			if err == nil && slices.ContainsFunc(p.Runs, func(r *Run) bool { return r.Simulated == simulated }) {
				var more hcl.Diagnostics
				more, err = b.undeclared(p, simulated)
				diags = append(diags, more...)
			}
		}
	}
	if err != nil {
		diags = append(diags, storeError(err))
	}
	return diags
}

func storeError(err error) *hcl.Diagnostic {
	detail := err.Error() + "."
	if errors.Is(err, syscall.ENOTDIR) {
		detail = "A part of the store's path is a file: " + detail + " Choose another directory with -store or llmbench { store = … }."
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Store cannot be read", Detail: detail}
}

// lookAll looks runs up several at a time: a store across a network answers
// slowly and takes many questions at once.
func (b *builder) lookAll(list []*Run) (hcl.Diagnostics, error) {
	found := make([]hcl.Diagnostics, len(list))
	var g errgroup.Group
	g.SetLimit(32)
	for i, run := range list {
		g.Go(func() (err error) {
			found[i], err = b.look(run)
			return err
		})
	}
	err := g.Wait()
	return slices.Concat(found...), err
}

func (b *builder) look(run *Run) (diags hcl.Diagnostics, err error) {
	if b.Ledger == nil {
		run.decide(nil, b.Selection)
		return nil, nil
	}
	if err := cmp.Or(b.settleForFresh(run), b.sizeSamples(run)); err != nil {
		return nil, err
	}
	st, err := b.Ledger.Look(run.Fingerprint, run.cluster, run.Simulated, run.State.Wanted)
	if err != nil {
		return nil, err
	}
	run.State = st.normal()
	var last *Last
	if len(b.Selection.Addresses) == 0 || st.Missing() > 0 { // else it changes nothing here
		if last, err = b.Ledger.LastAt(run.Address, run.Simulated); err != nil {
			return nil, err
		}
	}
	var before *Run
	switch {
	case last == nil || last.Fingerprint == run.Fingerprint:
	case last.Fingerprint == "":
		run.State.Failed = append(run.State.Failed, Failed{Code: failure.RecordDamaged, Detail: last.Attempt + " may be of this run: its record cannot be read"})
	default:
		before, _ = last.Run() // what cannot be read is of another fingerprint, and results tell of it
		if !run.transient {
			diags, err = b.orphans(run.Address, last.Fingerprint, run.cluster, run.Simulated)
		}
	}
	run.decide(before, b.Selection)
	return diags, err
}

// orphans warns of jobs that measure what an address was before the definitions
// changed: they cost, and nothing waits for them.
func (b *builder) orphans(address, fingerprint, cluster string, simulated bool) (hcl.Diagnostics, error) {
	st, err := b.Ledger.Look(fingerprint, cluster, simulated, 1)
	if err != nil || len(st.InFlight) == 0 {
		return nil, err
	}
	var jobs []string
	for _, f := range st.InFlight {
		jobs = append(jobs, fmt.Sprintf("%s of %s (%s)", f.JobID, f.User, f.State))
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagWarning, Summary: "Job of earlier definitions is in flight", Extra: About{Address: address},
		Detail: fmt.Sprintf("%s is or was declared otherwise, and still measured so: job %s. Its result will be kept, and counts again should the definitions go back. "+
			"`llmbench cancel -orphans` stops it.", address, strings.Join(jobs, ", ")),
	}}, nil
}

// decide sets the action of a run from its state, what else was measured last at
// its address (nil: nothing) and what was asked for.
func (r *Run) decide(before *Run, sel Selection) {
	if before != nil {
		r.Changes = changes(before, r)
	}
	st := r.State
	have := st.Valid + st.Suspect
	switch {
	case matchAny(sel.Replaces, r.Address) && (have > 0 || len(st.Failed) > 0):
		r.Action, r.Reason = Remeasure, replaceReason
		r.State.Valid, r.State.Suspect, r.State.Failed, r.Changes = 0, 0, []Failed{}, []Change{}
	case have >= st.Wanted:
		r.Action, r.Reason = Keep, "all samples are stored"+r.precision.reason()
	case st.Missing() == 0:
		r.Action, r.Reason = Wait, "in flight"
	case st.repeats() != nil && !sel.Retry:
		f := st.repeats()
		r.Action, r.Reason = Blocked, fmt.Sprintf("failed with %s, which would repeat: change the definition, or -retry", f.Code)
		if f.Code == failure.ReportDamaged || f.Code == failure.RecordDamaged {
			r.Reason = fmt.Sprintf("%s: `llmbench results` names the file; restore it, or measure again with -replace=%s", f.Code, r.Address)
		}
	case len(r.Changes) > 0 && have == 0:
		r.Action, r.Reason = Remeasure, changeReason(r.Changes)
	case have > 0:
		r.Action, r.Reason = Measure, fmt.Sprintf("%d of %d samples stored%s", have, st.Wanted, r.precision.reason())
	case len(st.Failed) > 0:
		r.Action, r.Reason = Measure, "failed before: "+string(st.Failed[len(st.Failed)-1].Code)
	default:
		r.Action, r.Reason = Measure, "nothing stored yet"
	}
	if r.Action == Keep || r.Action == Wait {
		r.Changes = []Change{}
	}
}

// changeReason says what was otherwise when the address was measured last. The
// executor's settings are no arguments of the benchmark.
func changeReason(cs []Change) string {
	settings := ExecutorIdentity{}.normal().Facts()
	var names []string
	for _, c := range cs {
		if _, ok := settings[c.Argument]; ok {
			names = append(names, c.Argument)
		}
	}
	if len(names) == len(cs) {
		return "measured with another " + strings.Join(names, " and ")
	}
	if len(cs) == 1 {
		return cs[0].Argument + " changed"
	}
	return fmt.Sprintf("%d arguments changed", len(cs))
}

// repeats is a failure that a second try with the same arguments meets again. What
// may be a node's fault repeats once two nodes had it.
func (s Samples) repeats() *Failed {
	for i := range s.Failed {
		f := &s.Failed[i]
		e := f.Code.Entry()
		if e.Final && f.Node == "" || e.Retry == failure.Elsewhere && s.AlsoElsewhere(*f) != "" {
			return f
		}
	}
	return nil
}

// AlsoElsewhere is another node that had the failure which f had on its own, "" for
// none.
func (s Samples) AlsoElsewhere(f Failed) string {
	for _, o := range slices.Concat(s.Failed, s.Earlier) {
		if f.Node != "" && o.Code == f.Code && o.Node != "" && o.Node != f.Node {
			return o.Node
		}
	}
	return ""
}

// normal gives the lists of a state that came from elsewhere their empty form.
func (s Samples) normal() Samples {
	if s.InFlight == nil {
		s.InFlight = []InFlight{}
	}
	if s.Failed == nil {
		s.Failed = []Failed{}
	}
	return s
}

// undeclared lists what is stored and not declared, and warns of its jobs in flight
// where jobs of the plan go that go on by themselves.
func (b *builder) undeclared(p *Plan, simulated bool) (diags hcl.Diagnostics, err error) {
	stored, err := b.Ledger.Addresses(simulated)
	if err != nil {
		return nil, err
	}
	declared := map[string]bool{}
	for _, c := range b.Definitions.Cells {
		declared[c.Address] = true
	}
	like := slices.IndexFunc(p.Runs, func(r *Run) bool { return r.Simulated == simulated && !r.transient })
	for _, a := range stored {
		if declared[a] || slices.Contains(p.Undeclared, a) {
			continue
		}
		p.Undeclared = append(p.Undeclared, a)
		last, err := b.Ledger.LastAt(a, simulated)
		if err != nil {
			return diags, err
		}
		if last == nil || last.Fingerprint == "" || like < 0 {
			continue
		}
		more, err := b.orphans(a, last.Fingerprint, p.Runs[like].cluster, simulated)
		if err != nil {
			return diags, err
		}
		diags = append(diags, more...)
	}
	return diags, nil
}

// replaceReason marks the runs that -replace asked for.
const replaceReason = "asked for with -replace"

// Replaced reports whether the run's stored samples are to be set aside.
func (r *Run) Replaced() bool { return r.Action == Remeasure && r.Reason == replaceReason }

// Repeats reports whether an attempt failed for a reason that repeats.
func (s Samples) Repeats() bool { return s.repeats() != nil }
