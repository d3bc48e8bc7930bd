package plan

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/schema"
)

// Origins tell where the values of a run were set: by argument name, a leaf of
// llm_api_options as "llm_api_options.a.b", a variable as "env.NAME". Those of
// definitions stay in the cell.
type Origins struct {
	cell *schema.Cell // nil for a document that was read
	// other is what the cell does not say, or all of a document that was read.
	other map[string]Origin
}

// NewOrigins are the origins of a run that no cell of definitions made.
func NewOrigins(by map[string]Origin) Origins { return Origins{other: by} }

// At is the origin of a value, zero for one that nothing set.
func (o Origins) At(name string) Origin {
	if o.cell != nil {
		if d := o.cell.Origin(name); d != nil {
			return newOrigin(d)
		}
	}
	return o.other[name]
}

func newOrigin(o *schema.Origin) Origin { return Origin{From: o.From, Range: newRange(o.Range)} }

// below returns the first origin, by name, with a place whose name begins with
// prefix.
func (o Origins) below(prefix string) (Origin, bool) {
	all := o.All()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, prefix) && all[name].Range != nil {
			return all[name], true
		}
	}
	return Origin{}, false
}

// All are the origins by the name of the argument.
func (o Origins) All() map[string]Origin {
	out := map[string]Origin{}
	maps.Copy(out, o.other)
	if o.cell != nil {
		for name, d := range o.cell.Origins() {
			out[name] = newOrigin(d)
		}
	}
	return out
}

// MarshalJSON writes the origins by the name of the argument.
func (o Origins) MarshalJSON() ([]byte, error) { return json.Marshal(o.All()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Origins) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &o.other) }

// Range is a place in a definitions file, as all JSON documents give it.
// Lines and columns count from 1.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// Pos is one end of a Range.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// newRange converts a range of HCL's; the empty range gives nil.
func newRange(r hcl.Range) *Range {
	if r.Filename == "" {
		return nil
	}
	return &Range{
		Filename: r.Filename,
		Start:    Pos{Line: r.Start.Line, Column: r.Start.Column},
		End:      Pos{Line: r.End.Line, Column: r.End.Column},
	}
}

// Origin is where a value of a run was set: From is row, matrix, benchmark,
// image, version or llmbench; Range is null for the last two.
type Origin struct {
	From  string `json:"from"`
	Range *Range `json:"range"`
}

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

// NewDiagnostics converts all of diags in order.
func NewDiagnostics(diags hcl.Diagnostics) []Diagnostic {
	out := make([]Diagnostic, len(diags))
	for i, d := range diags {
		out[i] = Diagnostic{Severity: "error", Code: slug(d.Summary), Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			out[i].Severity = "warning"
		}
		if about, ok := hcl.DiagnosticExtra[About](d); ok {
			out[i].Address = Text(about.Address)
		}
		if d.Subject != nil {
			out[i].Range = newRange(*d.Subject)
		}
	}
	return out
}

// slug makes the code of a diagnostic from its summary, which holds no names
// of the user's: "Unsupported matrix axis" is unsupported_matrix_axis.
func slug(summary string) string {
	words := strings.FieldsFunc(strings.ToLower(summary), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "_")
}
