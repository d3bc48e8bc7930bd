package view

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportSpread is how a time was spread over the requests of each run.
type reportSpread struct {
	Name, Title string
	Ticks       []reportTick
	Groups      []reportSpreadGroup
	// Waiting says that some runs hold the time that requests waited.
	Waiting bool
}

type reportSpreadGroup struct {
	Name string
	Rows []reportSpreadRow
}

// A reportSpreadRow is one run: the places of its percentiles on the scale, and
// their values.
type reportSpreadRow struct {
	Name, Mark             string
	Left, Width            float64
	Places                 []float64
	Median                 float64
	P50, P90, P95, P99, Of string
}

func reportSpreads(set *results.Set, names runNames) []reportSpread {
	var out []reportSpread
	for _, m := range trtllm.Columns() {
		if m.Spread.Unit != "ms" {
			continue
		}
		s := reportSpread{Name: m.Spread.Tag, Title: strings.ToUpper(m.Title[:1]) + m.Title[1:]}
		least, most := 0.0, 0.0
		for _, run := range set.Runs {
			if q := firstSpread(run, m); q != nil {
				if least == 0 || q.P50 < least {
					least = q.P50
				}
				most = max(most, q.P99)
			}
		}
		if least <= 0 {
			continue
		}
		scale := timeScale(least, most)
		s.Ticks = scale.ticks()
		order, of := grouped(set.Runs, names)
		for _, name := range order {
			g := reportSpreadGroup{Name: name}
			for _, run := range of[name] {
				q := firstSpread(run, m)
				if q == nil {
					continue
				}
				for _, c := range counting(run).Caveats {
					s.Waiting = s.Waiting || c.Code == failure.UnlimitedConcurrency && string(c.Metric) == m.Name
				}
				g.Rows = append(g.Rows, newReportSpreadRow(run, q, scale, names))
			}
			if len(g.Rows) == 1 && g.Rows[0].Name == name {
				g.Name = ""
			}
			if len(g.Rows) > 0 {
				s.Groups = append(s.Groups, g)
			}
		}
		out = append(out, s)
	}
	return out
}

func newReportSpreadRow(run results.RunSummary, q *results.Percentiles, scale scale, names runNames) reportSpreadRow {
	row := reportSpreadRow{
		Name: names.within(run.Address), Mark: string(run.Verdict), Median: scale.place(q.P50), Left: scale.place(q.P50),
		Width: scale.place(q.P99) - scale.place(q.P50), Places: []float64{scale.place(q.P90), scale.place(q.P95), scale.place(q.P99)},
		P50: milliseconds(&q.P50), P90: milliseconds(&q.P90), P95: milliseconds(&q.P95), P99: milliseconds(&q.P99),
	}
	if run.Samples > 1 {
		row.Of = fmt.Sprintf("sample %d of %d", counting(run).Sample, run.Samples)
	}
	return row
}

// firstSpread is that of the first sample that counts.
func firstSpread(run results.RunSummary, m trtllm.Metric) *results.Percentiles {
	r := counting(run)
	if r == nil {
		return nil
	}
	if q := r.Percentiles.At(m.Name); q != nil && q.P50 > 0 {
		return q
	}
	return nil
}
