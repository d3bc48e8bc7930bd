package schema

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A matrix is a product of axes without the runs that its excludes remove.
type matrix struct {
	rng      hcl.Range
	axes     []*axis
	excludes []*exclude
}

// maxAxes bounds the axes of a row, so that a set of them is a word.
const maxAxes = 64

// readMatrix reads a matrix block. outer is the matrix of the benchmark when
// the block belongs to a row.
func (m *maker) readMatrix(b *hclsyntax.Block, outer *matrix) (*matrix, hcl.Diagnostics) {
	mx := &matrix{rng: b.DefRange()}
	diags := checkLabels(b)
	c := split(b.Body)
	diags = append(diags, shape{noun: "matrix", blocks: []string{"axis", "exclude"}}.onlyBlocks(c)...)
	for _, a := range c.attrs {
		ax, more := m.readArgumentAxis(a)
		diags = append(diags, more...)
		mx.add(ax)
	}
	for _, inner := range filter(c.blocks, "axis") {
		ax, more := m.readFreeAxis(inner)
		diags = append(diags, more...)
		mx.add(ax)
	}
	slices.SortStableFunc(mx.axes, func(a, b *axis) int { return compareRanges(a.rng, b.rng) })
	diags = append(diags, checkDuplicateAxes(mx, outer)...)
	if len(c.attrs)+len(c.blocks) == 0 {
		diags = append(diags, refuse(mx.rng, "Matrix without axes", "A matrix holds axes, each a list of values: concurrency = [64, 512]."))
	}
	if diags.HasErrors() {
		return mx, diags // excludes would be called wrong for want of an axis
	}
	for _, inner := range filter(c.blocks, "exclude") {
		ex, more := m.readExclude(inner, joined(outer, mx), outer != nil)
		diags = append(diags, more...)
		mx.excludes = append(mx.excludes, ex)
	}
	return mx, diags
}

func (mx *matrix) add(ax *axis) {
	if ax != nil {
		mx.axes = append(mx.axes, ax)
	}
}

// joined is the axes of the benchmark's matrix, then those of the row's; either
// may be nil.
func joined(outer, inner *matrix) []*axis {
	var axes []*axis
	if outer != nil {
		axes = append(axes, outer.axes...)
	}
	if inner != nil && inner != outer {
		axes = append(axes, inner.axes...)
	}
	return axes
}

func checkDuplicateAxes(mx, outer *matrix) hcl.Diagnostics {
	var diags hcl.Diagnostics
	first := map[string]hcl.Range{}
	if outer != nil {
		for _, ax := range outer.axes {
			first[ax.name] = ax.rng
		}
	}
	for _, ax := range mx.axes {
		if before, taken := first[ax.name]; taken {
			diags = append(diags, refuse(ax.rng, "Duplicate axis", "There is an axis %q already, at %s. The matrix of a row is combined with that of its benchmark, so an axis can be in only one of them.", ax.name, location(before)))
			continue
		}
		first[ax.name] = ax.rng
	}
	return diags
}

// checkAxes refuses the axes of a row that its own arguments contradict, and
// products that no one means.
func (m *maker) checkAxes(r *row, axes []*axis) hcl.Diagnostics {
	var diags hcl.Diagnostics
	runs := 1
	for _, ax := range axes {
		if a := r.args[ax.name]; a != nil {
			diags = append(diags, refuse(a.SrcRange, "Argument set by both a row and an axis", "The row %q sets %s, and the axis at %s gives it a value in every run of the row. Remove it here, or move the axis into the rows that it is meant for.", r.label, ax.name, location(ax.rng)))
		}
		if runs = runs * max(1, len(ax.values)); m.runs+runs > maxRuns {
			return append(diags, refuse(ax.rng, "Too many runs", "The axes of the row %q make more than %d runs, counted before excludes. Use fewer values, or split the definitions.", r.label, maxRuns))
		}
	}
	m.runs += runs
	if len(axes) > maxAxes {
		diags = append(diags, refuse(axes[maxAxes].rng, "Too many axes", "A row can have %d axes, and %q has %d.", maxAxes, r.label, len(axes)))
	}
	return diags
}

// maxRuns bounds the products of all rows together.
const maxRuns = 250_000
