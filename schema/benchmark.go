package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A section is a benchmark or a row: arguments and perhaps a matrix.
type section struct {
	from   string // fromBenchmark or fromRow
	args   map[string]*hclsyntax.Attribute
	matrix matrix // without axes for none
	slo    *SLO
}

// sectionBlocks are the blocks that benchmarks and rows may have.
var sectionBlocks = []string{"matrix", "slo"}

// A row is a use_case block in a benchmark.
type row struct {
	section
	label     string
	rng       hcl.Range
	useCase   *UseCase
	benchmark *benchmarkBlock
}

// axes are those of the benchmark's matrix, then those of the row's.
func (r *row) axes() []*axis { return slices.Concat(r.benchmark.matrix.axes, r.matrix.axes) }

// benchmarkBlock is a benchmark as it is written.
type benchmarkBlock struct {
	section
	label string
	rng   hcl.Range
	rows  []*row
}

// benchmarks reads the benchmark blocks and makes their cells.
func (l *loader) benchmarks() hcl.Diagnostics {
	blocks := l.blocks["benchmark"]
	diags := unique(blocks, 1)
	m := &maker{defs: l.defs, names: l.defs.names, args: newArguments(l.opts.Catalog)}
	for _, b := range blocks {
		more := checkLabels(b, "NAME")
		diags = append(diags, more...)
		if len(b.Labels) != 1 {
			continue
		}
		bench, more := m.readBenchmark(b)
		diags = append(diags, more...)
		searches, wrong := m.readSearches(bench, filter(split(b.Body).blocks, "search"))
		diags = append(diags, wrong...)
		l.defs.Benchmarks = append(l.defs.Benchmarks, &Benchmark{Label: b.Labels[0], Range: b.DefRange(), Searches: searches})
		if !more.HasErrors() { // half a benchmark would be called wrong in many ways
			diags = append(diags, m.make(bench)...)
		}
	}
	l.lost = m.lost
	return diags
}

// A maker makes cells of benchmarks.
type maker struct {
	defs  *Definitions
	names *names
	args  *arguments
	runs  int // multiplied so far, before excludes
	lost  *hcl.Range
}

func (m *maker) readBenchmark(b *hclsyntax.Block) (*benchmarkBlock, hcl.Diagnostics) {
	bench := &benchmarkBlock{label: b.Labels[0], rng: b.DefRange(), section: section{from: fromBenchmark}}
	c := split(b.Body)
	diags := shape{noun: "benchmark", blocks: []string{"use_case", "matrix", "slo", "search"}}.onlyBlocks(c)
	rows := filter(c.blocks, "use_case")
	useCases := &axis{name: "use_case"} // for excludes
	for _, b := range rows {
		useCases.values = append(useCases.values, axisValue{label: strings.Join(b.Labels, " ")})
	}
	diags = append(diags, m.readSection(&bench.section, c, "a benchmark", matrix{}, useCases)...)
	diags = append(diags, uniqueRows(rows)...)
	for _, inner := range rows {
		r, more := m.readRow(inner, bench)
		diags = append(diags, more...)
		if r != nil {
			bench.rows = append(bench.rows, r)
		}
	}
	if len(rows) == 0 && !diags.HasErrors() {
		diags = append(diags, refuse(bench.rng, "Benchmark without rows", "A benchmark needs at least one row, which names the use case that it measures: use_case \"NAME\" {}."))
	}
	return bench, diags
}

func uniqueRows(rows []*hclsyntax.Block) hcl.Diagnostics {
	diags := unique(rows, 1)
	for _, d := range diags {
		d.Summary = "Duplicate row"
		d.Detail = "The benchmark already has a row for this use case, and their runs would share an address. To measure a use case in several ways, give its row a matrix, or write another benchmark."
	}
	return diags
}

func (m *maker) readRow(b *hclsyntax.Block, bench *benchmarkBlock) (*row, hcl.Diagnostics) {
	diags := checkLabels(b, "NAME")
	if len(b.Labels) != 1 {
		return nil, diags
	}
	r := &row{label: b.Labels[0], rng: b.DefRange(), benchmark: bench, section: section{from: fromRow}}
	for _, u := range m.defs.UseCases {
		if u.Label == r.label {
			r.useCase = u
		}
	}
	if r.useCase == nil && !diags.HasErrors() {
		diags = append(diags, within(refuse(b.LabelRanges[0], "Row of an undeclared use case", "There is no use case %q.%s A row names a top-level use_case block.",
			r.label, suggestOrList(r.label, m.names.roots["use_case"].order, "use case")), r.rng))
	}
	c := split(b.Body)
	diags = append(diags, shape{noun: "use_case", blocks: sectionBlocks}.onlyBlocks(c)...)
	return r, append(diags, m.readSection(&r.section, c, "a row of a benchmark", bench.matrix)...)
}

// onlyBlocks refuses blocks that the shape does not have; the arguments are
// checked elsewhere.
func (s shape) onlyBlocks(c contents) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, b := range c.blocks {
		if !slices.Contains(s.blocks, b.Type) {
			diags = append(diags, s.unknownBlock(b))
		}
	}
	return diags
}

// readSection reads arguments, slo and matrix. outer is the matrix that the section's own
// joins; more are what excludes can name besides axes.
func (m *maker) readSection(s *section, c contents, where string, outer matrix, more ...*axis) hcl.Diagnostics {
	s.args = c.byName
	diags := m.args.check(c.attrs, where)
	slo, wrong := m.names.readSLO(filter(c.blocks, "slo"))
	s.slo, diags = slo, append(diags, wrong...)
	blocks := filter(c.blocks, "matrix")
	diags = append(diags, atMostOne(blocks)...)
	if len(blocks) == 0 {
		return diags
	}
	s.matrix, wrong = m.readMatrix(blocks[0], outer, more...)
	return append(diags, wrong...)
}
