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

// rowMarks are the marks of rows by runKey, and what they mean: the best and the Pareto-optimal
// runs of each use case, and a letter for each note that some rows have.
func rowMarks(s *results.Set, names runNames) (marks map[string]string, legend []string) {
	marks = map[string]string{}
	var best, unmarked []string
	isTied, isOptimal := false, false
	order, of := grouped(s.Runs, names)
	for _, group := range order {
		points, _ := frontierOf(of[group])
		if len(points) < 2 {
			continue
		}
		if why := unranked(of[group]); why != "" {
			unmarked = append(unmarked, fmt.Sprintf("%s: none is marked as the best: %s.", group, why))
			continue
		}
		isOptimal = true
		for _, p := range points {
			if p.Best {
				marks[runKey(p.run)] = "^"
			}
		}
		first, metric := bestOf(of[group])
		if first == nil {
			unmarked = append(unmarked, group+": none is marked as the best: no request is within the slo.")
			continue
		}
		most := "the most output tok/s/GPU of its use case"
		if metric == trtllm.GoodputPerGPU {
			most = "the most goodput of its use case"
		}
		if !slices.Contains(best, most) {
			best = append(best, most)
		}
		tied := s.TiedWith(*first, metric)
		for _, run := range of[group] {
			switch key := runKey(run); {
			case key == runKey(*first):
				marks[key] = "*"
			case tied(run):
				marks[key], isTied = "~"+marks[key], true
			}
		}
	}
	legend = slosOf(s)
	if len(best) > 0 {
		legend = append(legend, "*  "+strings.Join(best, ", or "))
	}
	if isTied {
		legend = append(legend, "~  cannot be told from *: equal, or less apart than noise explains")
	}
	if isOptimal {
		legend = append(legend, "^  Pareto-optimal in tok/s/GPU and tok/s/user")
	}
	legend = append(legend, unmarked...)
	return marks, append(legend, letterNotes(s, marks)...)
}

// letterNotes adds to marks a letter for each note that some rows have, and says what letters
// mean and which notes touch all rows.
func letterNotes(s *results.Set, marks map[string]string) (legend []string) {
	measured := slices.DeleteFunc(slices.Clone(s.Runs), func(run results.RunSummary) bool { return run.Samples == 0 })
	codes, touched := caveatsOf(measured)
	letters := map[failure.Code]string{}
	var common []string
	for _, code := range codes {
		if touched[code] == len(measured) {
			common = append(common, captionIn(s, code))
			continue
		}
		letters[code] = string(rune('a' + len(letters)))
		if n := len(letters); n > 26 {
			letters[code] = fmt.Sprintf("(%d)", n)
		}
		legend = append(legend, letters[code]+"  "+captionIn(s, code))
	}
	for _, run := range s.Runs {
		marked := marks[runKey(run)] + " "
		for _, code := range runCaveats(run) {
			marked += letters[code]
		}
		marks[runKey(run)] = strings.TrimSpace(marked)
	}
	if len(common) > 0 {
		legend = append(legend, "all rows with numbers: "+strings.Join(common, "; ")+".")
	}
	return legend
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
