package schema

import (
	"cmp"
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

// warn is a warning that has no place in a file.
func warn(summary, format string, args ...any) *hcl.Diagnostic {
	d := refuseAll(summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// list is what show says of each of all.
func list[T any](all []T, show func(T) string) []string {
	var out []string
	for _, one := range all {
		out = append(out, show(one))
	}
	return out
}

// sentence ends s with a full stop unless it has its own end.
func sentence(s string) string {
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// location is a range as a sentence names it.
func location(rng hcl.Range) string {
	return fmt.Sprintf("%s:%d", rng.Filename, rng.Start.Line)
}

// maxAlike is how many values of one expression are refused one by one.
const maxAlike = 3

// tidy puts diags in the order of their places, those without one first. It drops
// repetitions, the same said of the same place for several runs, and counts what is said
// of an expression in other runs than the first few.
func tidy(diags hcl.Diagnostics) hcl.Diagnostics {
	type key struct {
		severity        hcl.DiagnosticSeverity
		summary, detail string
		subject         hcl.Range
	}
	count, last := map[key]int{}, map[key]*hcl.Diagnostic{}
	var out hcl.Diagnostics
	for _, d := range diags {
		k := key{d.Severity, d.Summary, d.Detail, subject(d)}
		if count[k]++; count[k] > 1 {
			continue
		}
		if d.EvalContext != nil {
			k.detail = ""
			if count[k]++; count[k] > maxAlike {
				continue
			}
			last[k] = d
		}
		out = append(out, d)
	}
	for k, d := range last {
		if more := count[k] - maxAlike; more > 0 {
			d.Detail += fmt.Sprintf("\n\n%d more values of this expression are refused too.", more)
		}
	}
	slices.SortStableFunc(out, func(a, b *hcl.Diagnostic) int { return compareRanges(subject(a), subject(b)) })
	return out
}

func subject(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

func compareRanges(a, b hcl.Range) int {
	return cmp.Or(cmp.Compare(a.Filename, b.Filename), a.Start.Byte-b.Start.Byte)
}

// Nearest is the name that was probably meant by given, "" if none is near.
// Earlier names win over later ones that are as near.
func Nearest(given string, names []string) string {
	best, least := "", maxDistance(given)+1
	for _, name := range names {
		if d := distance(given, name); d < least && name != given {
			best, least = name, d
		}
	}
	if best == "" && len(given) >= 4 {
		for _, name := range names { // max_batch, batch_size
			if strings.HasPrefix(name, given+"_") || strings.HasSuffix(name, "_"+given) {
				return name
			}
		}
	}
	return best
}

// maxDistance is how many slips may lie between a name of this length and what was
// meant by it.
func maxDistance(given string) int {
	switch n := len(given); {
	case n <= 4:
		return 1
	case n <= 12:
		return 2
	}
	return 3
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, twice := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twice[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

// DidYouMean returns a sentence with a leading space that names the nearest of
// names to given, "" if none is near.
func DidYouMean(given string, names []string) string {
	if near := Nearest(given, names); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

// orList is a sentence with a leading space: the nearest of names, else all of
// them behind lead.
func orList(given string, names []string, lead string) string {
	if s := DidYouMean(given, names); s != "" {
		return s
	}
	return fmt.Sprintf(" %s %s.", lead, strings.Join(names, ", "))
}

// suggestOrList is a sentence with a leading space: the nearest of the declared
// names or, where none is near, all of them.
func suggestOrList(given string, names []string, noun string) string {
	if len(names) == 0 {
		return fmt.Sprintf(" No %s is declared.", noun)
	}
	return orList(given, names, "Declared:")
}
