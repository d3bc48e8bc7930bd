package schema

import (
	"slices"
	"strings"

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

// readMatrix reads a matrix block. outer is the matrix of the benchmark when the block
// belongs to a row; more are what excludes can name besides axes.
func (m *maker) readMatrix(b *hclsyntax.Block, outer matrix, more ...*axis) (matrix, hcl.Diagnostics) {
	mx := matrix{rng: b.DefRange()}
	diags := checkLabels(b)
	c := split(b.Body)
	diags = append(diags, shape{noun: "matrix", blocks: []string{"axis", "exclude"}}.onlyBlocks(c)...)
	add := func(ax *axis, wrong hcl.Diagnostics) {
		diags = append(diags, wrong...)
		if ax != nil {
			mx.axes = append(mx.axes, ax)
		}
	}
	for _, a := range c.attrs {
		add(m.readArgumentAxis(a))
	}
	for _, inner := range filter(c.blocks, "axis") {
		add(m.readFreeAxis(inner))
	}
	slices.SortStableFunc(mx.axes, func(a, b *axis) int { return compareRanges(a.rng, b.rng) })
	axes := slices.Concat(outer.axes, mx.axes)
	for i, ax := range axes {
		first := slices.IndexFunc(axes, func(before *axis) bool { return before.name == ax.name })
		if first < i {
			diags = append(diags, refuse(ax.rng, "Duplicate axis", "There is an axis %q already, at %s. The matrix of a row is combined with that of its benchmark, so an axis can be in only one of them.", ax.name, location(axes[first].rng)))
		}
	}
	if len(c.attrs)+len(c.blocks) == 0 {
		diags = append(diags, refuse(mx.rng, "Matrix without axes", "A matrix holds axes, each a list of values: concurrency = [64, 512]."))
	}
	if diags.HasErrors() {
		return mx, diags // excludes would be called wrong for want of an axis
	}
	for _, inner := range filter(c.blocks, "exclude") {
		ex, wrong := m.readExclude(inner, append(more, axes...))
		diags = append(diags, wrong...)
		mx.excludes = append(mx.excludes, ex)
	}
	return mx, diags
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

// An exclude removes the runs that meet all of its terms: on each of the axes one of
// the positions.
type exclude struct {
	rng   hcl.Range
	terms map[*axis]map[int]bool
	// removed counts the runs that no earlier exclude removed, matched all.
	removed, matched int
}

// readExclude reads an exclude block over axes.
func (m *maker) readExclude(b *hclsyntax.Block, axes []*axis) (*exclude, hcl.Diagnostics) {
	ex := &exclude{rng: b.DefRange(), terms: map[*axis]map[int]bool{}}
	diags := checkLabels(b)
	c := split(b.Body)
	diags = append(diags, shape{noun: "exclude"}.onlyBlocks(c)...)
	if len(c.attrs) == 0 && !diags.HasErrors() {
		diags = append(diags, refuse(ex.rng, "Exclude of everything", "An exclude without terms would remove every run. Name the axes and values that runs must have to be removed."))
	}
	for _, a := range c.attrs {
		i := slices.IndexFunc(axes, func(ax *axis) bool { return ax.name == a.Name })
		if i < 0 {
			names := list(axes, func(ax *axis) string { return ax.name })
			diags = append(diags, refuse(a.NameRange, "Exclude by something that is not an axis", "There is no axis %q here.%s", a.Name, orList(a.Name, names, "Runs differ in")))
			continue
		}
		ax := axes[i]
		wanted, more := m.termValues(a, ax)
		diags = append(diags, more...)
		ex.terms[ax] = map[int]bool{}
		for _, e := range wanted {
			at := m.find(ax, e.value)
			if len(at) == 0 {
				diags = append(diags, refuse(e.origin.Range, "Exclude that removes nothing", "No run here has %s as %s. Its values are %s.", describe(e.value), ax.name, strings.Join(list(ax.values, func(v axisValue) string { return v.label }), ", ")))
			}
			for _, i := range at {
				ex.terms[ax][i] = true
			}
		}
	}
	return ex, diags
}

// termValues evaluates a term: one value or a list of values.
func (m *maker) termValues(a *hclsyntax.Attribute, ax *axis) ([]axisValue, hcl.Diagnostics) {
	if _, list := a.Expr.(*hclsyntax.TupleConsExpr); !list {
		v, ok, diags := m.names.known(a.Expr, "the exclude")
		if !ok {
			return nil, orFailed(diags, true, a.Expr.Range())
		}
		if v.IsNull() || !isList(v.Type()) || len(m.find(ax, v)) > 0 {
			return []axisValue{{value: v, origin: &Origin{FromMatrix, a.Expr.Range()}}}, diags
		}
	}
	return m.names.elements(a.Expr, "the exclude")
}

// removes reports whether excludes remove the run of a row at these positions on its
// axes, and counts. Axes that the row does not have are those of the use cases.
func removes(excludes []*exclude, row int, axes []*axis, at []int) bool {
	removed := false
	for _, ex := range excludes {
		meets := true
		for ax, wanted := range ex.terms {
			if i := slices.Index(axes, ax); i >= 0 {
				meets = meets && wanted[at[i]]
			} else {
				meets = meets && wanted[row]
			}
		}
		if meets {
			ex.matched++
			if !removed {
				ex.removed++
			}
			removed = true
		}
	}
	return removed
}

// checkCounts refuses the excludes of mx that removed nothing, or everything
// of total runs.
func (mx matrix) checkCounts(total, left int) hcl.Diagnostics {
	if len(mx.excludes) == 0 || total == 0 {
		return nil
	}
	var diags hcl.Diagnostics
	for _, ex := range mx.excludes {
		switch {
		case ex.matched == total:
			diags = append(diags, refuse(ex.rng, "Exclude that removes everything", "This exclude removes all %d runs, so nothing would be left to measure. Narrow it, or remove the axes that you do not want.", total))
		case ex.removed == 0:
			diags = append(diags, refuse(ex.rng, "Exclude that removes nothing", "This exclude removes no run that another one does not remove. Remove it, or correct its values."))
		}
	}
	if left == 0 && !diags.HasErrors() {
		locations := list(mx.excludes, func(ex *exclude) string { return location(ex.rng) })
		diags = append(diags, refuse(mx.rng, "Excludes that remove everything", "Together the excludes at %s remove all %d runs, so nothing would be left to measure. Narrow one of them.", strings.Join(locations, ", "), total))
	}
	return diags
}
