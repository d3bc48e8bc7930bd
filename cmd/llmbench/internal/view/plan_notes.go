package view

import (
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// notedRuns is up to how many runs a plan shows notes in full.
const notedRuns = 8

// notes prints what the estimates say that could be better: in full for a few
// runs to be measured, in sum for many.
func (v PlanView) notes(p *printer, g *group) {
	if len(g.runs) > notedRuns {
		v.notesInSum(p, g)
		return
	}
	t := &table{indent: "  "}
	for _, r := range g.runs {
		name := short(r.Address)
		for _, n := range r.Notes {
			if todo(r) && n.Code.Entry().Advises {
				t.add(name, string(n.Code), n.Detail)
				name = ""
			}
		}
	}
	if len(t.rows) > 0 {
		p.line("")
		p.table(t)
	}
}

func (v PlanView) notesInSum(p *printer, g *group) {
	counts := map[failure.Code]int{}
	first := map[failure.Code]*plan.Run{}
	for _, r := range g.runs {
		for _, n := range r.Notes {
			if todo(r) && n.Code.Entry().Advises {
				if counts[n.Code]++; first[n.Code] == nil {
					first[n.Code] = r
				}
			}
		}
	}
	t := &table{indent: "  "}
	for _, code := range sortedKeys(counts) {
		t.add(string(code), Plural(counts[code], "run"), "-explain="+first[code].Address+" tells")
	}
	if len(t.rows) > 0 {
		p.line("")
		p.table(t)
	}
}
