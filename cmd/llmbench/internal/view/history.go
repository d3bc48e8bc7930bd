package view

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/noise"
)

// HistoryFormats are the forms of histories, by the name that -format takes.
var HistoryFormats = map[string]func(io.Writer, *results.History) error{
	"table":    func(w io.Writer, h *results.History) error { return history(&printer{w: w}, h) },
	"markdown": func(w io.Writer, h *results.History) error { return history(&printer{w: w, md: true}, h) },
	"csv":      historyCSV,
	"json":     func(w io.Writer, h *results.History) error { return writeJSON(w, h) },
}

func history(p *printer, h *results.History) error {
	p.banner(h.Simulated, banner)
	if len(h.Series) == 0 {
		p.line("No results yet.")
		return p.err
	}
	clusters := map[string]bool{}
	for _, s := range h.Series {
		clusters[s.Cluster] = true
	}
	for i, s := range h.Series {
		if i > 0 {
			p.line("")
		}
		head := Shown(s.Address)
		if len(clusters) > 1 {
			head += " on " + s.Cluster
		}
		if len(s.Points) > 1 {
			head += ": " + movedText(s)
		}
		p.strong(head)
		t := historyTable(h, s)
		if p.md {
			p.line("")
			p.table(t)
			continue
		}
		t.indent = "  "
		if left := t.fit(columnsOf(p.w)); p.err == nil {
			p.err = t.plain(p.w)
			for _, point := range s.Points {
				if len(left) > 0 && len(point.Changes) > 0 {
					p.wrapped("  "+date(point.Date)+"  ", 14, changesText(point.Changes))
				}
			}
		}
	}
	p.line("")
	p.wrapped(p.item(), 0, noiseText(h))
	return p.err
}

// noiseText says what the intervals come from, and what a step is.
func noiseText(h *results.History) string {
	if h.Simulated {
		return "Simulations have no noise: no steps are marked."
	}
	low, high, assumed := 1.0, 0.0, false
	for _, s := range h.Series {
		low, high = min(low, *s.Noise), max(high, *s.Noise)
		assumed = assumed || s.Degrees < noise.LeastDegrees
	}
	text := fmt.Sprintf("± is the 95 %% interval that noise of %.1f %% a sample leaves", 100*high)
	if high-low >= 0.0005 {
		text = fmt.Sprintf("± is the 95 %% interval that noise of %.1f to %.1f %% a sample leaves", 100*low, 100*high)
	}
	if assumed {
		text += fmt.Sprintf("; %.0f %% is assumed until the samples of a cluster and image tell more.", 100*noise.Assumed)
	} else {
		text += ", as the samples of one run differ in this store."
	}
	return text + " A step is marked where the level changed by more than that explains; a drift is a stair of steps."
}

func movedText(s results.Series) string {
	first, last := s.Points[0].Value, s.Points[len(s.Points)-1].Value
	return fmt.Sprintf("%s → %s (%+.1f %%)", figure(first), figure(last), 100*(last/first-1))
}

func pointText(p results.Point) string {
	if p.High == nil {
		return figure(p.Value)
	}
	return fmt.Sprintf("%s ± %.1f %%", figure(p.Value), 100*(*p.High/p.Value-1))
}

func historyTable(h *results.History, s results.Series) *table {
	t := &table{}
	unit := h.Metric
	if m, ok := results.FindMeasure(h.Metric); ok {
		unit = cmp.Or(m.Column, m.Title)
		if m.Unit == "ms" {
			unit += " (ms)"
		}
	}
	addColumns(t, []column[results.Point]{
		{head: "date", cell: func(p results.Point) string { return date(p.Date) }},
		{head: "commit", rank: 3, cell: func(p results.Point) string { return commit(p.DefinitionsGit) }},
		{head: "image", rank: 2, cell: func(p results.Point) string { return cmp.Or(path.Base(p.Image), p.TRTLLMVersion, "-") }},
		{head: unit, right: true, cell: pointText},
		{head: "n", right: true, rank: 4, cell: func(p results.Point) string { return strconv.Itoa(p.N) }},
		{head: "step", right: true, cell: func(p results.Point) string { return stepText(p.StepPct) }},
		{head: "changed", rank: 5, cell: func(p results.Point) string { return changesText(p.Changes) }},
	}, s.Points)
	return t
}

