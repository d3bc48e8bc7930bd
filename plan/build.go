package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A Request is all that a plan depends on.
type Request struct {
	Definitions *schema.Definitions
	Catalog     *catalog.Catalog
	// Place says where a cell's run goes.
	Place func(*schema.Cell) (Placement, hcl.Diagnostics)
	// ReadDataset checks a data set of the user's own and returns the lengths of
	// its first lines, all of them for lines 0.
	ReadDataset func(path string, lines int) (trtllm.Dataset, error)
	// Ledger may be nil: nothing is stored.
	Ledger    Ledger
	Selection Selection
	// Store is the store as the user named it; Version is llmbench's own.
	Store, Version string
	Git            *Git
	// Observe finds what is behind the names of a run now, as far as it is to be
	// seen from here; nil sees nothing.
	Observe func(*Run) Observation
}

// Build makes the plan. With errors among the diagnostics the plan has no runs:
// one invalid cell refuses it whole.
func Build(req Request) (*Plan, hcl.Diagnostics) {
	p := Empty(req.Version)
	p.Store, p.Git = req.Store, req.Git
	p.fill(req.Definitions)

	b := builder{Request: req, locations: map[string]hcl.Range{}, memo: memo{}, selected: setOf(req.Selection.Addresses)}
	diags := b.selects()
	var list []candidate
	for _, cell := range req.Definitions.Cells {
		c, more := b.candidate(cell)
		for _, d := range more {
			if d.Extra == nil {
				d.Extra = About{Address: cell.Address}
			}
		}
		diags = append(diags, more...)
		if c.run != nil && (len(b.selected) == 0 || b.selected[cell.Address] || matchAny(req.Selection.Addresses, cell.Address)) {
			p.Runs = append(p.Runs, c.run)
			list = append(list, c)
		}
	}
	diags = merge(diags)
	if diags.HasErrors() {
		p.Runs = []*Run{}
		p.Diagnostics = NewDiagnostics(diags)
		return p, diags
	}
	diags = append(diags, b.decide(p)...)
	diags = append(diags, b.compareObserved(list)...)
	diags = append(diags, b.foresee(list)...)
	diags = append(diags, b.search(p, list)...)
	diags = append(diags, b.share(p, list)...)
	p.summarise(req.Definitions.Policy)
	diags = append(diags, checkPolicy(req.Definitions.Policy, p)...)
	if diags.HasErrors() {
		p.Runs, p.Jobs, p.Searches = []*Run{}, nil, []*Search{}
	}
	p.Diagnostics = NewDiagnostics(diags)
	return p, diags
}

// fill copies what concerns the definitions as a whole.
func (p *Plan) fill(defs *schema.Definitions) {
	p.Excluded = defs.Excluded
	for _, in := range defs.Inputs {
		p.Inputs = append(p.Inputs, Input{Path: in.Path, SHA256: in.SHA256})
	}
	for _, v := range defs.Variables {
		if v.Set && !v.Sensitive {
			p.Variables[v.Name] = plainValue(v.Value)
		}
	}
}

type builder struct {
	Request
	locations map[string]hcl.Range // by fingerprint: the run that has it
	memo      memo
	selected  map[string]bool // the patterns, of which many may be whole addresses: those of a saved plan are
}

// A memo has what runs of one plan have in common, each made once: a matrix of 10,000
// cells has few options, data sets and engines. Runs must not change what they share.
// Values of different types have keys of different types.
type memo map[any]any

// once returns what is kept under a key, and makes it the first time.
func once[V any](kept memo, key any, make func() V) V {
	if v, ok := kept[key]; ok {
		return v.(V)
	}
	v := make()
	kept[key] = v
	return v
}

func (b *builder) selects() hcl.Diagnostics {
	addresses := make([]string, 0, len(b.Definitions.Cells))
	for _, c := range b.Definitions.Cells {
		addresses = append(addresses, c.Address)
	}
	if err := b.Selection.check(addresses); err != nil {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "No such run", Detail: err.Error()}}
	}
	return nil
}

