package schema

import "github.com/hashicorp/hcl/v2"

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
	s := newSieve(r, axes)
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
