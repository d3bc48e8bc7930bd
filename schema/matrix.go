package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
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

// An exclude removes the runs that meet all of its terms.
type exclude struct {
	rng   hcl.Range
	terms []term
	// removed counts the runs that no earlier exclude removed, matched all.
	removed, matched int
}

// A term holds in a run if the axis has one of the values there.
type term struct {
	axis   *axis // nil for the use case
	values []int // positions on the axis
	labels []string
}

// readExclude reads an exclude block over axes. inRow means that the use case
// is given.
func (m *maker) readExclude(b *hclsyntax.Block, axes []*axis, inRow bool) (*exclude, hcl.Diagnostics) {
	ex := &exclude{rng: b.DefRange()}
	diags := checkLabels(b)
	c := split(b.Body)
	for _, inner := range c.blocks {
		diags = append(diags, shape{noun: "exclude"}.unknownBlock(inner))
	}
	if len(c.attrs) == 0 && !diags.HasErrors() {
		diags = append(diags, refuse(ex.rng, "Exclude of everything", "An exclude without terms would remove every run. Name the axes and values that runs must have to be removed."))
	}
	for _, a := range c.attrs {
		t, more := m.readTerm(a, axes, inRow)
		diags = append(diags, more...)
		ex.terms = append(ex.terms, t)
	}
	return ex, diags
}

func (m *maker) readTerm(a *hclsyntax.Attribute, axes []*axis, inRow bool) (term, hcl.Diagnostics) {
	if a.Name == "use_case" {
		return m.readUseCaseTerm(a, inRow)
	}
	i := slices.IndexFunc(axes, func(ax *axis) bool { return ax.name == a.Name })
	if i < 0 {
		names := []string{"use_case"}
		for _, ax := range axes {
			names = append(names, ax.name)
		}
		return term{}, hcl.Diagnostics{refuse(a.NameRange, "Exclude by something that is not an axis", "There is no axis %q here.%s", a.Name, orList(a.Name, names, "Runs differ in"))}
	}
	ax := axes[i]
	t := term{axis: ax}
	wanted, diags := m.termValues(a, ax)
	for _, e := range wanted {
		at := ax.find(e.value, m.converterOf(ax))
		if len(at) == 0 {
			diags = append(diags, refuse(e.rng, "Exclude that removes nothing", "The axis %q does not have %s. Its values are %s.", ax.name, describe(e.value), ax.labels()))
		}
		t.values = append(t.values, at...)
	}
	return t, diags
}

func (m *maker) converterOf(ax *axis) converter {
	switch {
	case ax.free:
		return m.convertFree
	case m.args.isFlag(ax.name):
		return m.convertFlag
	}
	return m.convertBlock
}

// termValues evaluates a term: one value or a list of values.
func (m *maker) termValues(a *hclsyntax.Attribute, ax *axis) ([]element, hcl.Diagnostics) {
	if _, list := a.Expr.(*hclsyntax.TupleConsExpr); !list {
		v, ok, diags := m.names.known(a.Expr, "the exclude")
		if !ok {
			return nil, orFailed(diags, true, a.Expr.Range())
		}
		one := element{value: v, rng: a.Expr.Range()}
		if v.IsNull() || !listLike(v.Type()) || len(ax.find(v, m.converterOf(ax))) > 0 {
			return []element{one}, diags
		}
	}
	return m.names.elements(a.Expr, "the exclude")
}

func listLike(ty cty.Type) bool { return ty.IsTupleType() || ty.IsListType() || ty.IsSetType() }

func (m *maker) readUseCaseTerm(a *hclsyntax.Attribute, inRow bool) (term, hcl.Diagnostics) {
	if inRow {
		return term{}, hcl.Diagnostics{refuse(a.SrcRange, "Exclude by the use case of its own row", "This matrix belongs to one row, so the use case is the same in all its runs. Remove the term, or move the exclude into the matrix of the benchmark.")}
	}
	wanted, diags := m.termValues(a, &axis{name: "use_case"})
	var t term
	for _, e := range wanted {
		if e.value.Type() == cty.String && !e.value.IsNull() {
			t.labels = append(t.labels, e.value.AsString())
			continue
		}
		label, wrong := blockLabel("use_case", e.value)
		if wrong != "" {
			diags = append(diags, refuse(e.rng, "Unsuitable value", "The use case of an exclude %s.", wrong))
			continue
		}
		t.labels = append(t.labels, label)
	}
	return t, diags
}

// checkUseCases refuses terms that name no row of the benchmark.
func (b *benchmarkBlock) checkUseCases() hcl.Diagnostics {
	if b.matrix == nil {
		return nil
	}
	var rows []string
	for _, r := range b.rows {
		rows = append(rows, r.label)
	}
	var diags hcl.Diagnostics
	for _, ex := range b.matrix.excludes {
		for _, t := range ex.terms {
			for _, label := range t.labels {
				if !slices.Contains(rows, label) {
					diags = append(diags, refuse(ex.rng, "Exclude that removes nothing", "The benchmark has no row %q.%s", label, orList(label, rows, "Its rows are")))
				}
			}
		}
	}
	return diags
}

// An excludeFilter is that of one row: for each exclude, which positions on each axis it wants.
type excludeFilter struct {
	excludes []*exclude
	wants    [][]wantedValue
}

type wantedValue struct {
	axis int
	at   []bool
}

// newExcludeFilter prepares the excludes that apply to the row.
func newExcludeFilter(r *row, axes []*axis) *excludeFilter {
	s := &excludeFilter{}
	for _, mx := range []*matrix{r.benchmark.matrix, r.matrix} {
		if mx == nil {
			continue
		}
		for _, ex := range mx.excludes {
			if wants, applies := ex.wants(r.label, axes); applies {
				s.excludes = append(s.excludes, ex)
				s.wants = append(s.wants, wants)
			}
		}
	}
	return s
}

func (ex *exclude) wants(useCase string, axes []*axis) (wants []wantedValue, applies bool) {
	for _, t := range ex.terms {
		if t.axis == nil {
			if !slices.Contains(t.labels, useCase) {
				return nil, false
			}
			continue
		}
		w := wantedValue{axis: slices.Index(axes, t.axis), at: make([]bool, len(t.axis.values))}
		for _, i := range t.values {
			w.at[i] = true
		}
		wants = append(wants, w)
	}
	return wants, true
}

// removes reports whether an exclude removes the run at these positions, and
// counts.
func (s *excludeFilter) removes(at []int) bool {
	removed := false
	for i, ex := range s.excludes {
		if !slices.ContainsFunc(s.wants[i], func(w wantedValue) bool { return !w.at[at[w.axis]] }) {
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
func (mx *matrix) checkCounts(total, left int) hcl.Diagnostics {
	if mx == nil || total == 0 {
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
		var locations []string
		for _, ex := range mx.excludes {
			locations = append(locations, location(ex.rng))
		}
		diags = append(diags, refuse(mx.rng, "Excludes that remove everything", "Together the excludes at %s remove all %d runs, so nothing would be left to measure. Narrow one of them.", strings.Join(locations, ", "), total))
	}
	return diags
}
