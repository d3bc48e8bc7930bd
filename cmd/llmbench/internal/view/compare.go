package view

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
)

// CompareFormats are the forms of comparisons, by the name that -format takes.
var CompareFormats = map[string]func(io.Writer, *results.Comparison) error{
	"table": func(w io.Writer, c *results.Comparison) error { return compareTable(&printer{w: w}, c) },
	"markdown": func(w io.Writer, c *results.Comparison) error {
		return Comment(w, func(w io.Writer) error { return compareTable(&printer{w: w, md: true}, c) })
	},
	"csv":  compareCSV,
	"json": func(w io.Writer, c *results.Comparison) error { return writeJSON(w, c) },
}

func compareTable(p *printer, c *results.Comparison) error {
	p.banner(c.Simulated, banner)
	context := moves(c.Moves)
	if !c.Earlier {
		context = nil
		for _, text := range c.Context {
			context = append(context, "differs: "+text)
		}
	}
	for _, text := range context {
		p.wrapped(p.item(), 2, text)
	}
	if len(context) > 0 {
		p.line("")
	}
	if len(c.Metrics) == 0 {
		p.line("Nothing is compared.")
	} else {
		p.table(compareRows(c))
	}
	compareNotes(p, c)
	return p.err
}

func compareRows(c *results.Comparison) *table {
	t := &table{
		header: []string{"run", "metric", "base", "target", "change", "p", "n", "verdict"},
		right:  []bool{false, false, true, true, true, true, true, false},
	}
	if c.BaseName != "" && c.TargetName != "" {
		t.header[2], t.header[3] = c.BaseName, c.TargetName
	}
	last := ""
	for _, r := range c.Metrics {
		name := ""
		if r.Address != last {
			name, last = Shown(r.Address), r.Address
		}
		t.add(name, r.Metric, summaryText(r.Base), summaryText(r.Target), fmt.Sprintf("%+.1f %%", r.ChangePct), orDash(r.P, func(p float64) string { return fmt.Sprintf("%.3f", p) }),
			fmt.Sprintf("%d+%d", r.Base.N, r.Target.N), strings.ReplaceAll(string(r.Verdict), "_", " "))
	}
	return t
}

// summaryText is a median with the greater half of its interval in percent.
func summaryText(s *results.Summary) string {
	return figure(s.Median) + halfWidth(s)
}

// halfWidth is the greater half of an interval in percent, "" for none.
func halfWidth(s *results.Summary) string {
	if s.Low == nil || s.High == nil {
		return ""
	}
	return fmt.Sprintf(" ± %.1f %%", 100*max(s.Median-*s.Low, *s.High-s.Median)/s.Median)
}

// refusals say what is not compared, by the reason.
func refusals(c *results.Comparison, name func(address string) string) []string {
	var out []string
	reasons, refused := groupBy(c.Refused, func(r results.Refusal) string { return r.Reason })
	for _, reason := range reasons {
		out = append(out, someOf(refused[reason], 3, func(r results.Refusal) string { return name(r.Address) })+": "+reason)
	}
	return out
}

// compareNotes say what would tell, what is not compared, and what to know of the rows.
func compareNotes(p *printer, c *results.Comparison) {
	more, hours := 0, 0.0
	addresses, of := groupBy(slices.DeleteFunc(slices.Clone(c.Metrics), func(r results.ComparedMetric) bool { return r.Verdict != results.CannotTell }), func(r results.ComparedMetric) string { return r.Address })
	for _, address := range addresses {
		most := slices.MaxFunc(of[address], func(a, b results.ComparedMetric) int { return a.Needed - b.Needed })
		more, hours = max(more, most.Needed), hours+most.GPUHours
	}
	if c.Simulated && len(c.Metrics) > 0 {
		p.line("\n%sSimulations have no noise: changes are shown, but none is called better or worse.", p.item())
	}
	if more > 0 {
		p.line("\n%s%s cannot be told: samples = %d on both sides would (about %.1f GPU-hours more).", p.item(), Plural(len(addresses), "run"), more, hours)
	}
	for _, line := range refusals(c, func(address string) string { return address }) {
		p.line("%snot compared: %s", p.item(), line)
	}
	said := map[string]bool{}
	for _, r := range c.Metrics {
		for _, n := range r.Notes {
			if text := Shown(r.Address) + ": " + n; !said[text] {
				said[text] = true
				p.line("%snote: %s", p.item(), text)
			}
		}
	}
}

// exact is a number with all its digits, "" for none.
func exact(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'g', -1, 64)
}

func compareCSV(w io.Writer, c *results.Comparison) error {
	lines := [][]string{{"address", "metric", "base", "base_low", "base_high", "base_n", "target", "target_low", "target_high", "target_n", "change_pct", "p", "verdict", "notes", "simulated"}}
	for _, r := range c.Metrics {
		line := []string{r.Address, r.Metric}
		for _, s := range []*results.Summary{r.Base, r.Target} {
			line = append(line, exact(&s.Median), exact(s.Low), exact(s.High), strconv.Itoa(s.N))
		}
		lines = append(lines, append(line, exact(&r.ChangePct), exact(r.P), string(r.Verdict), strings.Join(r.Notes, "; "), strconv.FormatBool(c.Simulated)))
	}
	for _, r := range c.Refused {
		lines = append(lines, []string{r.Address, "", "", "", "", "", "", "", "", "", "", "", "refused", r.Reason, strconv.FormatBool(c.Simulated)})
	}
	return csv.NewWriter(w).WriteAll(lines)
}