// A candidate is a cell with its run, and what a proof and a prediction of it need.
type candidate struct {
	b     *builder
	run   *Run
	cell  *schema.Cell
	args  *argumentsPart
	data  *requests
	place Placement
}

// candidate makes the run of one cell and proves it. There is no run when the cell is
// wrong.
func (b *builder) candidate(cell *schema.Cell) (candidate, hcl.Diagnostics) {
	place, diags := b.Place(cell)
	data, more := b.dataset(cell)
	diags = append(diags, more...)
	if diags.HasErrors() {
		return candidate{}, diags
	}
	c := candidate{b: b, cell: cell, args: b.argumentsOf(cell, data), data: data, place: place}
	c.run = c.newRun()
	diags = append(diags, c.check()...)
	if diags.HasErrors() {
		return candidate{}, diags
	}
	return c, diags
}

// flag is the value of a flag that is in effect: the version's default where it is not
// passed, nil where trtllm-bench works it out.
func (c candidate) flag(name string) any {
	if v := c.run.Arguments[name]; v != nil {
		return v
	}
	if f, ok := c.cell.Version.Flag(name); ok && f.Default != cty.NilVal {
		return argument(f.Default)
	}
	return nil
}

// whole is a flag that is a whole number; ok is false where trtllm-bench works it out.
func (c candidate) whole(name string) (n int, ok bool) {
	v, ok := c.flag(name).(int64)
	return int(v), ok
}

// option is an option by its dotted path, nil for one that is null or not there.
func (c candidate) option(path string) any { return optionAt(c.run.LLMAPIOptions, path) }

// declared reports whether definitions set a flag or an option.
func (c candidate) declared(name string) bool {
	o := c.cell.Origin(name)
	return o != nil && o.From != schema.FromVersion && o.From != schema.FromLLMBench
}

// refuse is an error at the place of an argument of the cell; "" is the row itself.
func (c candidate) refuse(argument, summary, format string, args ...any) hcl.Diagnostics {
	location := c.cell.Range
	if o := c.cell.Origin(argument); o != nil && o.Range.Filename != "" {
		location = o.Range
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &location, Extra: About{Address: c.cell.Address},
	}}
}

// warn is refuse as a warning.
func (c candidate) warn(argument, summary, format string, args ...any) hcl.Diagnostics {
	diags := c.refuse(argument, summary, format, args...)
	diags[0].Severity = hcl.DiagWarning
	return diags
}

// unique refuses two runs that measure the same thing.
func (c candidate) unique() hcl.Diagnostics {
	first, taken := c.b.locations[c.run.Fingerprint]
	if !taken {
		c.b.locations[c.run.Fingerprint] = c.cell.Range
		return nil
	}
	return c.refuse("", "Two runs measure the same",
		"The run %s has the same arguments, image, hardware and requests as the one declared at %s:%d, so it would be measured and paid for twice. "+
			"Change an argument, remove one of the two, or set samples = 2 to measure the same thing again.", c.cell.Address, first.Filename, first.Start.Line)
}

// optionsFile refuses options that cannot be written.
func (c candidate) optionsFile() hcl.Diagnostics {
	if err := c.run.options.err; err != nil {
		return c.refuse("", "Options cannot be written", "%v.", err)
	}
	return nil
}

// merge keeps one of several diagnostics that say the same of the same place
// in different runs, and says how many there are.
func merge(diags hcl.Diagnostics) hcl.Diagnostics {
	count := map[[3]string]int{}
	keyOf := func(d *hcl.Diagnostic) [3]string { return [3]string{d.Summary, d.Detail, fmt.Sprint(d.Subject)} }
	var out hcl.Diagnostics
	for _, d := range diags {
		key := keyOf(d)
		if count[key]++; count[key] == 1 {
			out = append(out, d)
		}
	}
	for _, d := range out {
		if n := count[keyOf(d)]; n > 1 {
			if a, ok := hcl.DiagnosticExtra[About](d); ok {
				d.Detail += fmt.Sprintf("\n\nSeen in %s and %d more.", a.Address, n-1)
			}
		}
	}
	return out
}
