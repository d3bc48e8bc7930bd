package view

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportAnswer is the run with the most throughput of one traffic.
type reportAnswer struct {
	Group, Lengths, Unranked          string
	Value, Interval, With, More, Next string
	Goodput                           string // "" without an slo
}

func (r Report) answers(set *results.Set, names runNames) []reportAnswer {
	var out []reportAnswer
	order, of := grouped(set.Runs, names)
	for _, name := range order {
		runs := fastestFirst(of[name])
		if len(runs) == 0 {
			continue
		}
		if why := unranked(runs); why != "" {
			out = append(out, reportAnswer{Group: name, Lengths: lengths(runs[0].Results[0].UseCase), Unranked: why})
			continue
		}
		best := throughput(runs[0])
		a := reportAnswer{Group: name, Lengths: lengths(runs[0].Results[0].UseCase), Value: figure(best.Median), Interval: halfWidth(best)}
		if with := names.within(runs[0].Address); with != name {
			a.With = with
		}
		var more []string
		if s := runs[0].Summary.At(trtllm.OutputThroughputPerUser); s != nil {
			more = append(more, figure(s.Median)+" tok/s/user")
		}
		if within := runs[0].Of(trtllm.WithinSLO); within != nil && within.Median == 0 {
			more = append(more, "no request within the slo")
		}
		if r.Price.set() {
			more = append(more, r.Price.amount(r.Price.perMillion(best.Median))+" per million output tokens")
		}
		if runs[0].Verdict == results.Suspect {
			more = append(more, verdictText(runs[0]))
		}
		a.More = strings.Join(more, ", ")
		if len(runs) > 1 {
			a.Next = nextText(set, runs[0], runs[1], names)
		}
		a.Goodput = goodputText(runs, names)
		out = append(out, a)
	}
	return out
}

// goodputText names the run with the most goodput, "" where none is judged by an slo.
func goodputText(runs []results.RunSummary, names runNames) string {
	runs = slices.DeleteFunc(slices.Clone(runs), func(run results.RunSummary) bool { return run.Of(trtllm.GoodputPerGPU) == nil })
	if len(runs) == 0 {
		return ""
	}
	best := slices.MaxFunc(runs, func(a, b results.RunSummary) int {
		return cmp.Compare(a.Of(trtllm.GoodputPerGPU).Median, b.Of(trtllm.GoodputPerGPU).Median)
	})
	most := best.Of(trtllm.GoodputPerGPU).Median
	if most == 0 {
		return "no run has a request within its slo"
	}
	return fmt.Sprintf("most goodput: %s output tok/s/GPU with %s, %s %% of requests within the slo (%s)",
		figure(most), names.within(best.Address), withinSLO(best), slosIn([]results.RunSummary{best})[0])
}

// nextText says how far the second is behind the best, and whether noise explains that.
func nextText(set *results.Set, best, second results.RunSummary, names runNames) string {
	change := throughput(second).Median/throughput(best).Median - 1
	text := fmt.Sprintf("%s, %s", names.within(second.Address), differenceText(change))
	if differenceText(change) != differenceText(0) && set.TiedWith(best, trtllm.OutputThroughputPerGPU)(second) {
		text += ", which noise explains"
	}
	return text
}

func throughput(run results.RunSummary) *results.Summary {
	return run.Summary.At(trtllm.OutputThroughputPerGPU)
}

// fastestFirst orders the runs that have a throughput, and leaves out the others.
func fastestFirst(runs []results.RunSummary) []results.RunSummary {
	runs = slices.DeleteFunc(slices.Clone(runs), func(run results.RunSummary) bool { return throughput(run) == nil })
	slices.SortStableFunc(runs, func(a, b results.RunSummary) int { return cmp.Compare(throughput(b).Median, throughput(a).Median) })
	return runs
}

// differenceText is a relative change in percent; none has no sign.
func differenceText(change float64) string {
	if text := fmt.Sprintf("%+.1f %%", 100*change); strings.Trim(text, "+-0. %") != "" {
		return text
	}
	return "0.0 %"
}

// A reportAgainst is a comparison with a base in short.
type reportAgainst struct {
	Base, Told string
	Rows       []reportCompared
	More       int // rows that are left out
	Refused    []string
}

type reportCompared struct{ Name, Metric, Before, After, Change, Verdict string }

// newReportAgainst shows what got worse, then what got better, then what changed by
// a percent or more and cannot be judged, the greatest change first.
func newReportAgainst(base string, c *results.Comparison, names runNames) *reportAgainst {
	a := &reportAgainst{Base: base}
	counts := map[results.Difference]int{}
	var rows []results.ComparedMetric
	for _, compared := range c.Metrics {
		counts[compared.Verdict]++
		if compared.Verdict == results.Worse || compared.Verdict == results.Better || compared.Verdict == results.CannotTell && math.Abs(compared.ChangePct) >= 1 {
			rows = append(rows, compared)
		}
	}
	order := []results.Difference{results.Worse, results.Better, results.CannotTell}
	slices.SortStableFunc(rows, func(a, b results.ComparedMetric) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Verdict), slices.Index(order, b.Verdict)), cmp.Compare(math.Abs(b.ChangePct), math.Abs(a.ChangePct)))
	})
	const most = 20
	a.More = max(0, len(rows)-most)
	for _, compared := range rows[:min(most, len(rows))] {
		verdict := strings.ReplaceAll(string(compared.Verdict), "_", " ")
		if c.Simulated {
			verdict = "not judged"
		}
		m, _ := trtllm.FindMetric(compared.Metric)
		a.Rows = append(a.Rows, reportCompared{
			names.full(compared.Address), cmp.Or(m.Column, compared.Metric), summaryText(compared.Base), summaryText(compared.Target), differenceText(compared.ChangePct / 100), verdict,
		})
	}
	if c.Simulated {
		a.Told = fmt.Sprintf("%s compared; a simulation has no noise to judge by", Plural(len(c.Metrics), "number"))
	} else {
		a.Told = fmt.Sprintf("Of %s, %d got worse, %d got better, %d stayed the same, %d cannot be told",
			Plural(len(c.Metrics), "number"), counts[results.Worse], counts[results.Better], counts[results.Same], counts[results.CannotTell])
	}
	a.Refused = refusals(c, names.full)
	return a
}

// A reportSearch is what a search has found, and the rounds in which it did.
type reportSearch struct {
	Title string
	Told  []reportFact // named inner where it says more of the line above
	Rows  []reportRound
}

// A reportRound is a run that a round measured. Round is 0 where the row above has it.
type reportRound struct {
	Round        int
	Name, Reason string
}

func newReportSearch(s ReportSearch, names runNames) reportSearch {
	var told strings.Builder
	searchEnding(&printer{w: &told}, s.Search, "")
	out := reportSearch{Title: fmt.Sprintf("Search %s: %s", s.Name(), searchGoal(s.Search))}
	for line := range strings.Lines(told.String()) {
		fact := reportFact{Value: strings.TrimSpace(line)}
		if strings.HasPrefix(line, " ") {
			fact.Name = "inner"
		}
		out.Told = append(out.Told, fact)
	}
	for _, round := range s.Rounds {
		number := round.Number
		for _, r := range round.Runs {
			out.Rows, number = append(out.Rows, reportRound{number, names.full(r.Address), r.Reason}), 0
		}
	}
	return out
}
