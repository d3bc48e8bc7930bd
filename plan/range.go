package plan

import "github.com/hashicorp/hcl/v2"

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
