package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// refuse is an error about the source at rng.
func refuse(rng hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng}
}

// within widens the snippet of d to context.
func within(d *hcl.Diagnostic, context hcl.Range) *hcl.Diagnostic {
	d.Context = &context
	return d
}

// refuseAll is an error that has no place in a file.
func refuseAll(summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

// sentence ends s with a full stop unless it has its own end.
func sentence(s string) string {
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// place is a range as a sentence names it.
func place(rng hcl.Range) string {
	return fmt.Sprintf("%s:%d", rng.Filename, rng.Start.Line)
}

// tidy puts diags in the order of their places, those without one first, and
// drops repetitions: the same said of the same place for several runs.
func tidy(diags hcl.Diagnostics) hcl.Diagnostics {
	type key struct {
		severity        hcl.DiagnosticSeverity
		summary, detail string
		subject         hcl.Range
	}
	seen := map[key]bool{}
	var out hcl.Diagnostics
	for _, d := range diags {
		k := key{d.Severity, d.Summary, d.Detail, subject(d)}
		if !seen[k] {
			seen[k] = true
			out = append(out, d)
		}
	}
	out = shorten(out)
	slices.SortStableFunc(out, func(a, b *hcl.Diagnostic) int { return compareRanges(subject(a), subject(b)) })
	return out
}

// maxAlike is how many values of one expression are refused one by one.
const maxAlike = 3

// shorten keeps the first few of the diagnostics that say the same of an
// expression in several runs, and counts the others.
func shorten(diags hcl.Diagnostics) hcl.Diagnostics {
	type key struct {
		summary string
		subject hcl.Range
	}
	count := map[key]int{}
	last := map[key]*hcl.Diagnostic{}
	var out hcl.Diagnostics
	for _, d := range diags {
		if d.EvalContext == nil {
			out = append(out, d)
			continue
		}
		k := key{d.Summary, subject(d)}
		if count[k]++; count[k] <= maxAlike {
			out = append(out, d)
			last[k] = d
		}
	}
	for _, d := range out {
		k := key{d.Summary, subject(d)}
		if more := count[k] - maxAlike; more > 0 && last[k] == d {
			d.Detail += fmt.Sprintf("\n\n%d more values of this expression are refused too.", more)
		}
	}
	return out
}

func subject(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

func compareRanges(a, b hcl.Range) int {
	if a.Filename != b.Filename {
		if a.Filename < b.Filename {
			return -1
		}
		return 1
	}
	return a.Start.Byte - b.Start.Byte
}
