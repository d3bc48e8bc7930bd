package schema

import (
	"fmt"
	"iter"
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// make makes the cells of one benchmark.
func (m *maker) make(b *benchmarkBlock) hcl.Diagnostics {
	diags := b.checkUseCases()
	for _, r := range b.rows {
		diags = append(diags, m.checkAxes(r, joined(b.matrix, r.matrix))...)
	}
	if diags.HasErrors() {
		return diags
	}
	total, left := 0, 0
	for _, r := range b.rows {
		axes := joined(b.matrix, r.matrix)
		ofRow, kept, more := m.makeRow(r, axes)
		diags = append(diags, more...)
		diags = append(diags, r.matrix.checkCounts(ofRow, kept)...)
		total, left = total+ofRow, left+kept
	}
	m.defs.Excluded += total - left
	return append(diags, b.matrix.checkCounts(total, left)...)
}

// makeRow makes the cells of one row: the product of the axes without what
// excludes remove. A cell with a mistake is left out.
func (m *maker) makeRow(r *row, axes []*axis) (total, left int, diags hcl.Diagnostics) {
	res := m.newResolver(r, axes)
	b, ready := res.newCellBuilder()
	if ready {
		res.diags = append(res.diags, res.unusedAxes()...)
	}
	s := newExcludeFilter(r, axes)
	at := make([]int, len(axes))
	for more := true; more; more = next(at, axes) {
		total++
		if s.removes(at) {
			continue
		}
		left++
		if ready {
			if c := b.cell(at); c != nil {
				m.defs.Cells = append(m.defs.Cells, c)
				continue
			}
		}
		m.lost = &r.rng
	}
	return total, left, res.diags
}

// unusedAxes refuses free axes that no argument of the row refers to.
func (r *resolver) unusedAxes() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, ax := range r.axes {
		if _, used := r.nodes[ax.name]; ax.free && !used && len(ax.values) > 1 {
			diags = append(diags, refuse(ax.rng, "Axis that nothing refers to", "No argument of the row %q refers to each.%s, so its runs would all measure the same. Refer to it, for example in llm_api_options, or remove the axis.", r.row.label, ax.name))
		}
	}
	return diags
}

// next steps to the next position, the last axis fastest; false after the last.
func next(at []int, axes []*axis) bool {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < len(axes[i].values) {
			return true
		}
		at[i] = 0
	}
	return false
}

// Shared is a map by name of which most is common to many cells: it takes
// memory for what is a cell's own. It cannot be changed.
type Shared[V any] struct {
	common *map[string]V
	own    []ownValue[V]
}

// An ownValue takes the place of what is common; it may say that there is
// nothing.
type ownValue[V any] struct {
	name  string
	value V
	gone  bool
}

// Get returns the value of a name; ok is false and the value zero where there
// is none.
func (s Shared[V]) Get(name string) (value V, ok bool) {
	for i := range s.own {
		if o := &s.own[i]; o.name == name {
			return o.value, !o.gone
		}
	}
	if s.common != nil {
		value, ok = (*s.common)[name]
	}
	return value, ok
}

// At is the value of a name, zero where there is none.
func (s Shared[V]) At(name string) V {
	value, _ := s.Get(name)
	return value
}

// Own ranges over what is not common, in the order in which versions list flags.
func (s Shared[V]) Own() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, o := range s.own {
			if !o.gone && !yield(o.name, o.value) {
				return
			}
		}
	}
}

// All ranges over names and values in no order.
func (s Shared[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, o := range s.own {
			if !o.gone && !yield(o.name, o.value) {
				return
			}
		}
		if s.common == nil {
			return
		}
		for name, v := range *s.common {
			if !s.replaces(name) && !yield(name, v) {
				return
			}
		}
	}
}

func (s Shared[V]) replaces(name string) bool {
	for i := range s.own {
		if s.own[i].name == name {
			return true
		}
	}
	return false
}

// componentPattern is what a value may look like in an address.
var componentPattern = regexp.MustCompile(`^[A-Za-z0-9_.]+$`)

// valueLabel shows a value in an address, "" if it has no short form.
func valueLabel(v cty.Value) string {
	if v.IsNull() || !v.IsKnown() {
		return ""
	}
	switch v.Type() {
	case cty.String:
		return v.AsString()
	case cty.Number:
		return shortest(v)
	case cty.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	}
	return ""
}

// blockTypes are the types of the values of block arguments.
var blockTypes = map[string]cty.Type{"model": modelType, "hardware": hardwareType, "image": imageType, "use_case": useCaseType}

// blockLabel is the label of the block that v is, which must be of the type
// that argument wants. wrong ends a sentence that begins with the value.
func blockLabel(argument string, v cty.Value) (label, wrong string) {
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type().Equals(blockTypes[argument]) {
		return v.GetAttr("label").AsString(), ""
	}
	plain, _ := v.UnmarkDeep()
	for word, ty := range blockTypes {
		if plain.Type().Equals(ty) && !plain.IsNull() {
			return "", fmt.Sprintf("must be %s block, as in %s.NAME, and this is %s block", article(noun(argument)), argument, article(noun(word)))
		}
	}
	if plain.Type() == cty.String && plain.IsKnown() && !plain.IsNull() {
		return "", fmt.Sprintf("must be %s block, not a string. Write %s.%s without quotes", article(noun(argument)), argument, plain.AsString())
	}
	return "", fmt.Sprintf("must be %s block, as in %s.NAME", article(noun(argument)), argument)
}
