package view

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"html/template"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func (r Report) columns(set *results.Set) []runSummaryColumn {
	columns := append(metricColumns(set.Runs), runSummaryColumn{head: "samples", cell: func(run results.RunSummary) string { return fmt.Sprint(run.Samples) }})
	if !Simulated(set) {
		columns = append(columns, runSummaryColumn{head: "GPU-hours", cell: func(run results.RunSummary) string {
			return fmt.Sprintf("%.2f", spentHours(run.Results))
		}})
	}
	if r.Price.set() {
		columns = append(columns, runSummaryColumn{head: "cost per million output tokens", cell: r.Price.ofTokens})
	}
	return slices.DeleteFunc(columns, func(c runSummaryColumn) bool { return empty(c, set.Runs) })
}

// A reportFilter is what the script chooses runs by: the values of the axes that vary,
// and the verdict, of each run. Like has a number for each run that is the same for runs
// whose numbers rank them.
type reportFilter struct {
	Axes []string   `json:"axes"`
	Runs [][]string `json:"runs"`
	Like []int      `json:"like"`
	// Curves are the titles of those that are drawn over time, nil for none.
	Curves []string `json:"curves,omitempty"`
}

func newReportFilter(set *results.Set, names runNames) reportFilter {
	var f reportFilter
	if names.benchmarks {
		f.Axes = append(f.Axes, "benchmark")
	}
	if names.varies["use_case"] {
		f.Axes = append(f.Axes, "use_case")
	}
	f.Axes = append(append(f.Axes, names.axes...), "verdict")
	var firsts []int // a run of each number
	for n, run := range set.Runs {
		var values []string
		for _, axis := range f.Axes {
			v := axisValue(run.Address, axis)
			switch axis {
			case "benchmark":
				v, _ = splitAddress(run.Address)
			case "verdict":
				v = strings.ReplaceAll(string(run.Verdict), "_", " ")
			}
			values = append(values, v)
		}
		f.Runs = append(f.Runs, values)
		like := slices.IndexFunc(firsts, func(i int) bool { return len(results.Unranked([]results.RunSummary{set.Runs[i], run})) == 0 })
		if like < 0 {
			like, firsts = len(firsts), append(firsts, n)
		}
		f.Like = append(f.Like, like)
	}
	return f
}

// A reportRun is one run: its cells in the table, and what is folded away.
type reportRun struct {
	Run                        int
	Name, Value, Verdict, Mark string
	Facts                      []reportFact
	Courses                    string
	Cells                      []string
}

func (r Report) runs(set *results.Set, names runNames, differ []provenanceFact) []reportRun {
	_, touched := caveatsOf(set.Runs)
	arguments, series, columns := differingArguments(set, names), WithSeries(r.Sets), r.columns(set)
	var out []reportRun
	for i, run := range set.Runs {
		f := reportRun{Run: i, Name: names.full(run.Address), Verdict: verdictText(run), Mark: string(run.Verdict)}
		for _, c := range columns {
			f.Cells = append(f.Cells, c.cell(run))
		}
		add := func(name, format string, args ...any) {
			f.Facts = append(f.Facts, reportFact{name, fmt.Sprintf(format, args...)})
		}
		add("address", "%s", run.Address)
		var differing []string
		for _, name := range arguments {
			differing = append(differing, name+" "+argumentCell(last(run).Arguments[name], name))
		}
		if len(differing) > 0 {
			add("arguments", "%s", strings.Join(differing, ", "))
		}
		if s := throughput(run); s != nil {
			f.Value = summaryText(s) + " output tok/s/GPU"
			if e := run.Results[0].Estimate; e != nil && e.OutputThroughputPerGPU != nil && !Simulated(set) {
				i := e.OutputThroughputPerGPU
				where := "inside"
				if s.Median < i.Low || s.Median > i.High {
					where = "outside"
				}
				add("predicted", "%s … %s output tok/s/GPU; measured %s, %s that interval, %s from its middle",
					roundFigure(i.Low), roundFigure(i.High), figure(s.Median), where, differenceText(s.Median/i.Mid-1))
			}
		}
		detail := map[failure.Code]string{}
		for _, res := range run.Results {
			for _, c := range res.Caveats {
				detail[c.Code] = cmp.Or(detail[c.Code], c.Detail)
			}
		}
		for _, code := range runCaveats(run) {
			if touched[code] < len(set.Runs) {
				add("note", "%s", cmp.Or(detail[code], caption(code)))
			}
		}
		for _, res := range run.Results {
			if res.Verdict != results.NotMeasured {
				r.sample(add, res, differ)
			}
		}
		if c := counting(run); c != nil {
			if c.Iterations != nil {
				add("iterations", "%s", steadyText(c.Iterations))
			}
			if c.Requests != nil {
				add("requests", "%s", requestsText(c.Requests))
			}
			if slices.Contains(series, c) {
				f.Courses = courses(c)
			}
		}
		out = append(out, f)
	}
	return out
}

