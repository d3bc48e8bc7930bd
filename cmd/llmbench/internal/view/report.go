package view

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
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
	// Histories has that of each set's throughput per GPU, and is empty for none.
	Histories []*results.History
	// Searches are those of the definitions, with the rounds that they went through.
	Searches []ReportSearch
}

// A ReportSearch is a search with its rounds in order.
type ReportSearch struct {
	*plan.Search
	Rounds []plan.Round
}

// ReportMark is in every page: a file with it may be written over.
const ReportMark = `<meta name="generator" content="llmbench report">`

//go:embed report/page.html report/style.css report/page.js
var reportFiles embed.FS

var reportTemplate = template.Must(template.New("page.html").ParseFS(reportFiles, "report/page.html"))

// What a page does without: comments, and space beside marks but within strings.
var (
	comments    = regexp.MustCompile(`(?m)(^|\s)//.*$|/\*.*\*/`)
	styleSpace  = regexp.MustCompile(`"[^"]*"|;?\s*}\s*|\s*[{;,>]\s*|:\s+`)
	scriptSpace = regexp.MustCompile("'[^'\n]*'|`[^`]*`|\\s*[-+*/{}();,=<>?:&|!]\\s*|\n\\s*")
)

// dense is a file of ours without what a page does without.
func dense(name string, space *regexp.Regexp) string {
	text, err := reportFiles.ReadFile("report/" + name)
	if err != nil {
		panic(err) // embedded
	}
	return space.ReplaceAllStringFunc(comments.ReplaceAllString(string(text), ""), func(s string) string {
		if strings.ContainsAny(s[:1], "\"'`") {
			return s
		}
		return strings.TrimSpace(strings.TrimPrefix(s, ";}"))
	})
}

// Write writes the page. Equal results make equal pages.
func (r Report) Write(w io.Writer) error {
	page := struct {
		Report
		Style     template.CSS
		Script    template.JS
		Parts     []*reportPart
		Simulated bool
	}{Report: r, Style: template.CSS(dense("style.css", styleSpace)), Script: template.JS(dense("page.js", scriptSpace))} //nolint:gosec // our own files
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
		if i < len(r.Histories) {
			part.History = newReportHistory(set, r.Histories[i], part.names)
		}
		page.Parts = append(page.Parts, part)
	}
	return reportTemplate.Execute(w, page)
}

type reportPart struct {
	// Heading is "", and ID begins no anchor, where there is no other part.
	Heading, ID string
	Simulated   bool
	Facts       []reportFact
	State       string
	Frontiers   []reportFrontier
	Answers     []reportAnswer
	Against     *reportAgainst
	Searches    []reportSearch
	SearchNotes []string
	History     *reportHistory
	Heat        *reportHeat
	Bars        []reportBar
	BarTicks    []reportTick
	BarsCSV     reportCSV
	Columns     []string
	Footnotes   []string
	Latency     []reportSpread
	LatencyCSV  reportCSV
	Reasons     []reportReason
	Notes       []reportReason
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
		Footnotes: intervalNotes(set), Reasons: reportReasons(set, names), Notes: reportNotes(set), Filter: newReportFilter(set, names),
	}
	at := map[string]int{} // where a run stands in the set
	for i, run := range set.Runs {
		at[runKey(run)] = i
	}
	number := func(run results.RunSummary) int { return at[runKey(run)] }
	var searches []ReportSearch
	var plans []*plan.Search
	for _, one := range r.Searches {
		if one.Simulated == p.Simulated && slices.ContainsFunc(set.Runs, func(run results.RunSummary) bool { return strings.HasPrefix(run.Address, one.Benchmark+"/") }) {
			searches, p.Searches = append(searches, one), append(p.Searches, newReportSearch(one, names))
			plans = append(plans, one.Search)
		}
	}
	p.SearchNotes = searchNotes(plans)
	p.Frontiers = reportFrontiers(set, names, searches, number)
	p.Heat = newReportHeat(set, names, number)
	p.Bars, p.BarTicks, p.BarsCSV = throughputBars(set, names)
	p.Latency, p.LatencyCSV = reportSpreads(set, names, searches, number)
	var differ []provenanceFact
	p.Shared, differ, p.Missing = reportProvenance(set)
	p.Runs = r.runs(set, names, differ)
	for _, c := range r.columns(set) {
		p.Columns = append(p.Columns, oneLine(c.head))
	}
	if slices.ContainsFunc(p.Runs, func(run reportRun) bool { return run.Courses != "" }) {
		p.Filter.Curves = []string{"Requests in flight"}
		for _, c := range iterationCurves {
			p.Filter.Curves = append(p.Filter.Curves, c.title)
		}
	}
	return p
}

