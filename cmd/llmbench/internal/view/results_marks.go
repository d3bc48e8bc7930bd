package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// rowMarks mark the best and the Pareto-optimal runs, and give each note of some rows a letter.
type rowMarks struct {
	byRun    map[string]string
	frontier bool     // some row is marked as Pareto-optimal
	tied     bool     // some row as no worse than the best
	best     []string // what rows have the most of that are marked as the best
	unranked []string
	slos     []string // the bounds of the rows that have some
	caption  func(failure.Code) string
	common   []failure.Code
	lettered []failure.Code
}

func newRowMarks(s *results.Set, names runNames) rowMarks {
	m := rowMarks{byRun: map[string]string{}, caption: func(code failure.Code) string { return captionIn(s, code) }}
	order, of := grouped(s.Runs, names)
	for _, group := range order {
		points, _ := frontierOf(of[group])
		if len(points) < 2 {
			continue
		}
		if why := unranked(of[group]); why != "" {
			m.unranked = append(m.unranked, fmt.Sprintf("%s: none is marked as the best: %s.", group, why))
			continue
		}
		for _, p := range points {
			if p.Best {
				m.byRun[runKey(p.run)] = "^"
			}
		}
		best, metric := bestOf(of[group])
		m.frontier = true
		if best == nil {
			m.unranked = append(m.unranked, group+": none is marked as the best: no request is within the slo.")
			continue
		}
		most := "the most output tok/s/GPU of its use case"
		if metric == trtllm.GoodputPerGPU {
			most = "the most goodput of its use case"
		}
		if !slices.Contains(m.best, most) {
			m.best = append(m.best, most)
		}
		tied := s.TiedWith(*best, metric)
		for _, run := range of[group] {
			switch key := runKey(run); {
			case key == runKey(*best):
				m.byRun[key] = "*"
			case tied(run):
				m.byRun[key], m.tied = "~"+m.byRun[key], true
			}
		}
	}
	m.slos = slosOf(s)
	measured := slices.DeleteFunc(slices.Clone(s.Runs), func(run results.RunSummary) bool { return run.Samples == 0 })
	codes, touched := caveatsOf(measured)
	for _, code := range codes {
		if touched[code] == len(measured) {
			m.common = append(m.common, code)
		} else {
			m.lettered = append(m.lettered, code)
		}
	}
	for _, run := range s.Runs {
		letters := ""
		for _, code := range runCaveats(run) {
			if i := slices.Index(m.lettered, code); i >= 0 {
				letters += letter(i)
			}
		}
		m.byRun[runKey(run)] = strings.TrimSpace(m.byRun[runKey(run)] + " " + letters)
	}
	return m
}

// bestOf is the run with the most goodput, or where no request is judged by an slo with
// the most throughput, and the metric that it has the most of; nil where no request met
// the slo. Of equal runs it is the first.
func bestOf(runs []results.RunSummary) (best *results.RunSummary, metric string) {
	metric = trtllm.OutputThroughputPerGPU
	if len(slosIn(runs)) > 0 {
		metric = trtllm.GoodputPerGPU
	}
	most := 0.0
	for i, run := range runs {
		if v := run.Of(metric); v != nil && v.Median > most {
			best, most = &runs[i], v.Median
		}
	}
	return best, metric
}

// caveatsOf are the codes of runs' notes, with how many runs have them.
func caveatsOf(runs []results.RunSummary) (codes []failure.Code, touched map[failure.Code]int) {
	touched = map[failure.Code]int{}
	for _, run := range runs {
		for _, code := range runCaveats(run) {
			if touched[code]++; touched[code] == 1 {
				codes = append(codes, code)
			}
		}
	}
	return codes, touched
}

// slosOf says which bounds goodput is judged by: once where all rows have the same.
func slosOf(s *results.Set) []string {
	var rows tally[string]
	for _, r := range s.Results {
		if r.Requests != nil && r.Requests.SLO != nil {
			rows.add(r.Requests.SLO.String(), Shown(r.Address))
		}
	}
	for i, bounds := range rows.keys {
		of := ""
		if len(rows.keys) > 1 {
			of = " of " + Some(rows.of[bounds], 2)
		}
		rows.keys[i] = fmt.Sprintf("slo%s: %s; goodput and share are of the requests that ended while the load was steady", of, bounds)
	}
	return rows.keys
}

func runCaveats(run results.RunSummary) []failure.Code {
	var codes []failure.Code
	for _, r := range run.Results {
		for _, c := range r.Caveats {
			if !slices.Contains(codes, c.Code) {
				codes = append(codes, c.Code)
			}
		}
	}
	return codes
}

func letter(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return fmt.Sprintf("(%d)", i+1)
}

func (m rowMarks) of(run results.RunSummary) string { return m.byRun[runKey(run)] }

// runKey tells the runs of a set apart: several may have one address.
func runKey(run results.RunSummary) string {
	return run.Address + "\x00" + run.Fingerprint + "\x00" + run.Results[0].Cluster
}

// legend explains the marks, and says which notes touch all rows.
func (m rowMarks) legend() []string {
	out := slices.Clone(m.slos)
	if len(m.best) > 0 {
		out = append(out, "*  "+strings.Join(m.best, ", or "))
	}
	if m.tied {
		out = append(out, "~  cannot be told from *: equal, or less apart than noise explains")
	}
	if m.frontier {
		out = append(out, "^  Pareto-optimal in tok/s/GPU and tok/s/user")
	}
	out = append(out, m.unranked...)
	for i, code := range m.lettered {
		out = append(out, fmt.Sprintf("%s  %s", letter(i), m.caption(code)))
	}
	if len(m.common) > 0 {
		var texts []string
		for _, code := range m.common {
			texts = append(texts, m.caption(code))
		}
		out = append(out, "all rows with numbers: "+strings.Join(texts, "; ")+".")
	}
	return out
}

// caption says in a few words what a caveat means for the metric that it touches.
func caption(code failure.Code) string { return cmp.Or(code.Entry().Caption, string(code)) }

// captionIn is caption with what a set of results says more of a code.
func captionIn(s *results.Set, code failure.Code) string {
	if code != failure.NotModelled {
		return caption(code)
	}
	var estimates []*plan.Estimate
	for _, r := range s.Results {
		estimates = append(estimates, r.Estimate)
	}
	words := strings.TrimSuffix(plan.NotModelled(estimates...), ".")
	return cmp.Or(strings.Replace(words, "P", "p", 1), caption(code))
}
