package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
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

// Search is a search block of a benchmark. Names of metrics are as they are written.
type Search struct {
	Label    string
	Metric   string
	Minimize bool
	// MaxRuns is 0 and MaxGPUHours nil where they are not given; one of them is.
	MaxRuns     int
	MaxGPUHours *float64
	Bounds      []SearchBound
	Range       hcl.Range
	// Ranges are the places of the arguments by name.
	Ranges map[string]hcl.Range
}

// SearchBound limits a metric; Max and Min are nil for none, and one of them is given.
type SearchBound struct {
	Metric   string
	Max, Min *float64
	Range    hcl.Range
}

var (
	searchShape = shapeOf("search", []field{
		{name: "max_runs", ty: cty.Number, wrong: wholeWithin(1, 0)},
		{name: "max_gpu_hours", ty: cty.Number, wrong: positive},
	}, "maximize", "minimize")
	boundShape = shapeOf("bound", []field{
		{name: "max", ty: cty.Number, wrong: positive},
		{name: "min", ty: cty.Number, wrong: positive},
	})
	sloShape = shapeOf("slo", []field{
		{name: "ttft", ty: cty.DynamicPseudoType, wrong: wrongLatency},
		{name: "tpot", ty: cty.DynamicPseudoType, wrong: wrongLatency},
		{name: "latency", ty: cty.DynamicPseudoType, wrong: wrongLatency},
	})
)

func positive(v cty.Value) string {
	if !(asFloat(v) > 0) {
		return "must be more than 0, and it is " + shortest(v)
	}
	return ""
}

// readSearches reads the search blocks of a benchmark.
func (m *maker) readSearches(bench *benchmarkBlock, blocks []*hclsyntax.Block) ([]*Search, hcl.Diagnostics) {
	diags := unique(blocks, 1)
	var out []*Search
	for _, b := range blocks {
		s, more := m.names.readSearch(b)
		diags = append(diags, more...)
		out = append(out, s)
	}
	hasMatrix := len(bench.matrix.axes) > 0 || slices.ContainsFunc(bench.rows, func(r *row) bool { return len(r.matrix.axes) > 0 })
	if len(blocks) > 0 && !hasMatrix {
		diags = append(diags, refuse(blocks[0].DefRange(), "Search without a matrix",
			"A search chooses among the runs of a matrix, and this benchmark has none. Write the values to choose from: matrix { concurrency = [64, 256, 1024] }, each argument on a line of its own."))
	}
	return out, diags
}

func (n *names) readSearch(b *hclsyntax.Block) (*Search, hcl.Diagnostics) {
	shape := searchShape
	shape.blocks = []string{"bound"}
	c, v, diags := n.read(b, shape, "LABEL")
	s := &Search{Range: b.DefRange(), Ranges: c.ranges(), MaxRuns: whole(v["max_runs"]), MaxGPUHours: number(v["max_gpu_hours"])}
	wrong := diags.HasErrors()
	if len(b.Labels) > 0 {
		s.Label = b.Labels[0]
	}
	goals := 0
	for _, name := range []string{"maximize", "minimize"} {
		a := c.byName[name]
		if a == nil {
			continue
		}
		if goals++; goals > 1 {
			diags = append(diags, refuse(a.SrcRange, "Search for two things", "A search maximizes one metric or minimizes one. Keep one of the two, and limit the other metric with a bound block."))
		}
		s.Metric, s.Minimize = metricName(a.Expr), name == "minimize"
		if s.Metric == "" {
			diags = append(diags, refuse(a.Expr.Range(), "Unsuitable value", "The argument %q must be the name of a metric, such as output_throughput_per_gpu_tok_s.", name))
		}
	}
	if goals == 0 && !wrong {
		diags = append(diags, refuse(s.Range, "Missing required argument", "A search needs the metric that it is for: maximize = output_throughput_per_gpu_tok_s, or minimize = and another one."))
	}
	if c.byName["max_runs"] == nil && c.byName["max_gpu_hours"] == nil && !wrong {
		diags = append(diags, refuse(s.Range, "Search without a budget", "A search needs a budget: max_runs = 12, max_gpu_hours = 30, or both."))
	}
	bounds := filter(c.blocks, "bound")
	diags = append(diags, unique(bounds, 1)...)
	for _, inner := range bounds {
		bound, more := n.readBound(inner)
		diags = append(diags, more...)
		s.Bounds = append(s.Bounds, bound)
	}
	return s, diags
}

