package command

import (
	"fmt"
	"slices"
	"time"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// readDate reads a day, which begins at midnight UTC, or a time in RFC 3339; zero for
// "".
func readDate(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("-since=%s is not a date; write one such as 2026-11-03", text)
}

// runHistory prints what was measured over time.
func (e *env) runHistory(f resultFlags) error {
	write, ok := view.HistoryFormats[f.Format]
	if !ok {
		return fmt.Errorf("-format=%s: histories are printed as table, markdown, csv or json", f.Format)
	}
	s := e.load(f.definitionFlags, f.Executor)
	p, diags := s.plan(plan.Selection{})
	if err := s.complainOfErrors(diags); err != nil {
		return err
	}
	h, err := s.history(p, f.Executor, f.Metric)
	if err != nil {
		return err
	}
	matched := map[string]bool{}
	h.Series = slices.DeleteFunc(h.Series, func(series results.Series) bool {
		wanted := len(f.Targets) == 0
		for _, t := range f.Targets {
			if plan.Match(t, series.Address) {
				wanted, matched[t] = true, true
			}
		}
		return !wanted
	})
	for _, t := range f.Targets {
		if !matched[t] {
			return fmt.Errorf("nothing that was measured matches %s; `llmbench results -history %s` lists all", t, f.Dir)
		}
	}
	return write(e.streams.Out, h.Since(f.Since))
}

// history is that of all real results of the store, or of simulated ones where an
// executor that simulates is asked for or nothing is measured: in the order of the
// plan, what is no longer declared last.
func (s *session) history(p *plan.Plan, executor, metric string) (*results.History, error) {
	real, simulated, err := s.stored(p, executor, s.seen.History)
	h := results.NewHistory(real, metric)
	if len(h.Series) == 0 {
		h = results.NewHistory(simulated, metric)
	}
	place := map[string]int{}
	for i, r := range p.Runs {
		place[r.Address] = i - len(p.Runs)
	}
	slices.SortStableFunc(h.Series, func(a, b results.Series) int { return place[a.Address] - place[b.Address] })
	return h, err
}
