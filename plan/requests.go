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
	extent  extent
}

// each are the lengths of the lines, one by one.
func (q *requests) each() []trtllm.Length {
	if !q.alike() {
		return q.lengths
	}
	return slices.Repeat(q.lengths, q.Lines)
}

// outputTokens are those of all lines.
func (q *requests) outputTokens() float64 {
	sum := 0.0
	for _, l := range q.lengths {
		sum += float64(l.OSL)
	}
	return sum * float64(q.Lines) / float64(max(1, len(q.lengths)))
}

// alike reports whether lengths has one that stands for all lines.
func (q *requests) alike() bool { return len(q.lengths) == 1 && q.Lines > 0 }

// dataset finds the lines of a cell: computed for ours, read for the user's own.
func (b *builder) dataset(cell *schema.Cell) (*requests, hcl.Diagnostics) {
	lines, ok := intArg(cell, "num_requests")
	if !ok {
		lines = 0
	}
	key := dataKey{cell.UseCase, lines}
	if known := b.parts.data[key]; known != nil {
		return known, nil
	}
	req, diags := b.readRequests(cell, lines, ok)
	if diags.HasErrors() {
		return nil, diags
	}
	b.parts.data[key] = &req
	return &req, diags
}

func (b *builder) readRequests(cell *schema.Cell, lines int, ok bool) (requests, hcl.Diagnostics) {
	if cell.UseCase.Dataset != "" {
		return b.ownDataset(cell, lines)
	}
	if !ok || lines < 1 {
		return requests{}, hcl.Diagnostics{cellError(cell, "num_requests", "Number of requests is missing",
			"A data set that llmbench generates has as many lines as num_requests says, so num_requests must be at least 1.")}
	}
	shape := Shape(cell.UseCase.ISL, cell.UseCase.OSL, cell.UseCase.ISLStdev, cell.UseCase.OSLStdev, cell.UseCase.Seed, lines)
	req := requests{Dataset: Dataset{Generator: ptr(trtllm.Generator), Seed: ptr(cell.UseCase.Seed), Lines: lines}}
	if shape.ISLStdev == 0 && shape.OSLStdev == 0 {
		req.add([]trtllm.Length{{ISL: shape.ISL, OSL: shape.OSL}})
		return req, nil
	}
	lengths := make([]trtllm.Length, lines)
	for i := range lengths {
		lengths[i].ISL, lengths[i].OSL = shape.Lengths(i)
	}
	req.add(lengths)
	return req, nil
}

// Shape is the generated data set of a use case, without the vocabulary.
func Shape(isl, osl int, islStdev, oslStdev float64, seed int64, lines int) trtllm.Shape {
	return trtllm.Shape{ISL: isl, OSL: osl, ISLStdev: islStdev, OSLStdev: oslStdev, Seed: seed, Lines: lines}
}

func (b *builder) ownDataset(cell *schema.Cell, lines int) (requests, hcl.Diagnostics) {
	path := cell.UseCase.Dataset
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.Definitions.Dir, path)
	}
	location := cell.UseCase.Range
	if r, ok := cell.UseCase.Ranges["dataset"]; ok {
		location = r
	}
	fail := func(summary, detail string) (requests, hcl.Diagnostics) {
		return requests{}, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &location}}
	}
	ds, err := b.ReadDataset(path, lines)
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return fail("Data set cannot be read", fmt.Sprintf("%v. The path is relative to the definitions.", err))
	}
	if err != nil {
		return fail("Data set cannot be used", fmt.Sprintf("%s: %v.", path, err))
	}
	if lines > ds.Lines {
		return fail("Data set has too few lines", fmt.Sprintf(
			"%s has %s and num_requests is %d; trtllm-bench would silently send only %s. Lower num_requests or add lines.", path, countOf(ds.Lines, "line"), lines, countOf(ds.Lines, "request")))
	}
	req := requests{Dataset: Dataset{Lines: ds.Lines, SHA256: ptr(ds.SHA256), Path: ptr(path)}}
	req.traits = ds.Traits
	req.add(ds.Lengths)
	return req, nil
}

// bound is the most tokens that a request can have, 0 where nothing bounds it.
func (q *requests) bound() int {
	if q.traits.MediaLine > 0 {
		return 0
	}
	return max(q.longest, q.traits.LongestText)
}

// add takes the lines of a data set. What is not known of their lengths is in no
// extent.
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
