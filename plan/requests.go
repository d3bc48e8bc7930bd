package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// requests are the lines that a run sends, summed up for the proof.
type requests struct {
	Dataset
	longest        int // ISL+OSL of the longest line
	maxISL         int
	variableOSL    bool
	lengthsUnknown bool // lines hold prompts as text
	traits         trtllm.Traits
	// lengths are those of the lines, or one where all lines have the same.
	lengths []trtllm.Length
	wrong   hcl.Diagnostics // why it cannot be used
}

// each are the lengths of the lines, one by one.
func (q *requests) each() []trtllm.Length {
	if len(q.lengths) == 1 {
		return slices.Repeat(q.lengths, q.Lines)
	}
	return q.lengths
}

// outputTokens are those of all lines.
func (q *requests) outputTokens() float64 {
	sum := 0.0
	for _, l := range q.lengths {
		sum += float64(l.OSL)
	}
	return sum * float64(q.Lines) / float64(max(1, len(q.lengths)))
}

// dataset finds the lines of a cell: computed for ours, read for the user's own.
func (b *builder) dataset(cell *schema.Cell) (*requests, hcl.Diagnostics) {
	n, _ := argument(cell.Args.Get("num_requests")).(int64)
	lines, own := int(n), cell.UseCase.Dataset != ""
	if lines < 1 && !own {
		return nil, candidate{cell: cell}.refuse("num_requests", "Number of requests is missing",
			"A data set that llmbench generates has as many lines as num_requests says, so num_requests must be at least 1.")
	}
	q := once(b.memo, [2]any{cell.UseCase, lines}, func() *requests {
		q := &requests{}
		if own {
			q.wrong = b.ownDataset(q, cell.UseCase, lines)
		} else {
			q.generate(cell.UseCase, lines)
		}
		return q
	})
	return q, q.wrong
}

// generate computes the lengths of llmbench's own data set.
func (q *requests) generate(u *schema.UseCase, lines int) {
	q.Dataset = Dataset{Generator: ptr(trtllm.Generator), Seed: ptr(u.Seed), Lines: lines}
	shape := Shape(u.ISL, u.OSL, u.ISLStdev, u.OSLStdev, u.Seed, lines)
	n := lines
	if shape.ISLStdev == 0 && shape.OSLStdev == 0 {
		n = 1
	}
	lengths := make([]trtllm.Length, n)
	for i := range lengths {
		lengths[i].ISL, lengths[i].OSL = shape.Lengths(i)
	}
	q.add(lengths)
}

// Shape is the generated data set of a use case, without the vocabulary.
func Shape(isl, osl int, islStdev, oslStdev float64, seed int64, lines int) trtllm.Shape {
	return trtllm.Shape{ISL: isl, OSL: osl, ISLStdev: islStdev, OSLStdev: oslStdev, Seed: seed, Lines: lines}
}

func (b *builder) ownDataset(q *requests, u *schema.UseCase, lines int) hcl.Diagnostics {
	path := u.Dataset
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.Definitions.Dir, path)
	}
	location := u.Range
	if r, ok := u.Ranges["dataset"]; ok {
		location = r
	}
	fail := func(summary, format string, args ...any) hcl.Diagnostics {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &location}}
	}
	ds, err := b.ReadDataset(path, lines)
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return fail("Data set cannot be read", "%v. The path is relative to the definitions.", err)
	}
	if err != nil {
		return fail("Data set cannot be used", "%s: %v.", path, err)
	}
	if lines > ds.Lines {
		return fail("Data set has too few lines",
			"%s has %s and num_requests is %d; trtllm-bench would silently send only %s. Lower num_requests or add lines.", path, countOf(ds.Lines, "line"), lines, countOf(ds.Lines, "request"))
	}
	q.Dataset, q.traits = Dataset{Lines: ds.Lines, SHA256: ptr(ds.SHA256), Path: ptr(path)}, ds.Traits
	q.add(ds.Lengths)
	return nil
}

// bound is the most tokens that a request can have, 0 where nothing bounds it.
func (q *requests) bound() int {
	if q.traits.MediaLine > 0 {
		return 0
	}
	return max(q.longest, q.traits.LongestText)
}

// add takes the lines of a data set.
func (q *requests) add(lengths []trtllm.Length) {
	q.lengths = lengths
	for _, l := range lengths {
		q.variableOSL = q.variableOSL || l.OSL != lengths[0].OSL
		if l.ISL < 0 {
			q.lengthsUnknown = true
			continue
		}
		q.longest = max(q.longest, l.ISL+l.OSL)
		q.maxISL = max(q.maxISL, l.ISL)
	}
}
