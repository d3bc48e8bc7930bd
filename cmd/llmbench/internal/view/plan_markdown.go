package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

// Markdown prints the plan as a comment for a pull request: the table, why,
// what it costs, and folded behind them all values with their places. base is
// what the plan is compared with, named name; nil for nothing.
func (v PlanView) Markdown(w io.Writer, base []*plan.Run, name string) error {
	return Comment(w, func(w io.Writer) error { return v.markdown(&printer{w: w, md: true}, base, name) })
}

func (v PlanView) markdown(p *printer, base []*plan.Run, name string) error {
	if v.Plan.Simulated() {
		p.strong(planBanner)
		p.line("")
	}
	v.approval(p, base, name)
	for _, g := range groupRuns(v.Plan.Runs) {
		p.line("### %s: %s, %s", g.name, Plural(len(g.runs), "run"), stored(g.runs))
		p.line("")
		first := g.runs[0]
		p.line("%s on %s, %s", modelLine(first), hardwareLine(first), imageLine(first))
		p.line("")
		if words := estimatorWords(g); len(words) > 0 {
			p.line("%s", markdownText(strings.Join(words, " ")))
			p.line("")
		}
		t := v.runTable(g, sharedNames(g))
		t.indent = ""
		t.header[0] = "run"
		if len(t.rows) > 0 {
			p.table(t)
		}
		if kept := g.kept(); kept > 0 && !v.All {
			p.line("")
			p.line("%s unchanged, all samples stored.", Plural(kept, "run"))
		}
		v.searches(p, g)
		v.markdownChanges(p, g)
		if strings.Contains(modelLine(first)+imageLine(first), "[a]") {
			p.line("")
			p.line("%s", unpinnedNote)
		}
		p.line("")
		v.folded(p, g)
	}
	if len(v.Plan.Jobs) > 0 {
		list := func(title string, lines [][2]string) {
			p.line("%s.", title)
			for _, line := range lines {
				p.line("- %s: %s", line[0], markdownText(line[1]))
			}
			p.line("")
		}
		list(v.packedLine(), v.jobLines())
		if title, lines := v.engineLines(); title != "" {
			list(title, lines)
		}
	} else if line := v.unpackedLine(); line != "" {
		p.line("%s", line)
		p.line("")
	}
	if base != nil {
		p.line("")
		p.line("<details><summary>What differs from %s</summary>", name)
		p.line("")
		p.line("```")
		if p.err == nil {
			p.err = Against(p.w, v.Plan, base, name)
		}
		p.line("```")
		p.line("</details>")
	}
	return p.err
}

// approval is what a reviewer approves: the runs by action with what they cost, which
// arguments change, and what all samples cost before and after.
func (v PlanView) approval(p *printer, base []*plan.Run, name string) {
	p.line("%s", v.planLine())
	var changed []string
	for _, r := range v.Plan.Runs {
		for _, c := range r.Changes {
			if text := "`" + changeName(c) + "` " + changeText(c); !slices.Contains(changed, text) {
				changed = append(changed, text)
			}
		}
	}
	if len(changed) > 0 {
		p.line("")
		p.line("Changed: %s.", markdownText(Some(changed, 6)))
	}
	if base != nil {
		v.costBeforeAfter(p, base, name)
	}
	p.line("")
}

const planBanner = "SIMULATED: nothing will be measured; the figures will come from a model of the GPUs. GPU-hours are those of real runs."

func (v PlanView) markdownChanges(p *printer, g *group) {
	at := newPositions(v.Plan)
	for _, r := range g.runs {
		for _, c := range r.Changes {
			p.line("- `%s` %s: %s (%s)", short(r.Address), changeName(c), markdownText(changeText(c)), at.of(c.Range))
		}
	}
}

// folded holds what few readers need: every shared value with its place, and
// the notes.
func (v PlanView) folded(p *printer, g *group) {
	at := newPositions(v.Plan)
	common := sharedNames(g)
	t := &table{header: []string{"same in all runs", "from"}}
	for _, f := range facts(g.runs[0]) {
		if common[f.name] {
			t.add(f.text, at.origin(f.from))
		}
	}
	p.line("<details><summary>Values and where they come from</summary>")
	p.line("")
	p.table(t)
	p.line("</details>")
	p.line("")
	var notes []string
	for _, r := range g.runs {
		if r.Action == plan.Candidate {
			continue
		}
		for _, n := range r.Notes {
			if n.Code.Entry().Advises {
				notes = append(notes, fmt.Sprintf("- `%s` %s: %s", short(r.Address), n.Code, markdownText(n.Detail)))
			}
		}
	}
	if len(notes) == 0 {
		return
	}
	p.line("<details><summary>%s on what could be better</summary>", Plural(len(notes), "note"))
	p.line("")
	p.line("%s", strings.Join(notes, "\n"))
	p.line("</details>")
	p.line("")
}

// costBeforeAfter compares what all samples of all runs cost.
func (v PlanView) costBeforeAfter(p *printer, base []*plan.Run, name string) {
	t := &table{header: []string{"all samples of all runs", "runs", "GPU-hours at most", "expected"}, right: []bool{false, true, true, true}}
	if v.Price.set() {
		t.header, t.right = append(t.header, "cost expected"), append(t.right, true)
	}
	for _, side := range []struct {
		name string
		runs []*plan.Run
	}{{"before (" + name + ")", base}, {"after", v.Plan.Runs}} {
		limit, low, high := 0.0, 0.0, 0.0
		for _, r := range side.runs {
			n := float64(max(1, r.State.Wanted))
			limit += n * r.GPUHoursLimit()
			if e := r.Estimate; e != nil && e.GPUHours != nil {
				low, high = low+n*e.GPUHours.Low, high+n*e.GPUHours.High
			}
		}
		row := []string{side.name, fmt.Sprint(len(side.runs)), known(limit, fmt.Sprintf("%.1f", limit)), known(high, hoursRange(low, high))}
		if v.Price.set() {
			row = append(row, known(high, v.Price.between(low, high)))
		}
		t.add(row...)
	}
	p.line("")
	p.table(t)
}

func known(sum float64, text string) string {
	if sum == 0 {
		return "-"
	}
	return text
}
