package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

// Markdown prints the plan as a comment for a pull request, compared with base, nil for nothing.
func (v PlanView) Markdown(w io.Writer, base []*plan.Run, name string) error {
	return Comment(w, func(w io.Writer) error { return v.markdown(&printer{w: w, md: true}, base, name) })
}

func (v PlanView) markdown(p *printer, base []*plan.Run, name string) error {
	p.banner(v.Plan.Simulated(), planBanner)
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
		p.line("\nChanged: %s.", markdownText(Some(changed, 6)))
	}
	if base != nil {
		v.costBeforeAfter(p, base, name)
	}
	for _, g := range groupRuns(v.Plan.Runs) {
		first := g.runs[0]
		p.line("\n### %s: %s, %s\n", g.name, Plural(len(g.runs), "run"), stored(g.runs))
		p.line("%s on %s, %s\n", modelLine(first), hardwareLine(first), imageLine(first))
		if words := estimatorWords(g); len(words) > 0 {
			p.line("%s\n", markdownText(strings.Join(words, " ")))
		}
		t := v.runTable(g)
		t.header[0] = "run"
		if len(t.rows) > 0 {
			p.table(t)
		}
		if kept := g.kept(); kept > 0 && !v.All {
			p.line("\n%s unchanged, all samples stored.", Plural(kept, "run"))
		}
		v.searches(p, g)
		v.changes(p, g)
		if strings.Contains(modelLine(first)+imageLine(first), "[a]") {
			p.line("\n%s", unpinnedNote)
		}
		v.folded(p, g)
	}
	v.jobs(p)
	if base != nil {
		p.line("\n<details><summary>What differs from %s</summary>\n\n```", name)
		if p.err == nil {
			p.err = Against(p.w, v.Plan, base, name)
		}
		p.line("```\n</details>")
	}
	return p.err
}

const planBanner = "SIMULATED: nothing will be measured; the figures will come from a model of the GPUs. GPU-hours are those of real runs."

// folded holds what few readers need: every shared value with its place, and the notes.
func (v PlanView) folded(p *printer, g *group) {
	t := &table{header: []string{"same in all runs", "from"}}
	for _, name := range g.shared {
		r := g.runs[0]
		t.add(phrase(r, name, g.value(r, name)), origin(v.Plan, r.Origins.At(name)))
	}
	p.line("\n<details><summary>Values and where they come from</summary>\n")
	p.table(t)
	p.line("</details>")
	if notes := g.noteLines(); len(notes) > 0 {
		p.line("\n<details><summary>%s on what could be better</summary>\n", Plural(len(notes), "note"))
		for _, note := range notes {
			p.line("- %s", markdownText(note))
		}
		p.line("</details>")
	}
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
