package view

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// ResultFormats are the forms in which results are printed, by the name that -format takes.
var ResultFormats = map[string]func(io.Writer, *results.Set) error{
	"table":    func(w io.Writer, s *results.Set) error { return printResults(&printer{w: w}, s) },
	"markdown": ResultsMarkdown,
	"csv":      func(w io.Writer, s *results.Set) error { return s.WriteCSV(w) },
	"json":     func(w io.Writer, s *results.Set) error { return s.WriteJSON(w) },
	"benchfmt": func(w io.Writer, s *results.Set) error { return s.WriteBenchfmt(w) },
	"overview": resultsOverview,
}

// Simulated reports whether a set holds simulated results.
func Simulated(s *results.Set) bool {
	return slices.ContainsFunc(s.Results, func(r *results.Result) bool { return r.Simulated }) ||
		len(s.Results) == 0 && slices.ContainsFunc(s.Runs, func(run results.RunSummary) bool { return run.Results[0].Simulated })
}

const banner = "SIMULATED: nothing below was measured; figures come from a model of the GPUs."

// ResultsMarkdown prints the table in Markdown.
func ResultsMarkdown(w io.Writer, s *results.Set) error {
	return printResults(&printer{w: w, md: true}, s)
}

// printResults prints a line a run, then what is wrong with runs that have no number.
func printResults(p *printer, s *results.Set) error {
	p.banner(Simulated(s), banner)
	if len(s.Runs) == 0 {
		p.line("No results yet.")
		return p.err
	}
	if head := resultsHead(s); head != "" {
		if p.md {
			head = markdownText(head)
		}
		p.wrapped("", 0, head)
		p.line("")
	}
	names := newRunNames(s.Runs)
	marks, legend := rowMarks(s, names)
	t := resultTable(s, names, marks, false)
	if columns := columnsOf(p.w); !p.md && columns > 0 && t.wide() > columns {
		t = resultTable(s, names, marks, true)
	}
	p.table(t)
	if !p.md {
		footnotes(p, s, legend)
		return p.err
	}
	var notes strings.Builder
	footnotes(&printer{w: &notes, md: true}, s, legend)
	if p.err == nil {
		_, p.err = io.WriteString(p.w, markdownText(notes.String()))
	}
	return p.err
}

// Results prints the table and where it was written.
func (a *Apply) Results(sets []*results.Set, p *plan.Plan, written []string) error {
	if a.json != nil {
		for _, set := range sets {
			for _, line := range detailedCaveats(set) {
				a.json.Warn(line, "type", "diagnostic")
			}
		}
		return nil
	}
	a.close()
	for _, set := range sets {
		if err := printResults(&printer{w: a.s.Out}, set); err != nil {
			return err
		}
		if err := ResultsCost(a.s.Out, set, a.price); err != nil {
			return err
		}
	}
	if err := SearchResults(a.s.Out, p, false); err != nil {
		return err
	}
	wd, _ := os.Getwd() // "" shortens nothing
	for _, dir := range written {
		fmt.Fprintf(a.s.Out, "\nWritten: %s\n", filepath.Join(below(wd, dir), "results.{md,csv,json}"))
	}
	return nil
}

// resultTable has a line a run: what tells it from the others, its verdict, and its
// metrics in one unit a column. Columns that hold nothing are left out; where the
// terminal is narrow, those of the highest rank go first. Short names leave out the
// benchmark where there is only one.
func resultTable(s *results.Set, names runNames, marks map[string]string, short bool) *table {
	t := &table{}
	add := func(head string, right bool, rank int, cell func(results.RunSummary) string) {
		c := runSummaryColumn{head, right, rank, cell}
		if rank == 0 && head != "notes" || !empty(c, s.Runs) {
			addColumns(t, []runSummaryColumn{c}, s.Runs)
		}
	}
	of := func(what func(*results.Result) string) func(results.RunSummary) string {
		return func(run results.RunSummary) string { return what(last(run)) }
	}
	add("run", false, 0, func(run results.RunSummary) string { return names.base(run.Address, short) })
	add("ISL/OSL", true, 3, of(func(r *results.Result) string { return lengths(r.UseCase) }))
	if len(severalAt(s.Runs)) > 0 {
		add("measured", false, 0, func(run results.RunSummary) string {
			text := minute(last(run).Job.Ended)
			if run.Declared != nil && *run.Declared {
				text += " (now)"
			}
			return text
		})
		add("commit", false, 3, of(func(r *results.Result) string { return commit(r.Provenance.DefinitionsGit) }))
	}
	for _, axis := range names.axes {
		add(axis, true, 0, func(run results.RunSummary) string { return cmp.Or(axisValue(run.Address, axis), "-") })
	}
	for _, name := range differingArguments(s, names) {
		add(columnHead(name), true, 6, of(func(r *results.Result) string { return argumentCell(r.Arguments[name], name) }))
	}
	add("verdict", false, 0, func(run results.RunSummary) string { return painted(runVerdict(run)) })
	add("n", true, 4, func(run results.RunSummary) string { return fmt.Sprint(run.Samples) })
	for _, c := range metricColumns(s.Runs) {
		add(c.head, c.right, c.rank, c.cell)
	}
	add("job", false, 7, jobID)
	add("engine", false, 7, of(engineText))
	add("took", true, 8, of(ofJob(func(r *results.Result) string {
		if r.Took() > 0 {
			return took(r.Took())
		}
		return "-"
	})))
	add("notes", false, 0, func(run results.RunSummary) string { return marks[runKey(run)] })
	return t
}

