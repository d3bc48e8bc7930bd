package view

import (
	"fmt"

	"github.com/llmbench/llmbench/plan/failure"
)

// notes prints what the estimates say that could be better: each kind once, with the
// first run that it is said of.
func (v PlanView) notes(p *printer, g *group) {
	type kind struct{ run, detail string }
	var codes []failure.Code
	first, runs := map[failure.Code]kind{}, map[failure.Code]int{}
	for _, r := range g.runs {
		for _, n := range r.Notes {
			if !todo(r) || !n.Code.Entry().Advises {
				continue
			}
			if runs[n.Code]++; runs[n.Code] == 1 {
				codes = append(codes, n.Code)
				first[n.Code] = kind{short(r.Address), n.Detail}
			}
		}
	}
	for i, code := range codes {
		if i == 0 {
			p.line("")
		}
		where := first[code].run
		if more := runs[code] - 1; more > 0 {
			where += fmt.Sprintf(" and %d more", more)
		}
		p.wrapped("  ", 4, fmt.Sprintf("%s (%s): %s", code, where, first[code].detail))
	}
}
