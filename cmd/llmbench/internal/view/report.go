package view

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A Report is results as one HTML page that needs nothing from outside. Its small
// script filters, sorts and shows what is pointed at; without it the page lacks the
// series of single runs alone. It reads well in print, in the dark and on a phone.
type Report struct {
	Title string
	// Origin says what the results are of: definitions and their commit.
	Origin string
	// Dir is the absolute path of the definitions: paths below it are shown without it.
	Dir string
	// Sets are the results, real and simulated apart, at least one.
	Sets  []*results.Set
	Price Price
	// MaxGPUHours is the budget that the definitions set, 0 for none.
	MaxGPUHours float64
	// Base names what the sets are compared with, and Against has the comparison of
	// each set; both are empty without a base.
	Base    string
	Against []*results.Comparison
}

// ReportMark is in every page: a file with it may be written over.
const ReportMark = `<meta name="generator" content="llmbench report">`

//go:embed report/page.html report/style.css report/page.js
var reportFiles embed.FS

var reportTemplate = template.Must(template.New("page.html").ParseFS(reportFiles, "report/page.html"))

// Write writes the page. Equal results make equal pages.
func (r Report) Write(w io.Writer) error {
	style, err := reportFiles.ReadFile("report/style.css")
	if err != nil {
		return err
	}
	script, err := reportFiles.ReadFile("report/page.js")
	if err != nil {
		return err
	}
	page := struct {
		Report
		Style     template.CSS
		Script    template.JS
		Parts     []*reportPart
		Simulated bool
	}{Report: r, Style: template.CSS(style), Script: template.JS(script)} //nolint:gosec // our own files
	page.Simulated = !slices.ContainsFunc(r.Sets, func(set *results.Set) bool { return !Simulated(set) })
	for i, set := range r.Sets {
		part := r.part(set)
		if len(r.Sets) > 1 {
			part.Heading, part.ID = "Measured", "measured-"
			if part.Simulated {
				part.Heading, part.ID = "Simulated", "simulated-"
			}
		}
		if i < len(r.Against) {
			part.Against = newReportAgainst(r.Base, r.Against[i], part.names)
		}
		page.Parts = append(page.Parts, part)
	}
	return reportTemplate.Execute(w, page)
}

// A reportPart is all that the page says of one set.
type reportPart struct {
	// Heading is "", and ID begins no anchor, where there is no other part.
	Heading, ID string
	Simulated   bool
	Facts       []reportFact
	State       string
	Frontiers   []reportFrontier
	Answers     []reportAnswer
	Against     *reportAgainst
	Heat        *reportHeat
	Bars        *reportBars
	Table       reportTable
	Latency     []reportSpread
	Reasons     []reportReason
	Notes       []reportNote
	Runs        []reportRun
	Shared      []reportFact
	Missing     []reportFact
	Filter      reportFilter
	names       runNames
}

func (r Report) part(set *results.Set) *reportPart {
	names := newRunNames(set.Runs)
	p := &reportPart{
		names: names, Simulated: Simulated(set), Facts: r.facts(set), State: verdictCounts(set), Answers: r.answers(set, names),
		Table: r.table(set, names), Reasons: reportReasons(set, names), Notes: reportNotes(set), Filter: newReportFilter(set, names),
	}
	at := map[string]int{} // where a run stands in the set
	for i, run := range set.Runs {
		at[run.Address+run.Fingerprint+run.Results[0].Cluster] = i
	}
	index := func(run results.RunSummary) int { return at[run.Address+run.Fingerprint+run.Results[0].Cluster] }
	p.Frontiers = reportFrontiers(set, names, index)
	p.Heat = newReportHeat(set, names, index)
	p.Bars = throughputBars(set, names, index)
	p.Latency = reportSpreads(set, names, index)
	var differ []provenanceFact
	p.Shared, differ, p.Missing = reportProvenance(set)
	p.Runs = r.runs(set, names, differ)
	return p
}

// A reportSection is a part of the page that the contents lead to.
type reportSection struct{ ID, Title string }

// Sections are those that the part has, in their order.
func (p *reportPart) Sections() []reportSection {
	var out []reportSection
	for _, s := range []struct {
		reportSection
		there bool
	}{
		{reportSection{"pareto", "Pareto: tok/s/GPU against tok/s/user"}, len(p.Frontiers) > 0},
		{reportSection{"answers", "Answers"}, len(p.Answers) > 0 || p.Against != nil},
		{reportSection{"heat", "Heat map: tok/s/GPU over two axes"}, p.Heat != nil},
		{reportSection{"bars", "Throughput by use case"}, p.Bars != nil},
		{reportSection{"table", "All runs"}, true},
		{reportSection{"latency", "Latency"}, len(p.Latency) > 0},
		{reportSection{"verdicts", "Verdicts and notes"}, len(p.Reasons)+len(p.Notes) > 0},
		{reportSection{"runs", "Run by run"}, true},
		{reportSection{"provenance", "Where the numbers come from"}, len(p.Shared)+len(p.Missing) > 0},
	} {
		if s.there {
			out = append(out, reportSection{p.ID + s.ID, s.Title})
		}
	}
	return out
}

