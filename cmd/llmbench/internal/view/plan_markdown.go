package view

import (
	"io"

	"github.com/llmbench/llmbench/plan"
)

// Markdown prints the plan for a pull request.
func (v PlanView) Markdown(w io.Writer) error {
	p := &printer{w: w}
	for _, g := range groupRuns(v.Plan.Runs) {
		p.line("### %s: %s, %s", g.name, plural(len(g.runs), "run"), stored(g.runs))
		p.line("")
		first := g.runs[0]
		p.line("%s on %s, %s", modelLine(first), hardwareLine(first), imageLine(first))
		p.line("")
		t := v.runTable(g, sharedNames(g))
		t.indent = ""
		t.header[0] = "run"
		if p.err == nil {
			p.err = t.markdown(p.w)
		}
		v.markdownChanges(p, g)
		p.line("")
	}
	p.line("%s", planLine(v.Plan.Summary))
	return p.err
}

func (v PlanView) markdownChanges(p *printer, g *group) {
	at := newPlaces(v.Plan)
	for _, r := range g.runs {
		for _, c := range r.Changes {
			p.line("- `%s` %s: %s (%s)", short(r.Address), changeName(c), changeText(c), at.of(c.Range))
		}
	}
}

// sharedNames are the facts that all runs of a group have in common.
func sharedNames(g *group) map[string]bool {
	common := map[string]bool{}
	list := facts(g.runs[0])
	for _, f := range list {
		common[f.name] = true
	}
	for _, r := range g.runs[1:] {
		texts := map[string]string{}
		for _, f := range facts(r) {
			texts[f.name] = f.text
		}
		for _, f := range list {
			if texts[f.name] != f.text {
				delete(common, f.name)
			}
		}
	}
	return common
}

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
	out.line("%d of %s the same as in %s.", same, plural(len(p.Runs), "run"), name)
	return out.err
}