type runSummaryColumn = column[results.RunSummary]

// empty reports whether a column says nothing of any run.
func empty(c runSummaryColumn, runs []results.RunSummary) bool {
	return !slices.ContainsFunc(runs, func(run results.RunSummary) bool { cell := c.cell(run); return cell != "-" && cell != "" })
}

// metricColumns are those of the metrics, each in one unit.
func metricColumns(runs []results.RunSummary) []runSummaryColumn {
	var cols []runSummaryColumn
	recorded := func(name, head string, rank int, cell func(results.RunSummary) string) {
		of := func(run results.RunSummary) *results.Summary { return run.Of(name) }
		if slices.ContainsFunc(runs, func(run results.RunSummary) bool { return of(run) != nil }) {
			if cell == nil {
				cell = metricCells(runs, 1, false, of)
			}
			cols = append(cols, runSummaryColumn{head: head, right: true, rank: rank, cell: cell})
		}
	}
	for _, m := range trtllm.Columns() {
		c, scale, interval := runSummaryColumn{head: m.Column, right: true, rank: 1}, 1.0, false
		switch m.Name {
		case trtllm.OutputThroughputPerGPU:
			c.head, c.rank, interval = "output\ntok/s/GPU", 0, true
		case trtllm.AvgTTFT, trtllm.AvgTPOT:
			c.head += "\n(ms)"
		case trtllm.AvgRequestLatency:
			c.head, c.rank, scale = "request\nlatency (s)", 4, 1000
		case trtllm.RequestThroughput:
			c.rank = 5
		}
		c.cell = metricCells(runs, scale, interval, func(run results.RunSummary) *results.Summary { return run.Summary.At(m.Name) })
		cols = append(cols, c)
		switch m.Name {
		case trtllm.OutputThroughputPerGPU:
			recorded(trtllm.GoodputPerGPU, "goodput\ntok/s/GPU", 1, nil)
			recorded(trtllm.WithinSLO, "within\nSLO (%)", 1, withinSLO)
		case trtllm.AvgTTFT:
			c.head, c.rank = m.Column+"\np99 (ms)", 2
			c.cell = metricCells(runs, scale, interval, func(run results.RunSummary) *results.Summary { return p99(m, run) })
			cols = append(cols, c)
			recorded("steady_ttft_ms_p99", "steady TTFT\np99 (ms)", 5, nil)
		}
	}
	return cols
}

// withinSLO is the share of requests that met the SLO, with its interval.
func withinSLO(run results.RunSummary) string {
	s := run.Of(trtllm.WithinSLO)
	if s == nil {
		return "-"
	}
	low, high := s.Low, s.High
	if s.N == 1 {
		for _, r := range run.Results {
			if r.Requests != nil && r.Requests.WithinSLO != nil {
				low, high = r.Requests.WithinSLO.Low, r.Requests.WithinSLO.High
			}
		}
	}
	if low == nil || high == nil {
		return decimal(s.Median, 1)
	}
	return fmt.Sprintf("%s (%s…%s)", decimal(s.Median, 1), decimal(*low, 1), decimal(*high, 1))
}

// metricCells writes the least value of all runs with three digits, with intervals if asked to.
func metricCells(runs []results.RunSummary, scale float64, interval bool, value func(results.RunSummary) *results.Summary) func(results.RunSummary) string {
	least := math.Inf(1)
	for _, run := range runs {
		if v := value(run); v != nil && v.Median != 0 {
			least = min(least, math.Abs(v.Median)/scale)
		}
	}
	decimals := 0
	for at := 100.0; decimals < 2 && least < at; at /= 10 {
		decimals++
	}
	return func(run results.RunSummary) string {
		v := value(run)
		if v == nil {
			return "-"
		}
		text := decimal(v.Median/scale, decimals)
		if interval && v.N > 1 {
			text += halfWidth(v)
		}
		return text
	}
}

// runKey tells the runs of a set apart: several may have one address.
func runKey(run results.RunSummary) string {
	return run.Address + "\x00" + run.Fingerprint + "\x00" + run.Results[0].Cluster
}

