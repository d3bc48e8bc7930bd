package plan

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Diagnostic is an error or a warning about the definitions in JSON documents.
// Code is a stable word for the kind of mistake; Address is empty unless one
// run is meant.
type Diagnostic struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  Text   `json:"address"`
	Range    *Range `json:"range"`
}

// About is the Extra of a diagnostic that concerns one run.
type About struct {
	Address string
}

// newDiagnostic converts a diagnostic of HCL's.
func newDiagnostic(d *hcl.Diagnostic) Diagnostic {
	out := Diagnostic{Severity: "error", Code: slug(d.Summary), Summary: d.Summary, Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		out.Severity = "warning"
	}
	if about, ok := hcl.DiagnosticExtra[About](d); ok {
		out.Address = Text(about.Address)
	}
	if d.Subject != nil {
		out.Range = newRange(*d.Subject)
	}
	return out
}

// NewDiagnostics converts all of diags in order.
func NewDiagnostics(diags hcl.Diagnostics) []Diagnostic {
	out := make([]Diagnostic, 0, len(diags))
	for _, d := range diags {
		out = append(out, newDiagnostic(d))
	}
	return out
}

// slug makes the code of a diagnostic from its summary, which holds no names
// of the user's: "Unsupported matrix axis" is unsupported_matrix_axis.
func slug(summary string) string {
	words := strings.FieldsFunc(strings.ToLower(summary), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "_")
}
