package view

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/failure"
)

// Diagnostics prints diags with the lines that they are about, of warnings of a kind the first.
func (s *Streams) Diagnostics(files map[string]*hcl.File, diags hcl.Diagnostics) {
	if len(diags) == 0 {
		return
	}
	diags = groupWarnings(diags)
	width := uint(0)
	if s.Width > 20 {
		width = uint(s.Width)
	}
	w := s.Err
	if s.Color {
		_, w = s.Raw()
		files, diags = safeFiles(files), safeDiagnostics(diags)
	}
	// A writer that fails has nowhere to say so.
	_ = hcl.NewDiagnosticTextWriter(w, files, width, s.Color).WriteDiagnostics(diags)
}

// safeFiles are the sources with a question mark for each byte of a control character.
func safeFiles(files map[string]*hcl.File) map[string]*hcl.File {
	out := make(map[string]*hcl.File, len(files))
	for name, f := range files {
		src := slices.Clone(f.Bytes)
		for i := 0; i < len(src); {
			r, n := utf8.DecodeRune(src[i:])
			if control(r) && r != '\n' && r != '\t' && r != '\r' || r == utf8.RuneError && n == 1 {
				copy(src[i:i+n], "???")
			}
			i += n
		}
		out[name] = &hcl.File{Body: f.Body, Bytes: src, Nav: f.Nav}
	}
	return out
}

func safeDiagnostics(diags hcl.Diagnostics) hcl.Diagnostics {
	out := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		safe := *d
		safe.Summary, safe.Detail = safeString(d.Summary), safeString(d.Detail)
		out[i] = &safe
	}
	return out
}

func warningsOf(diags hcl.Diagnostics) (kinds []string, of map[string][]*hcl.Diagnostic) {
	warnings := slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagWarning })
	return groupBy(warnings, func(d *hcl.Diagnostic) string { return d.Summary })
}

// groupWarnings leaves the first warning of each kind, last of all, with how many more there are.
func groupWarnings(diags hcl.Diagnostics) hcl.Diagnostics {
	kinds, of := warningsOf(diags)
	out := slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool { return d.Severity == hcl.DiagWarning })
	for _, kind := range kinds {
		first := *of[kind][0]
		if n := len(of[kind]) - 1; n > 0 {
			first.Detail += fmt.Sprintf("\n\n(and %s)", Plural(n, "similar warning"))
		}
		out = append(out, &first)
	}
	return out
}

// Warnings counts warnings by kind: "3 warnings: time limit is too short (2), variable is not set".
func Warnings(diags hcl.Diagnostics) string {
	kinds, of := warningsOf(diags)
	all := 0
	for i, kind := range kinds {
		r, size := utf8.DecodeRuneInString(kind)
		kinds[i] = string(unicode.ToLower(r)) + kind[size:]
		if n := len(of[kind]); n > 1 {
			kinds[i] += fmt.Sprintf(" (%d)", n)
		}
		all += len(of[kind])
	}
	if all == 0 {
		return ""
	}
	return Plural(all, "warning") + ": " + strings.Join(kinds, ", ")
}

// CodesHelp lists the codes of verdicts and notes, with the rule and the remedy of each.
func CodesHelp() string {
	var b strings.Builder
	b.WriteString("VERDICTS AND NOTES\n" +
		"  valid and suspect samples count; suspect ones are marked wherever they are shown. invalid and failed\n" +
		"  ones are never shown as a number. A note changes no verdict. Each has a code:\n")
	level := failure.Verdict("")
	for _, c := range failure.Table {
		if c.Verdict != level {
			level = c.Verdict
			fmt.Fprintf(&b, "\n  %s\n", level)
		}
		fmt.Fprintf(&b, "    %-24s %s\n%29snext: %s\n", c.Code, c.Rule, "", c.Remedy)
	}
	return strings.TrimRight(b.String(), "\n")
}