func (n *names) readBound(b *hclsyntax.Block) (SearchBound, hcl.Diagnostics) {
	c, v, diags := n.read(b, boundShape, "METRIC")
	bound := SearchBound{Range: b.DefRange(), Max: number(v["max"]), Min: number(v["min"])}
	if len(b.Labels) > 0 {
		bound.Metric = b.Labels[0]
	}
	switch {
	case diags.HasErrors():
	case len(c.attrs) == 0:
		diags = append(diags, refuse(bound.Range, "Bound without a limit", "A bound limits its metric with max = …, min = …, or both."))
	case bound.Max != nil && bound.Min != nil && *bound.Min > *bound.Max:
		diags = append(diags, refuse(c.byName["min"].SrcRange, "Unsuitable value", "min is %g, above max, which is %g: no run can meet both.", *bound.Min, *bound.Max))
	}
	return bound, diags
}

// metricName is a name that stands for itself, with quotes or without; "" for any other
// expression.
func metricName(e hclsyntax.Expression) string {
	if name := hcl.ExprAsKeyword(e); name != "" {
		return name
	}
	if v, diags := e.Value(nil); !diags.HasErrors() && v.Type() == cty.String && !v.IsNull() {
		return v.AsString()
	}
	return ""
}

// SLO are bounds on each request, 0 for none; one of them is given.
type SLO struct {
	TTFT, TPOT, Latency time.Duration
	Range               hcl.Range
}

// wrongLatency refuses what is no time of a request.
func wrongLatency(v cty.Value) string {
	s := text(v)
	d, err := time.ParseDuration(s)
	switch _, bare := strconv.ParseFloat(s, 64); {
	case bare == nil:
		return fmt.Sprintf("has no unit. Write %q for seconds or %q for milliseconds", s+"s", s+"ms")
	case err != nil:
		return fmt.Sprintf(`must be a duration such as "2s" or "50ms", not %q`, s)
	case d <= 0:
		return fmt.Sprintf("must be more than nothing, and it is %q", s)
	}
	return ""
}

// readSLO reads the slo block of a section, nil for none.
func (n *names) readSLO(blocks []*hclsyntax.Block) (*SLO, hcl.Diagnostics) {
	if len(blocks) == 0 {
		return nil, nil
	}
	b := blocks[0]
	c, v, diags := n.read(b, sloShape)
	diags = append(diags, atMostOne(blocks)...)
	if len(c.attrs) == 0 && !diags.HasErrors() {
		diags = append(diags, refuse(b.DefRange(), "Slo without a bound", `An slo bounds what each request may take: ttft = "2s", tpot = "50ms", latency = "30s", or some of them.`))
	}
	s := &SLO{Range: b.DefRange()}
	for name, to := range map[string]*time.Duration{"ttft": &s.TTFT, "tpot": &s.TPOT, "latency": &s.Latency} {
		*to, _ = time.ParseDuration(text(v[name]))
	}
	return s, diags
}

// over is the SLO of a row that replaces that of its benchmark key by key.
func (s *SLO) over(outer *SLO) *SLO {
	if s == nil || outer == nil {
		return cmp.Or(s, outer)
	}
	return &SLO{cmp.Or(s.TTFT, outer.TTFT), cmp.Or(s.TPOT, outer.TPOT), cmp.Or(s.Latency, outer.Latency), s.Range}
}