func (r Report) sample(add func(name, format string, args ...any), res *results.Result, differ []provenanceFact) {
	name := fmt.Sprintf("sample %d", res.Sample)
	if res.Attempt > 1 {
		name += fmt.Sprintf(", attempt %d", res.Attempt)
	}
	told := []string{string(res.Verdict)}
	for _, fact := range differ {
		if v := fact.of(res); v != notKnown && v != "-" {
			told = append(told, fact.name+" "+v)
		}
	}
	if m := res.Telemetry; m != nil {
		told = append(told, telemetryWords(m))
	}
	add(name, "%s", strings.Join(told, ", "))
	for _, reason := range res.Reasons {
		add(string(reason.Code), "%s", reason.Detail)
	}
	if log := cmp.Or(res.Files.Stdout, res.Files.Stderr); log != nil {
		add("log", "%s in %s", filepath.Base(*log), below(r.Dir, filepath.Dir(*log)))
	}
}

// iterationCurves are what is drawn of an iteration log, one unit a plot.
var iterationCurves = []struct {
	title string
	scale float64
	of    func(*trtllm.StepMeans) *float64
}{
	{"Requests in the batch", 1, func(m *trtllm.StepMeans) *float64 { return &m.Requests }},
	{"Context tokens per step", 1, func(m *trtllm.StepMeans) *float64 { return &m.CtxTokens }},
	{"Generation tokens per step", 1, func(m *trtllm.StepMeans) *float64 { return &m.GenTokens }},
	{"Step time in ms", 1, func(m *trtllm.StepMeans) *float64 { return m.StepMS }},
	{"KV cache used in %", 100, func(m *trtllm.StepMeans) *float64 { return m.KVUsed }},
}

// courses are what records and iteration log tell over time, as the script draws it: for
// each the seconds, the steady window, the step, and for each curve its place among the
// titles, its greatest value, and each value as a digit of base 62, a share of the
// greatest, or a dot for none.
func courses(r *results.Result) string {
	var out []string
	if q := r.Requests; q != nil && len(q.InFlight) > 1 {
		var values []float64
		for _, at := range q.InFlight {
			values = append(values, float64(at.Requests))
		}
		seconds, window := q.InFlight[len(q.InFlight)-1].AtS, results.Window{}
		if q.Window != nil {
			window = *q.Window
		}
		out = append(out, course(seconds, window.FromS, window.ToS, seconds/float64(len(values)-1))+curve(0, values))
	}
	if s := r.Iterations; s != nil {
		text := course(s.Seconds, s.Steady.StartS, s.Steady.EndS, s.BucketS)
		for n, c := range iterationCurves {
			if c.of(&s.Steady.StepMeans) == nil {
				continue // this version does not log it
			}
			var values []float64
			for _, b := range s.Buckets {
				for at := int(math.Round(b.StartS / s.BucketS)); len(values) < at; {
					values = append(values, math.NaN())
				}
				if v := c.of(&b.StepMeans); v != nil {
					values = append(values, c.scale**v)
				}
			}
			text += curve(n+1, values)
		}
		out = append(out, text)
	}
	return strings.Join(out, "/")
}

