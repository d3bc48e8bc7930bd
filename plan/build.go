package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

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

	b := builder{Request: req, locations: map[string]hcl.Range{}, parts: newParts(), selected: newMatcher(req.Selection.Addresses)}
	diags := b.selects()
	var list []candidate
	for _, cell := range req.Definitions.Cells {
		c, more := b.run(cell)
		diags = append(diags, more...)
		if c.run != nil && b.asked(c.run.Address) {
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
	parts     *parts
	selected  matcher
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

func (b *builder) asked(address string) bool {
	return len(b.Selection.Addresses) == 0 || b.selected.match(address)
}

// run makes the run of one cell and proves it. There is no run when the cell is
// wrong.
func (b *builder) run(cell *schema.Cell) (candidate, hcl.Diagnostics) {
	place, diags := b.Place(cell)
	data, more := b.dataset(cell)
	diags = append(diags, more...)
	if diags.HasErrors() {
		return candidate{}, about(cell, diags)
	}
	pr := newProof(cell, b.Catalog, data, b.Definitions.Policy)
	diags = append(diags, pr.check()...)
	if diags.HasErrors() {
		return candidate{}, about(cell, diags)
	}
	args := b.parts.argumentsOf(cell, data)
	run := b.parts.newRun(cell, data, args)
	run.Declared, run.Facts = declaredFacts(cell, b.Catalog), b.Catalog.Declared
	if len(b.searched(cell.Benchmark)) > 0 {
		run.State.Wanted = 1 // a search says where more are worth it
	}
	run.Executor, run.renderer = place.Ref, place.Renderer
	run.cluster = place.Cluster
	run.transient, run.retries = place.Transient, place.Retries
	run.RequestLog = b.requestLog(cell)
	run.Settings = once(b.parts.settings, place.Ref, func() ExecutorIdentity { return place.Renderer.Identity().normal() })
	run.Simulated = run.Settings.Simulated
	run.Fingerprint, run.FingerprintVersion = NewIdentity(run, run.Settings).Fingerprint(), FingerprintVersion
	diags = append(diags, checkFiles(run, cell)...)
	if err := run.options.err; err != nil {
		diags = append(diags, cellError(cell, "", "Options cannot be written", err.Error()+"."))
	}
	diags = append(diags, checkSLO(cell, run.Arguments)...)
	diags = append(diags, checkShared(run, cell, place.Renderer)...)
	diags = append(diags, b.unique(run, cell)...)
	return candidate{run: run, cell: cell, args: args, data: data, place: place}, about(cell, diags)
}

// unique refuses two runs that measure the same thing.
func (b *builder) unique(run *Run, cell *schema.Cell) hcl.Diagnostics {
	first, taken := b.locations[run.Fingerprint]
	if !taken {
		b.locations[run.Fingerprint] = cell.Range
		return nil
	}
	return hcl.Diagnostics{cellError(cell, "", "Two runs measure the same",
		fmt.Sprintf("The run %s has the same arguments, image, hardware and requests as the one declared at %s:%d, so it would be measured and paid for twice. "+
			"Change an argument, remove one of the two, or set samples = 2 to measure the same thing again.", cell.Address, first.Filename, first.Start.Line))}
}

// about marks diags with the address of cell where they have no mark yet.
func about(cell *schema.Cell, diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		if d.Extra == nil {
			d.Extra = About{Address: cell.Address}
		}
	}
	return diags
}

// merge keeps one of several diagnostics that say the same of the same place
// in different runs, and says how many there are.
func merge(diags hcl.Diagnostics) hcl.Diagnostics {
	type key struct{ summary, detail, where string }
	count := map[key]int{}
	keyOf := func(d *hcl.Diagnostic) key {
		k := key{d.Summary, d.Detail, ""}
		if d.Subject != nil {
			k.where = d.Subject.String()
		}
		return k
	}
	var out hcl.Diagnostics
	for _, d := range diags {
		k := keyOf(d)
		if count[k]++; count[k] == 1 {
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