// Section is the section with an ID; its own is "" where the part has none.
func (p *reportPart) Section(id string) reportSection {
	all := p.Sections()
	if i := slices.IndexFunc(all, func(s reportSection) bool { return s.ID == p.ID+id }); i >= 0 {
		return all[i]
	}
	return reportSection{}
}

// facts head the page: when, where and what was measured, and what it took.
func (r Report) facts(set *results.Set) []reportFact {
	var out []reportFact
	if first, last := measuredBetween(set); !first.IsZero() {
		when := first.UTC().Format(time.DateOnly)
		if end := last.UTC().Format(time.DateOnly); end != when {
			when += " … " + end
		}
		name := "measured"
		if Simulated(set) {
			name = "simulated"
		}
		out = append(out, reportFact{name, when + " (UTC)"})
	}
	for _, name := range headFacts {
		fact := provenanceFacts[slices.IndexFunc(provenanceFacts, func(f provenanceFact) bool { return f.name == name })]
		var values []string
		for _, run := range set.Runs {
			for _, res := range run.Results {
				if v := fact.of(res); v != "" && v != "-" && v != notKnown && !slices.Contains(values, v) {
					values = append(values, v)
				}
			}
		}
		if len(values) > 0 {
			out = append(out, reportFact{fact.name, Some(values, 3)})
		}
	}
	if hours := spentHours(set.Results); hours > 0 && !Simulated(set) {
		spent := fmt.Sprintf("%.2f GPU-hours", hours)
		if r.MaxGPUHours > 0 {
			spent += " of " + tickText(r.MaxGPUHours)
		}
		if r.Price.set() {
			spent += fmt.Sprintf(", %s at %s per GPU-hour", r.Price.amount(hours*r.Price.PerGPUHour), r.Price.amount(r.Price.PerGPUHour))
		}
		out = append(out, reportFact{"spent", spent})
	}
	return out
}

// verdictCounts says what became of the runs: 36 runs: 34 valid, 2 failed (gpu_oom).
func verdictCounts(set *results.Set) string {
	counts := map[results.Verdict]int{}
	codes := map[results.Verdict][]string{}
	for _, run := range set.Runs {
		counts[run.Verdict]++
		if code := verdictCode(run); code != "" && !slices.Contains(codes[run.Verdict], code) {
			codes[run.Verdict] = append(codes[run.Verdict], code)
		}
	}
	var parts []string
	for _, v := range []results.Verdict{results.Valid, results.Suspect, results.Invalid, results.Failed, results.NotMeasured} {
		n := counts[v]
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(v), "_", " "))
		if len(codes[v]) > 0 {
			text += " (" + Some(codes[v], 3) + ")"
		}
		parts = append(parts, text)
	}
	return Plural(len(set.Runs), "run") + ": " + strings.Join(parts, ", ")
}

// verdictCode is the code that explains the verdict of a run, "" for a valid one.
func verdictCode(run results.RunSummary) string {
	for _, r := range run.Results {
		if r.Verdict == run.Verdict && r.Code() != "" {
			return string(r.Code())
		}
	}
	return ""
}

