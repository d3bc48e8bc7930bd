package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// ResultFormats are the forms in which results are printed, by the name that
// -format takes.
var ResultFormats = map[string]func(io.Writer, *results.Set) error{
	"table":    ResultsTable,
	"markdown": ResultsMarkdown,
	"csv":      func(w io.Writer, s *results.Set) error { return s.WriteCSV(w) },
	"json":     func(w io.Writer, s *results.Set) error { return s.WriteJSON(w) },
	"benchfmt": func(w io.Writer, s *results.Set) error { return s.WriteBenchfmt(w) },
	"overview": ResultsOverview,
}

// Simulated reports whether a set holds simulated results.
func Simulated(s *results.Set) bool {
	return slices.ContainsFunc(s.Results, func(r *results.Result) bool { return r.Simulated }) ||
		len(s.Results) == 0 && slices.ContainsFunc(s.Runs, func(run results.RunSummary) bool { return run.Results[0].Simulated })
}

const banner = "SIMULATED: nothing below was measured; the figures come from a model of the GPUs."

// ResultsTable prints a line a run, then what is wrong with runs that have no
// number.
func ResultsTable(w io.Writer, s *results.Set) error {
	p := &printer{w: w}
	if Simulated(s) {
		p.line("%s", banner)
		p.line("")
	}
	if len(s.Runs) == 0 {
		p.line("No results yet.")
		return p.err
	}
	if head := resultsHead(s); head != "" {
		p.line("%s", head)
		p.line("")
	}
	p.table(resultTable(s))
	footnotes(p, s, "")
	return p.err
}

// ResultsMarkdown prints the table in Markdown.
func ResultsMarkdown(w io.Writer, s *results.Set) error {
	p := &printer{w: w}
	if Simulated(s) {
		p.line("**%s**", banner)
		p.line("")
	}
	if head := resultsHead(s); head != "" {
		p.line("%s", markdownText(head))
		p.line("")
	}
	if p.err == nil && len(s.Runs) > 0 {
		p.err = resultTable(s).markdown(w)
	}
	var notes strings.Builder
	footnotes(&printer{w: &notes}, s, "- ")
	if p.err == nil {
		_, p.err = io.WriteString(w, markdownText(notes.String()))
	}
	return p.err
}

func resultTable(s *results.Set) *table {
	t := &table{
		header: []string{"run", "ISL/OSL", "verdict", "n"},
		right:  []bool{false, true, false, true},
	}
	for _, m := range trtllm.Columns() {
		t.header, t.right = append(t.header, m.Column), append(t.right, true)
	}
	t.header, t.right = append(t.header, "job", "took"), append(t.right, false, true)
	for _, run := range s.Runs {
		t.rows = append(t.rows, resultRow(run))
	}
	return t
}

func resultRow(run results.RunSummary) []string {
	last := run.Results[len(run.Results)-1]
	job := "-"
	if last.Job.ID != nil {
		job = *last.Job.ID
	}
	elapsed := "-"
	if d := last.Took(); d > 0 {
		elapsed = took(d)
	}
	verdict := runVerdict(run)
	if last.Executor.Type == "simulate" {
		job = "-" // its jobs live inside llmbench
	}
	row := []string{strings.Replace(run.Address, "/use_case=", "/", 1), lengths(last), verdict, fmt.Sprint(run.Samples)}
	for _, m := range trtllm.Columns() {
		row = append(row, medianText(m, run.Summary.At(m.Name)))
	}
	return append(row, job, elapsed)
}

// runVerdict is the verdict of a run, with what it is of where that is not what
// was asked for.
func runVerdict(run results.RunSummary) string {
	verdict := strings.ReplaceAll(string(run.Verdict), "_", " ")
	if hasCaveat(run, failure.Replaced) {
		verdict += " (replaced)"
	}
	if run.Verdict != results.NotMeasured && run.Results[0].Simulated {
		verdict += " (simulated)"
	}
	return verdict
}

func hasCaveat(run results.RunSummary, code failure.Code) bool {
	return slices.ContainsFunc(run.Results, func(r *results.Result) bool {
		return slices.ContainsFunc(r.Caveats, func(c results.Caveat) bool { return c.Code == code })
	})
}

