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
	"table":    func(w io.Writer, h *results.History) error { return history(w, h, "") },
	"markdown": func(w io.Writer, h *results.History) error { return history(w, h, "- ") },
	"csv":      historyCSV,
	"json":     func(w io.Writer, h *results.History) error { return writeJSON(w, h) },
}

// history prints a table for each series. mark is what begins an item of a list in
// Markdown, "" for text.
func history(w io.Writer, h *results.History, mark string) error {
	p := &printer{w: w}
	if h.Simulated {
		p.line("%s", emphasis(mark, banner))
		p.line("")
	}
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
		first, last := s.Points[0], s.Points[len(s.Points)-1]
		if len(s.Points) > 1 {
			head += fmt.Sprintf(": %s → %s (%+.1f %%)", figure(first.Value), figure(last.Value), 100*(last.Value/first.Value-1))
		}
		p.line("%s", emphasis(mark, head))
		if mark != "" {
			p.line("")
			p.markdown(historyTable(h, s))
			continue
		}
		t := historyTable(h, s)
		t.indent = "  "
		if left := t.fit(columnsOf(w)); p.err == nil {
			p.err = t.plain(w)
			for _, point := range s.Points {
				if len(left) > 0 && len(point.Changes) > 0 {
					p.wrapped("  "+date(point.Date)+"  ", 14, changesText(point.Changes))
				}
			}
		}
	}
	p.line("")
	if h.Simulated {
		p.wrapped(mark, 0, "Simulations have no noise: no steps are marked.")
		return p.err
	}
	p.wrapped(mark, 0, noiseText(h)+" A step is marked where the level changed by more than that explains; a drift is a stair of steps.")
	return p.err
}

// noiseText says what the intervals come from.
func noiseText(h *results.History) string {
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
		return text + fmt.Sprintf("; %.0f %% is assumed until the samples of a cluster and image tell more.", 100*noise.Assumed)
	}
	return text + ", as the samples of one run differ in this store."
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
		{head: unit, right: true, cell: func(p results.Point) string {
			if p.High == nil {
				return figure(p.Value)
			}
			return fmt.Sprintf("%s ± %.1f %%", figure(p.Value), 100*(*p.High/p.Value-1))
		}},
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

// moves say what became of runs that were measured again, and what was changed, in a
// line each.
func moves(list []results.Move) []string {
	var out []string
	for _, m := range list {
		line := fmt.Sprintf("%s: %s → %s (%+.1f %%)", Shown(m.Row.Address), figure(m.Row.Base.Median), figure(m.Row.Target.Median), m.Row.ChangePct)
		if changes := changesText(m.Changes); changes != "" {
			line += ", " + changes
		}
		when := slices.DeleteFunc([]string{commit(m.Git), date(m.Date)}, func(s string) bool { return s == "-" })
		if len(when) > 0 {
			line += " (" + strings.Join(when, ", ") + ")"
		}
		out = append(out, line)
	}
	return out
}

func date(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

func minute(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
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
			git := ""
			if p.DefinitionsGit != nil {
				git = *p.DefinitionsGit
			}
			when := ""
			if p.Date != nil {
				when = p.Date.UTC().Format(time.RFC3339)
			}
			lines = append(lines, []string{s.Address, s.Cluster, when, git, p.Image, p.TRTLLMVersion, p.Fingerprint, h.Metric,
				exact(&p.Value), exact(p.Low), exact(p.High), strconv.Itoa(p.N), exact(p.StepPct), changesText(p.Changes), strconv.FormatBool(h.Simulated)})
		}
	}
	return out.WriteAll(lines)
}
