package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportTile is one figure at the head of the page.
type reportTile struct{ Figure, Label string }

func reportTiles(set *results.Set, price Price) []reportTile {
	tiles := []reportTile{{Plural(len(set.Runs), "run"), verdictCounts(set)}}
	best, where := 0.0, ""
	for _, run := range set.Runs {
		if s := run.Summary.At(trtllm.OutputThroughputPerGPU); s != nil && s.Median > best {
			best, where = s.Median, newRunNames(set.Runs).full(run.Address)
		}
	}
	if best > 0 && unranked(set.Runs) == "" {
		tiles = append(tiles, reportTile{figure(best), "tokens/s/GPU at most: " + where})
	}
	if Simulated(set) {
		return tiles
	}
	if hours := spentHours(set.Results); hours > 0 {
		label := "GPU-hours spent"
		if price.set() {
			label += ", " + price.amount(hours*price.PerGPUHour)
		}
		tiles = append(tiles, reportTile{figure(hours), label})
	}
	if first, last := measuredBetween(set); !first.IsZero() {
		when := first.UTC().Format(time.DateOnly)
		if end := last.UTC().Format(time.DateOnly); end != when {
			when += " … " + end
		}
		tiles = append(tiles, reportTile{when, "measured (UTC)"})
	}
	return tiles
}

func verdictCounts(set *results.Set) string {
	counts := map[results.Verdict]int{}
	for _, run := range set.Runs {
		counts[run.Verdict]++
	}
	var parts []string
	for _, v := range []results.Verdict{results.Valid, results.Suspect, results.Invalid, results.Failed, results.NotMeasured} {
		if n := counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(v), "_", " ")))
		}
	}
	return strings.Join(parts, ", ")
}

func spentHours(list []*results.Result) float64 {
	sum := 0.0
	for _, r := range list {
		sum += r.Took().Hours() * float64(r.Hardware.GPUs)
	}
	return sum
}

func measuredBetween(set *results.Set) (first, last time.Time) {
	for _, r := range set.Results {
		if at := r.Job.Started; at != nil && r.Counts() {
			if first.IsZero() || at.Before(first) {
				first = *at
			}
			if at.After(last) {
				last = *at
			}
		}
	}
	return first, last
}

// A reportGroup is the summary of runs with one traffic. Its name is "" where its
// only row has it.
type reportGroup struct {
	Name, Lengths string
	Rows          []reportRow
}

// A reportRow is one run in the summary. Lengths is "" where the group has them.
type reportRow struct {
	Name, Lengths, Verdict, Mark, Samples, Interval string
	// Figures stand in the order of the columns.
	Figures []string
}

func reportGroups(set *results.Set, names runNames) []reportGroup {
	var out []reportGroup
	order, of := grouped(set.Runs, names)
	for _, name := range order {
		g := reportGroup{Name: name, Lengths: lengths(of[name][0].Results[0])}
		for _, run := range of[name] {
			g.Rows = append(g.Rows, newReportRow(run, names))
		}
		if len(g.Rows) == 1 && g.Rows[0].Name == name {
			g.Name, g.Rows[0].Lengths = "", g.Lengths
		}
		out = append(out, g)
	}
	return out
}

func newReportRow(run results.RunSummary, names runNames) reportRow {
	row := reportRow{
		Name: names.within(run.Address), Verdict: verdictText(run), Mark: string(run.Verdict), Samples: fmt.Sprint(run.Samples),
		Interval: intervalText(run.Summary.At(trtllm.OutputThroughputPerGPU)),
	}
	for _, m := range trtllm.Columns() {
		text := "-"
		if s := run.Summary.At(m.Name); s != nil {
			text = metricText(m, &s.Median)
		}
		row.Figures = append(row.Figures, text)
	}
	return row
}

// verdictText is the verdict of a run with the code that explains it.
func verdictText(run results.RunSummary) string {
	text := strings.TrimSuffix(runVerdict(run), " (simulated)")
	for _, r := range run.Results {
		if r.Verdict == run.Verdict && r.Code() != "" {
			text += ": " + string(r.Code())
			break
		}
	}
	if run.Verdict != results.NotMeasured && run.Results[0].Simulated {
		text += " (simulated)"
	}
	return text
}

// intervalText is the 95 % interval of a summary, "" where there is none.
func intervalText(s *results.Summary) string {
	if s == nil || s.Low == nil || s.High == nil {
		return "-"
	}
	return figure(*s.Low) + " … " + figure(*s.High)
}

// reportFootnotes are what is to be said of the intervals.
func reportFootnotes(set *results.Set) []string {
	var out []string
	for _, run := range set.Runs {
		if s := run.Summary.At(trtllm.OutputThroughputPerGPU); s != nil {
			for _, w := range s.Warnings {
				if !slices.Contains(out, w) {
					out = append(out, w)
				}
			}
		}
	}
	return out
}

// A reportReason is why a sample is not simply valid.
type reportReason struct{ Name, Sample, Mark, Code, Detail, Remedy string }

func reportReasons(set *results.Set, names runNames) []reportReason {
	var out []reportReason
	for _, r := range set.Results {
		for _, reason := range r.Reasons {
			out = append(out, reportReason{
				Name: names.full(r.Address), Sample: fmt.Sprint(r.Sample), Mark: string(reason.Level),
				Code: string(reason.Code), Detail: reason.Detail, Remedy: reason.Remedy,
			})
		}
	}
	return out
}

// A reportNote is what is to be known of the numbers of some runs.
type reportNote struct{ Code, Text, Runs string }

func reportNotes(set *results.Set) []reportNote {
	var codes []failure.Code
	runs := map[failure.Code]map[string]bool{}
	for _, r := range set.Results {
		for _, c := range r.Caveats {
			if runs[c.Code] == nil {
				codes, runs[c.Code] = append(codes, c.Code), map[string]bool{}
			}
			runs[c.Code][r.Address] = true
		}
	}
	var out []reportNote
	for _, line := range detailedCaveats(set) {
		address, text, _ := strings.Cut(line, " ")
		code, text, _ := strings.Cut(text, ": ")
		out = append(out, reportNote{Code: code, Text: text, Runs: address})
	}
	for _, code := range codes {
		n := reportNote{Code: string(code), Text: captionIn(set, code), Runs: "all runs"}
		if k := len(runs[code]); k < len(set.Runs) {
			n.Runs = fmt.Sprintf("%d of %d runs", k, len(set.Runs))
		}
		out = append(out, n)
	}
	return out
}