func course(seconds, from, to, step float64) string {
	return fmt.Sprintf("%.4g %.4g %.4g %.5g", seconds, from, to, step)
}

func curve(title int, values []float64) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	most, text := 0.0, []byte{}
	for _, v := range values {
		if v > most { // not one that is none
			most = v
		}
	}
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			text = append(text, '.')
		case most == 0:
			text = append(text, '0')
		default:
			text = append(text, digits[int(math.Round(v/most*float64(len(digits)-1)))])
		}
	}
	return fmt.Sprintf(" %d %.4g %s", title, most, text)
}

func requestsText(r *results.Requests) string {
	text := "the load was never steady: figures are of all requests"
	if w := r.Window; w != nil {
		text = fmt.Sprintf("steady from %.1f to %.1f s, in which %s of %s requests ended", w.FromS, w.ToS, count(int64(r.Judged)), count(int64(r.Recorded)))
	}
	if r.WithinSLO != nil {
		text += fmt.Sprintf("; %.1f %% met the slo (%s): goodput %s output tok/s/GPU", r.WithinSLO.Value, r.SLO, figure(*r.GoodputTok))
	}
	return text
}

// steadyText says how much of a run was steady, and what it did then.
func steadyText(s *trtllm.Series) string {
	w := s.Steady
	text := fmt.Sprintf("steady from %s to %s s of %s s: %s requests in the batch", tickText(w.StartS), tickText(w.EndS), tickText(s.Seconds), tickText(w.Requests))
	if w.StepMS != nil {
		text += fmt.Sprintf(", %s ms per step", tickText(*w.StepMS))
	}
	if w.KVUsed != nil {
		text += fmt.Sprintf(", %.0f %% of the KV cache", 100**w.KVUsed)
	}
	return text
}

// A reportCSV is the data of a plot, to be downloaded from the page.
type reportCSV struct {
	name string
	rows [][]string
}

func newReportCSV(name, head string) reportCSV {
	return reportCSV{name, [][]string{strings.Split(head, ",")}}
}

func (c *reportCSV) add(cells ...string) { c.rows = append(c.rows, cells) }

var csvEscapes = strings.NewReplacer("%", "%25", "\n", "%0A", "\r", "%0D", "#", "%23", `"`, "%22", "&", "%26", "<", "%3C", ">", "%3E", " ", "%20")

// Link is what makes a link download the data.
func (c reportCSV) Link() template.HTMLAttr {
	var text strings.Builder
	_ = csv.NewWriter(&text).WriteAll(c.rows) // a Builder takes everything
	name := strings.NewReplacer(" ", "-", "/", "-").Replace(c.name)
	return template.HTMLAttr(`download="` + template.HTMLEscapeString(name) + `.csv" href="data:text/csv;charset=utf-8,` + csvEscapes.Replace(text.String()) + `"`) //nolint:gosec // escaped above
}

// WithSeries are the results whose course over time the report of the sets shows: the
// first sample of each run, and of more than mostSeries runs of the best and the worst
// of each traffic and of those that are suspect, before others.
func WithSeries(sets []*results.Set) []*results.Result {
	var first, rest []*results.Result
	for _, set := range sets {
		names := newRunNames(set.Runs)
		order, of := grouped(set.Runs, names)
		for _, name := range order {
			runs := fastestFirst(of[name])
			for i, run := range runs {
				if i == 0 || i == len(runs)-1 || run.Verdict == results.Suspect {
					first = append(first, counting(run))
				} else {
					rest = append(rest, counting(run))
				}
			}
		}
	}
	if all := append(first, rest...); len(all) <= mostSeries {
		return all
	}
	return first[:min(len(first), mostSeries)]
}

// mostSeries bounds the size of the page.
const mostSeries = 100