func stepText(pct *float64) string {
	switch {
	case pct == nil:
		return ""
	case *pct < 0:
		return fmt.Sprintf("▼ %.1f %%", *pct)
	}
	return fmt.Sprintf("▲ +%.1f %%", *pct)
}

func changesText(list []results.Changed) string {
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s %s → %s", c.Argument, c.Before, c.After))
	}
	return strings.Join(out, ", ")
}

// moves say what became of runs that were measured again, and what was changed, in a line each.
func moves(list []results.Move) []string {
	var out []string
	for _, m := range list {
		line := fmt.Sprintf("%s: %s → %s (%+.1f %%)", Shown(m.Metric.Address), figure(m.Metric.Base.Median), figure(m.Metric.Target.Median), m.Metric.ChangePct)
		if changes := changesText(m.Changes); changes != "" {
			line += ", " + changes
		}
		if when := slices.DeleteFunc([]string{commit(m.Git), date(m.Date)}, func(s string) bool { return s == "-" }); len(when) > 0 {
			line += " (" + strings.Join(when, ", ") + ")"
		}
		out = append(out, line)
	}
	return out
}

func date(t *time.Time) string {
	return orDash(t, func(t time.Time) string { return t.UTC().Format(time.DateOnly) })
}

func minute(t *time.Time) string {
	return orDash(t, func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") })
}

// commit is a commit of definitions in short, "-" where there is none.
func commit(git *string) string {
	if git == nil {
		return "-"
	}
	short, dirty := strings.CutSuffix(*git, "-dirty")
	if short = fmt.Sprintf("%.7s", short); dirty {
		short += "-dirty"
	}
	return short
}

func historyCSV(w io.Writer, h *results.History) error {
	out := csv.NewWriter(w)
	lines := [][]string{{"address", "cluster", "date", "definitions_git", "image", "trtllm_version", "fingerprint", "metric", "value", "low", "high", "n", "step_pct", "changes", "simulated"}}
	for _, s := range h.Series {
		for _, p := range s.Points {
			git, when := "", ""
			if p.DefinitionsGit != nil {
				git = *p.DefinitionsGit
			}
			if p.Date != nil {
				when = p.Date.UTC().Format(time.RFC3339)
			}
			lines = append(lines, []string{s.Address, s.Cluster, when, git, p.Image, p.TRTLLMVersion, p.Fingerprint, h.Metric,
				exact(&p.Value), exact(p.Low), exact(p.High), strconv.Itoa(p.N), exact(p.StepPct), changesText(p.Changes), strconv.FormatBool(h.Simulated)})
		}
	}
	return out.WriteAll(lines)
}

type reportHistory struct {
	Noise  string
	Left   int // series that are left out
	Series []reportPast
}

// A reportPast is the history of one run; the script makes of the CSV what points tell.
type reportPast struct {
	Run                  int
	Name, Told, From, To string
	Y                    []reportTick
	Points               []reportMoment
	Steps                []string
	CSV                  reportCSV
}

// A reportMoment is a point of a history, in percent from the top; Step is its mark, "" for none.
type reportMoment struct {
	Y, Low, High float64
	Step         string
}

// Last is the place of the last point, of at least two.
func (r reportPast) Last() int { return len(r.Points) - 1 }

// At is where a point stands in percent of the width.
func (r reportPast) At(i int) float64 { return round1(100 * (float64(i)/float64(r.Last()) + .1) / 1.2) }

// Box is the view box in which points stand at their numbers.
func (r reportPast) Box() string {
	return fmt.Sprintf("%.4g 0 %.4g 100", -.1*float64(r.Last()), 1.2*float64(r.Last()))
}

// The report shows so many series, those with steps before others, and of each so many
// of the last points, less on a page of a few runs: that bounds its size.
const (
	mostSeriesOverTime = 12
	mostPointsOverTime = 30
)

// newReportHistory is of the runs that were measured more than once, nil for none.
func newReportHistory(set *results.Set, h *results.History, names runNames) *reportHistory {
	run := map[string]int{}
	clusters := map[string]bool{}
	for i, r := range set.Runs {
		cluster := r.Results[0].Cluster
		run[r.Address+"\x00"+cluster], clusters[cluster] = i, true
	}
	at := func(s results.Series) int { return run[s.Address+"\x00"+s.Cluster] }
	steady := func(s results.Series) int { // 0 where there are steps
		if slices.ContainsFunc(s.Points, func(p results.Point) bool { return p.StepPct != nil }) {
			return 0
		}
		return 1
	}
	shown := *h
	shown.Series = slices.DeleteFunc(slices.Clone(h.Series), func(s results.Series) bool {
		_, ok := run[s.Address+"\x00"+s.Cluster]
		return !ok || len(s.Points) < 2
	})
	if len(shown.Series) == 0 {
		return nil
	}
	out := &reportHistory{Noise: noiseText(&shown), Left: max(0, len(shown.Series)-mostSeriesOverTime)}
	slices.SortStableFunc(shown.Series, func(a, b results.Series) int { return cmp.Or(steady(a)-steady(b), at(a)-at(b)) })
	shown.Series = shown.Series[:len(shown.Series)-out.Left]
	for _, s := range shown.Series {
		name := names.full(s.Address)
		if len(clusters) > 1 {
			name += " on " + s.Cluster
		}
		one := newReportPast(s, name, min(mostPointsOverTime, max(40, 36*len(set.Runs)-104)/len(shown.Series)))
		one.Run = at(s)
		out.Series = append(out.Series, one)
	}
	return out
}

func newReportPast(s results.Series, name string, most int) reportPast {
	all := len(s.Points)
	s.Points = s.Points[max(0, all-most):]
	out := reportPast{Name: name, Told: movedText(s), CSV: newReportCSV(name+" history", "date,commit,output_tok_s_gpu,low,high,n,step_pct,changes")}
	if all > len(s.Points) {
		out.Told = fmt.Sprintf("the last %d of %d: %s", len(s.Points), all, out.Told)
	}
	var values []float64
	for _, p := range s.Points {
		values = append(values, p.Value)
		if p.Low != nil {
			values = append(values, *p.Low, *p.High)
		}
	}
	y := fittedScale(values)
	down := func(v float64) float64 { return round1(100 - y.position(v)) }
	out.Y = downwards(y.ticks())
	for _, p := range s.Points {
		m := reportMoment{Y: down(p.Value)}
		if p.Low != nil {
			m.Low, m.High = down(*p.Low), down(*p.High)
		}
		out.CSV.add(date(p.Date), commit(p.DefinitionsGit), csvNumber(&p.Value), csvNumber(p.Low), csvNumber(p.High), strconv.Itoa(p.N), csvNumber(p.StepPct), changesText(p.Changes))
		when := date(p.Date)
		if git := commit(p.DefinitionsGit); git != "-" {
			when += ", " + git
		}
		about := present(stepText(p.StepPct), changesText(p.Changes))
		if p.StepPct != nil {
			m.Step, _, _ = strings.Cut(about[0], " ")
		}
		if p.StepPct != nil || p.Low == nil && len(about) > 0 {
			out.Steps = append(out.Steps, when+": "+strings.Join(about, ": "))
		}
		out.Points = append(out.Points, m)
	}
	out.From, out.To = date(s.Points[0].Date), date(s.Points[out.Last()].Date)
	return out
}