// Sections are the ID and the title of those that the part has, in their order.
func (p *reportPart) Sections() []reportFact {
	var out []reportFact
	add := func(there bool, id, title string) {
		if there {
			out = append(out, reportFact{p.ID + id, title})
		}
	}
	add(len(p.Frontiers) > 0, "pareto", "Pareto: tok/s/GPU against tok/s/user")
	add(len(p.Answers)+len(p.Searches) > 0 || p.Against != nil, "answers", "Answers")
	add(p.History != nil, "history", "History: tok/s/GPU over time")
	add(p.Heat != nil, "heat", "Heat map: tok/s/GPU over two axes")
	add(len(p.Bars) > 0, "bars", "Throughput by use case")
	add(true, "table", "All runs")
	add(len(p.Latency) > 0, "latency", "Latency")
	add(len(p.Reasons)+len(p.Notes) > 0, "verdicts", "Verdicts and notes")
	add(true, "runs", "Run by run")
	add(len(p.Shared)+len(p.Missing) > 0, "provenance", "Where the numbers come from")
	return out
}

// Section is one of Sections.
func (p *reportPart) Section(id string) reportFact {
	all := p.Sections()
	return all[slices.IndexFunc(all, func(s reportFact) bool { return s.Name == p.ID+id })]
}

// facts head the page: when, where and what was measured, and what it took.
func (r Report) facts(set *results.Set) []reportFact {
	var out []reportFact
	if when := measuredOn(set, " … "); when != "" {
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
	var codes tally[results.Verdict]
	for _, run := range set.Runs {
		counts[run.Verdict]++
		if code := verdictCode(run); code != "" {
			codes.add(run.Verdict, code)
		}
	}
	var parts []string
	for _, v := range []results.Verdict{results.Valid, results.Suspect, results.Invalid, results.Failed, results.NotMeasured} {
		if counts[v] == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", counts[v], strings.ReplaceAll(string(v), "_", " "))
		if list := codes.of[v]; len(list) > 0 {
			text += " (" + Some(list, 3) + ")"
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

// measuredOn is the day on which a set was measured, or the first and the last, "" for none.
func measuredOn(set *results.Set, to string) string {
	var days []string
	for _, r := range set.Results {
		if at := r.Job.Started; at != nil && r.Counts() {
			days = append(days, date(at))
		}
	}
	if len(days) == 0 {
		return ""
	}
	return strings.Join(slices.Compact([]string{slices.Min(days), slices.Max(days)}), to)
}

// A reportReason is why samples are not simply valid, or what is to be known of numbers.
type reportReason struct{ Mark, Code, Runs, Detail, Remedy string }

func reportReasons(set *results.Set, names runNames) []reportReason {
	var runs tally[reportReason]
	for _, r := range set.Results {
		for _, reason := range r.Reasons {
			runs.add(reportReason{Mark: string(reason.Level), Code: string(reason.Code), Detail: reason.Detail, Remedy: cmp.Or(reason.Change, reason.Remedy)}, names.full(r.Address))
		}
	}
	for i, key := range runs.keys {
		runs.keys[i].Runs = Some(runs.of[key], 5)
	}
	return runs.keys
}

func reportNotes(set *results.Set) []reportReason {
	var out []reportReason
	codes, touched := caveatsOf(set.Runs)
	for _, code := range codes {
		n := reportReason{Code: string(code), Detail: captionIn(set, code), Runs: "all runs"}
		if k := touched[code]; k < len(set.Runs) {
			n.Runs = fmt.Sprintf("%d of %d runs", k, len(set.Runs))
		}
		out = append(out, n)
	}
	return out
}