// Incomplete counts the runs that lack samples, and says what became of them; "" for
// none.
func Incomplete(p *plan.Plan) string {
	missing, failed, flying, short := 0, 0, 0, 0
	for _, r := range p.Runs {
		switch have := r.State.Valid + r.State.Suspect; {
		case have >= r.State.Wanted:
		case have > 0:
			short++
		case len(r.State.InFlight) > 0:
			flying++
		case len(r.State.Failed) > 0:
			failed++
		default:
			missing++
		}
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{missing, "not measured"}, {flying, "in flight"}, {failed, "failed or invalid"}, {short, "short of samples"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%d of %s %s", missing+flying+failed+short, Plural(len(p.Runs), "run"), strings.TrimLeft(parts[0], "0123456789 "))
	}
	return fmt.Sprintf("of %s, %s", Plural(len(p.Runs), "run"), strings.Join(parts, ", "))
}

// medianText is the median of a metric, with its interval for the throughput of
// a GPU.
func medianText(m trtllm.Metric, s *results.Summary) string {
	switch {
	case m.Name == trtllm.OutputThroughputPerGPU:
		return throughputText(s)
	case s == nil:
		return "-"
	}
	return metricText(m, &s.Median)
}

// metricText is a value of a metric.
func metricText(m trtllm.Metric, v *float64) string {
	if m.Unit == "ms" {
		return milliseconds(v)
	}
	return optionalFigure(v)
}

// throughputText is a median, with its interval where several samples have been
// taken.
func throughputText(s *results.Summary) string {
	switch {
	case s == nil:
		return "-"
	case s.N == 1:
		return figure(s.Median)
	}
	return summaryText(s)
}

func lengths(r *results.Result) string {
	if r.UseCase.ISL == nil || r.UseCase.OSL == nil {
		return "own data"
	}
	return fmt.Sprintf("%d/%d", *r.UseCase.ISL, *r.UseCase.OSL)
}

// footnotes say why runs failed and what to do, and what to know of the
// numbers.
func footnotes(p *printer, s *results.Set, mark string) {
	first := true
	for _, r := range s.Results {
		if len(r.Reasons) == 0 {
			continue
		}
		if first {
			p.line("")
			first = false
		}
		p.line("%s%s sample %d %s: %s: %s", mark, r.Address, r.Sample, r.Verdict, r.Code(), r.Cause())
		if text := r.Log(); text != "" && !r.Counts() {
			for line := range strings.Lines(text) {
				p.line("    | %s", strings.TrimRight(line, "\n"))
			}
		}
		if next := r.Remedy(); next != "" && !r.Counts() {
			p.line("    next: %s", next)
		}
		if change := r.Change(); change != "" && !r.Counts() {
			p.line("    change: %s", change)
		}
		if f := r.Files.Stderr; f != nil && !r.Counts() {
			p.line("    log: %s", *f)
		}
	}
	for _, text := range intervalNotes(s) {
		p.line("")
		p.line("%sinterval of TPS/GPU: %s", mark, text)
	}
	for i, line := range bestLines(s) {
		if i == 0 {
			p.line("")
		}
		p.line("%s%s", mark, line)
	}
	for i, line := range detailedCaveats(s) {
		if i == 0 {
			p.line("")
		}
		p.line("%s%s", mark, line)
	}
	if notes := caveatLine(s); notes != "" {
		p.line("")
		p.line("%s%s", mark, notes)
	}
}

// intervalNotes are what is wrong with intervals of several samples.
func intervalNotes(s *results.Set) []string {
	var out []string
	for _, run := range s.Runs {
		if sum := run.Summary.At(trtllm.OutputThroughputPerGPU); sum != nil && sum.N > 1 {
			for _, w := range sum.Warnings {
				if !slices.Contains(out, w) {
					out = append(out, w)
				}
			}
		}
	}
	return out
}

// caption says in a few words what a caveat means for the metric that it touches.
func caption(code failure.Code) string { return cmp.Or(code.Entry().Caption, string(code)) }

// detailedCaveats are the notes that say more of a run than their code, once each.
func detailedCaveats(s *results.Set) []string {
	var out []string
	for _, r := range s.Results {
		for _, c := range r.Caveats {
			if c.Detail == "" {
				continue
			}
			if line := fmt.Sprintf("%s %s: %s", r.Address, c.Code, c.Detail); !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	return out
}

func caveatLine(s *results.Set) string {
	var seen []string
	known := map[failure.Code]bool{}
	for _, r := range s.Results {
		for _, c := range r.Caveats {
			if known[c.Code] {
				continue
			}
			known[c.Code] = true
			seen = append(seen, caption(c.Code))
		}
	}
	if len(seen) == 0 {
		return ""
	}
	return "notes: " + strings.Join(seen, "; ") + "."
}

// ResultsOverview prints each sample as the lines of PERFORMANCE OVERVIEW in
// trtllm-bench's own report.
func ResultsOverview(w io.Writer, s *results.Set) error {
	p := &printer{w: w}
	if Simulated(s) {
		p.line("%s", banner)
	}
	for _, r := range s.Results {
		p.line("")
		p.line("%s, sample %d: %s", r.Address, r.Sample, r.Verdict)
		for _, reason := range r.Reasons {
			p.line("  %s: %s: %s", reason.Level, reason.Code, reason.Detail)
		}
		declaredNote(p, "  ", r)
		if !r.Counts() {
			continue
		}
		p.line("%s", strings.TrimSuffix(trtllm.Overview(r.Metrics), "\n"))
	}
	return p.err
}

// declaredNote marks a result that depends on facts of the user's own.
func declaredNote(p *printer, indent string, r *results.Result) {
	if slices.ContainsFunc(r.Caveats, func(c results.Caveat) bool { return c.Code == failure.DeclaredByUser }) {
		p.line("%snote: %s: %s", indent, failure.DeclaredByUser, caption(failure.DeclaredByUser))
	}
}

// ImportedVerdict says what an imported result is worth where it has no number, ""
// for one that has.
func ImportedVerdict(r *results.Result) string {
	if r.Counts() {
		return ""
	}
	return fmt.Sprintf("  %s: %s: %s", r.Verdict, r.Code(), r.Cause())
}