// verdictText is the verdict of a run with the code that explains it.
func verdictText(run results.RunSummary) string {
	text := strings.TrimSuffix(runVerdict(run), " (simulated)")
	if code := verdictCode(run); code != "" {
		text += ": " + code
	}
	return text
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

// A reportAnswer is the run with the most throughput of one traffic.
type reportAnswer struct {
	Group, Lengths, Unranked          string
	Value, Interval, With, More, Next string
}

func (r Report) answers(set *results.Set, names runNames) []reportAnswer {
	var out []reportAnswer
	order, of := grouped(set.Runs, names)
	for _, name := range order {
		runs := slices.DeleteFunc(slices.Clone(of[name]), func(run results.RunSummary) bool { return throughput(run) == nil })
		if len(runs) == 0 {
			continue
		}
		slices.SortStableFunc(runs, func(a, b results.RunSummary) int { return cmp.Compare(throughput(b).Median, throughput(a).Median) })
		if why := unranked(runs); why != "" {
			out = append(out, reportAnswer{Group: name, Lengths: lengths(runs[0].Results[0]), Unranked: why})
			continue
		}
		best := throughput(runs[0])
		a := reportAnswer{Group: name, Lengths: lengths(runs[0].Results[0]), Value: figure(best.Median), Interval: halfWidth(best)}
		if with := names.within(runs[0].Address); with != name {
			a.With = with
		}
		var more []string
		if s := runs[0].Summary.At(trtllm.OutputThroughputPerUser); s != nil {
			more = append(more, figure(s.Median)+" tok/s/user")
		}
		if r.Price.set() {
			more = append(more, r.Price.amount(r.Price.PerMillion(best.Median))+" per million output tokens")
		}
		if runs[0].Verdict == results.Suspect {
			more = append(more, verdictText(runs[0]))
		}
		a.More = strings.Join(more, ", ")
		if len(runs) > 1 {
			a.Next = nextText(runs[0], runs[1], names)
		}
		out = append(out, a)
	}
	return out
}

// nextText says how far the second is behind the best, and whether that is more than
// noise.
func nextText(best, second results.RunSummary, names runNames) string {
	b, s := throughput(best), throughput(second)
	text := fmt.Sprintf("%s, %s", names.within(second.Address), differenceText(s.Median/b.Median-1))
	switch {
	case best.Results[0].Simulated || s.Median < .95*b.Median:
	case b.Low == nil || s.High == nil:
		text += "; too few samples to tell that from noise"
	case *b.Low <= *s.High:
		text += "; the intervals overlap"
	}
	return text
}

func throughput(run results.RunSummary) *results.Summary {
	return run.Summary.At(trtllm.OutputThroughputPerGPU)
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
	counts := map[results.Outcome]int{}
	var rows []results.ComparedRow
	for _, row := range c.Rows {
		counts[row.Verdict]++
		if row.Verdict == results.Worse || row.Verdict == results.Better || row.Verdict == results.CannotTell && math.Abs(row.ChangePct) >= 1 {
			rows = append(rows, row)
		}
	}
	order := []results.Outcome{results.Worse, results.Better, results.CannotTell}
	slices.SortStableFunc(rows, func(a, b results.ComparedRow) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Verdict), slices.Index(order, b.Verdict)), cmp.Compare(math.Abs(b.ChangePct), math.Abs(a.ChangePct)))
	})
	const most = 20
	a.More = max(0, len(rows)-most)
	for _, row := range rows[:min(most, len(rows))] {
		verdict := strings.ReplaceAll(string(row.Verdict), "_", " ")
		if c.Simulated {
			verdict = "not judged"
		}
		a.Rows = append(a.Rows, reportCompared{
			names.full(row.Address), row.Metric, summaryText(row.Base), summaryText(row.Target), differenceText(row.ChangePct / 100), verdict,
		})
	}
	if c.Simulated {
		a.Told = fmt.Sprintf("%s compared; a simulation has no noise to judge by", Plural(len(c.Rows), "number"))
	} else {
		a.Told = fmt.Sprintf("of %s %d got worse, %d got better, %d stayed the same, %d cannot be told",
			Plural(len(c.Rows), "number"), counts[results.Worse], counts[results.Better], counts[results.Same], counts[results.CannotTell])
	}
	whys := map[string][]string{}
	var reasons []string
	for _, refused := range c.Refused {
		if whys[refused.Reason] == nil {
			reasons = append(reasons, refused.Reason)
		}
		whys[refused.Reason] = append(whys[refused.Reason], names.full(refused.Address))
	}
	for _, why := range reasons {
		a.Refused = append(a.Refused, fmt.Sprintf("%s: %s", Some(whys[why], 3), why))
	}
	return a
}

// A reportReason is why samples are not simply valid.
type reportReason struct{ Mark, Code, Runs, Detail, Remedy string }

// reportReasons has each reason once, with the runs that have it.
func reportReasons(set *results.Set, names runNames) []reportReason {
	var out []reportReason
	runs := map[reportReason][]string{}
	for _, r := range set.Results {
		for _, reason := range r.Reasons {
			key := reportReason{Mark: string(reason.Level), Code: string(reason.Code), Detail: reason.Detail, Remedy: cmp.Or(reason.Change, reason.Remedy)}
			name := names.full(r.Address)
			if runs[key] == nil {
				out = append(out, key)
			}
			if !slices.Contains(runs[key], name) {
				runs[key] = append(runs[key], name)
			}
		}
	}
	for i := range out {
		out[i].Runs = Some(runs[out[i]], 5)
	}
	return out
}

// A reportNote is what is to be known of the numbers of some runs.
type reportNote struct{ Code, Text, Runs string }

func reportNotes(set *results.Set) []reportNote {
	var codes []failure.Code
	touched := map[failure.Code]int{}
	for _, run := range set.Runs {
		for _, code := range runCaveats(run) {
			if touched[code]++; touched[code] == 1 {
				codes = append(codes, code)
			}
		}
	}
	var out []reportNote
	for _, code := range codes {
		n := reportNote{Code: string(code), Text: captionIn(set, code), Runs: "all runs"}
		if k := touched[code]; k < len(set.Runs) {
			n.Runs = fmt.Sprintf("%d of %d runs", k, len(set.Runs))
		}
		out = append(out, n)
	}
	return out
}

// path is a path as the page shows it: relative to the definitions where it is below
// them.
func (r Report) path(path string) string {
	if rel, err := filepath.Rel(r.Dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
