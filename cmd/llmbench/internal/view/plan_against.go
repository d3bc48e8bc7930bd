package view

import (
	"io"

	"github.com/llmbench/llmbench/plan"
)

// Against prints how the runs of a plan differ from those of an earlier
// document, address by address.
func Against(w io.Writer, p *plan.Plan, base []*plan.Run, name string) error {
	out := &printer{w: w}
	at := newPlaces(p)
	old := map[string]*plan.Run{}
	for _, r := range base {
		old[r.Address] = r
	}
	same := 0
	for _, r := range p.Runs {
		before := old[r.Address]
		delete(old, r.Address)
		switch {
		case before == nil:
			out.line("+ %s is not in %s", r.Address, name)
		case before.Fingerprint == r.Fingerprint:
			same++
		default:
			out.line("~ %s", r.Address)
			changeLines(out, plan.Compare(before, r), func(plan.Change) bool { return true }, at)
		}
	}
	for _, a := range sortedKeys(old) {
		out.line("- %s is no longer declared", a)
	}
	out.line("%d of %s the same as in %s.", same, Plural(len(p.Runs), "run"), name)
	return out.err
}
