package plan

import (
	"math"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// proof checks one cell. Each rule is a method that returns the diagnostics of
// what it refuses; rules do not depend on each other.
type proof struct {
	cell *schema.Cell
	cat  *catalog.Catalog
	data *requests
	// policy is that of the definitions, nil without one.
	policy *schema.Policy
}

func newProof(cell *schema.Cell, cat *catalog.Catalog, data *requests, policy *schema.Policy) *proof {
	return &proof{cell: cell, cat: cat, data: data, policy: policy}
}

func (p *proof) check() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, rule := range []func() hcl.Diagnostics{
		p.supportedCell, p.wholeNodes, p.worldSize, p.expertParallel, p.timeLimit,
		p.limitsGiven, p.longestPrompt, p.longestSequence, p.batchAboveTokens,
		p.concurrencyAboveRequests, p.concurrencyBelowRanks, p.shortWindow, p.sharedSampling,
		p.promptsAsText, p.linesNeed, p.vocabulary,
		p.graphSizes, p.saidTwice, p.multiTokenPrediction,
	} {
		diags = append(diags, rule()...)
	}
	return diags
}

// intArg is the whole number that is in effect for a flag of the cell; ok is
// false where trtllm-bench works it out.
func intArg(cell *schema.Cell, name string) (n int, ok bool) {
	v := argInEffect(cell, name)
	if v.IsNull() || v.Type() != cty.Number {
		return 0, false
	}
	f, _ := v.AsBigFloat().Float64()
	return int(math.Round(f)), true
}

// argInEffect is a flag's value, or where null keeps it from being passed the
// version's default.
func argInEffect(cell *schema.Cell, name string) cty.Value {
	if v := cell.Args.Get(name); !v.IsNull() {
		return v
	}
	if f, ok := cell.Version.Flag(name); ok && f.Default != cty.NilVal {
		return f.Default
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// option looks an option up by its dotted path; ok is false when it is absent
// or null.
func (p *proof) option(path string) (cty.Value, bool) { return optionOf(p.cell, path) }

func optionOf(cell *schema.Cell, path string) (cty.Value, bool) {
	v := cell.Options.Value
	for name := range strings.SplitSeq(path, ".") {
		if v == cty.NilVal || v.IsNull() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
			return cty.NilVal, false
		}
		v = v.GetAttr(name)
	}
	return v, !v.IsNull()
}

func (p *proof) optionTrue(path string) bool {
	v, ok := p.option(path)
	return ok && v.Type() == cty.Bool && v.True()
}

func (p *proof) attentionDP() bool { return p.optionTrue("enable_attention_dp") }

// chunked reports whether prompts may be split over iterations.
func (p *proof) chunked() bool {
	if v, ok := p.option("enable_chunked_prefill"); ok {
		return v.Type() == cty.Bool && v.True()
	}
	v := argInEffect(p.cell, "enable_chunked_context")
	return !v.IsNull() && v.Type() == cty.Bool && v.True()
}

// declared reports whether definitions set a flag or an option.
func (p *proof) declared(name string) bool {
	o := p.cell.Origin(name)
	return o != nil && o.From != schema.FromVersion && o.From != schema.FromLLMBench
}

// errorAt refuses the cell at the place of argument; "" is the row itself.
func (p *proof) errorAt(argument, summary, detail string) hcl.Diagnostics {
	return hcl.Diagnostics{cellError(p.cell, argument, summary, detail)}
}

func (p *proof) warningAt(argument, summary, detail string) hcl.Diagnostics {
	d := cellError(p.cell, argument, summary, detail)
	d.Severity = hcl.DiagWarning
	return hcl.Diagnostics{d}
}

func cellError(cell *schema.Cell, argument, summary, detail string) *hcl.Diagnostic {
	location := cell.Range
	if o := cell.Origin(argument); o != nil && o.Range.Filename != "" {
		location = o.Range
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &location, Extra: About{Address: cell.Address}}
}
