package view

import (
	"embed"
	"html/template"
	"io"
	"slices"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A Report is results as one HTML page that needs nothing from outside: no
// script, no font, no picture but its own SVG. It reads well in print, in the
// dark and on a phone.
type Report struct {
	Title string
	// Origin says what the results are of: definitions and their commit.
	Origin string
	// Sets are the results, real and simulated apart, at least one.
	Sets  []*results.Set
	Price Price
}

// ReportMark is in every page: a file with it may be written over.
const ReportMark = `<meta name="generator" content="llmbench report">`

//go:embed report/page.html report/style.css
var reportFiles embed.FS

var reportTemplate = template.Must(template.New("page.html").ParseFS(reportFiles, "report/page.html"))

// Write writes the page. Equal results make equal pages.
func (r Report) Write(w io.Writer) error {
	style, err := reportFiles.ReadFile("report/style.css")
	if err != nil {
		return err
	}
	page := reportPage{Title: r.Title, Origin: r.Origin, Style: template.CSS(style)} //nolint:gosec // our own file
	for _, set := range r.Sets {
		part, err := newReportPart(set, r.Price)
		if err != nil {
			return err
		}
		if len(r.Sets) > 1 {
			part.Heading = "Measured"
			if part.Simulated {
				part.Heading = "Simulated"
			}
		}
		page.Parts = append(page.Parts, part)
	}
	return reportTemplate.Execute(w, page)
}

type reportPage struct {
	Title, Origin string
	Style         template.CSS
	Parts         []*reportPart
}

// Simulated reports whether all parts are.
func (p reportPage) Simulated() bool {
	return !slices.ContainsFunc(p.Parts, func(part *reportPart) bool { return !part.Simulated })
}

// A reportPart is all that the page says of one set.
type reportPart struct {
	// Heading is "" where there is no other part.
	Heading     string
	Simulated   bool
	Tiles       []reportTile
	Columns     []string
	Groups      []reportGroup
	Footnotes   []string
	Throughput  *reportBars
	Frontier    *reportFrontier
	Spreads     []reportSpread
	Series      []reportSeries
	Predictions *reportBars
	Reasons     []reportReason
	Notes       []reportNote
	Cost        *reportCost
	Provenance  reportProvenance
}

func newReportPart(set *results.Set, price Price) (*reportPart, error) {
	names := newRunNames(set.Runs)
	p := &reportPart{
		Simulated: Simulated(set), Tiles: reportTiles(set, price), Columns: reportColumns(), Groups: reportGroups(set, names), Footnotes: reportFootnotes(set),
		Throughput: throughputBars(set, names), Spreads: reportSpreads(set, names), Predictions: predictionBars(set, names),
		Reasons: reportReasons(set, names), Notes: reportNotes(set), Cost: newReportCost(set, names, price), Provenance: newReportProvenance(set, names),
	}
	var err error
	if p.Frontier, err = newReportFrontier(set, names); err != nil {
		return nil, err
	}
	p.Series, err = reportSerieses(set, names)
	return p, err
}

// reportColumns head the figures of the summary.
func reportColumns() []string {
	var out []string
	for _, m := range trtllm.Columns() {
		out = append(out, m.Column)
	}
	return out
}

// Span is how many columns the summary has.
func (p *reportPart) Span() int { return 4 + len(p.Columns) }

// Times are the kinds of spreads, for the heading above them.
func (p *reportPart) Times() bool { return len(p.Spreads) > 0 }

// counting is the first result of a run that counts, nil without one.
func counting(run results.RunSummary) *results.Result {
	i := slices.IndexFunc(run.Results, (*results.Result).Counts)
	if i < 0 {
		return nil
	}
	return run.Results[i]
}