func last(run results.RunSummary) *results.Result { return run.Results[len(run.Results)-1] }

// jobID is the job of the last attempt, "-" for a simulation.
func jobID(run results.RunSummary) string {
	return ofJob(func(r *results.Result) string { return orDash(r.Job.ID, func(id string) string { return id }) })(last(run))
}

// engineText is the shared engine of a result and its place there, "-" for a fresh one.
func engineText(r *results.Result) string {
	if e := r.SharedEngine; e != nil {
		return fmt.Sprintf("%s #%d", e.ID[strings.LastIndexByte(e.ID, '-')+1:], e.Position)
	}
	return "-"
}

// differingArguments are the flags whose values differ, without axes and what follows from them.
func differingArguments(s *results.Set, names runNames) []string {
	var out []string
	first := last(s.Runs[0]).Arguments
	seen := map[string]bool{}
	for _, run := range s.Runs {
		for name, value := range last(run).Arguments {
			if !seen[name] && name != "max_seq_len" && !slices.Contains(names.axes, name) && argumentCell(value, name) != argumentCell(first[name], name) {
				seen[name], out = true, append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

func p99(m trtllm.Metric, run results.RunSummary) *results.Summary {
	var values []float64
	for _, r := range run.Results {
		if spread := r.Percentiles.At(m.Name); spread != nil && r.Counts() {
			values = append(values, spread.P99)
		}
	}
	return results.Summarise(values)
}

// runVerdict is the verdict of a run, with what it is of where that is not what was asked for.
func runVerdict(run results.RunSummary) string {
	verdict := strings.ReplaceAll(string(run.Verdict), "_", " ")
	if slices.Contains(runCaveats(run), failure.Replaced) {
		verdict += " (replaced)"
	}
	if run.Verdict != results.NotMeasured && run.Results[0].Simulated {
		verdict += " (simulated)"
	}
	return verdict
}

// lengths are those of a use case, after "~" where they vary.
func lengths(u plan.UseCase) string {
	switch {
	case u.Label == "":
		return "-"
	case u.ISL == nil || u.OSL == nil:
		return "own data"
	}
	s := fmt.Sprintf("%d/%d", *u.ISL, *u.OSL)
	if value(u.ISLStdev)+value(u.OSLStdev) > 0 {
		s = "~" + s
	}
	return s
}

// severalAt are the runs of addresses that have several, each with the one before it.
func severalAt(list []results.RunSummary) [][2]results.RunSummary {
	var out [][2]results.RunSummary
	before := map[string]results.RunSummary{}
	for _, run := range list {
		at := run.Address + "\x00" + run.Results[0].Cluster
		if old, ok := before[at]; ok {
			out = append(out, [2]results.RunSummary{old, run})
		}
		before[at] = run
	}
	return out
}

// footnotes say why runs failed and what to do, and what to know of the numbers.
func footnotes(p *printer, s *results.Set, legend []string) {
	mark := p.item()
	if slices.ContainsFunc(s.Results, func(r *results.Result) bool { return len(r.Reasons) > 0 }) {
		p.line("")
	}
	for _, r := range s.Results {
		if len(r.Reasons) == 0 {
			continue
		}
		p.line("%s%s sample %d %s: %s: %s", mark, r.Address, r.Sample, r.Verdict, r.Code(), r.Cause())
		if r.Counts() {
			continue
		}
		main, log := r.Main(), ""
		for line := range strings.Lines(main.Log) {
			p.line("    | %s", strings.TrimRight(line, "\n"))
		}
		if r.Files.Stderr != nil {
			log = *r.Files.Stderr
		}
		for _, more := range [][2]string{{"next", main.Remedy}, {"change", main.Change}, {"log", log}} {
			if more[1] != "" {
				p.line("    %s: %s", more[0], more[1])
			}
		}
	}
	var changed tally[string]
	for _, pair := range severalAt(s.Runs) {
		changed.add(changesText(results.Changes(pair[0], pair[1])), Shown(pair[1].Address)+" of "+minute(last(pair[1]).Job.Ended))
	}
	for i, text := range changed.keys {
		changed.keys[i] = fmt.Sprintf("against the row before: %s: %s", Some(changed.of[text], 4), cmp.Or(text, "nothing that llmbench knows"))
	}
	p.paragraphs(mark, 2, changed.keys)
	for _, text := range intervalNotes(s) {
		p.paragraphs(mark, 2, []string{"interval of TPS/GPU: " + text})
	}
	p.paragraphs(mark, 2, detailedCaveats(s))
	if len(legend) > 0 {
		p.line("")
	}
	for _, line := range legend {
		if letter, text, ok := strings.Cut(line, "  "); ok {
			p.wrapped(mark+letter+"  ", 3, text)
		} else {
			p.wrapped(mark, 2, line)
		}
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
