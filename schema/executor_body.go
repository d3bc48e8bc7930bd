package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// MissingVariable is a variable without a value that an argument of an executor
// needs.
type MissingVariable struct {
	Variable string
	Argument string // with its blocks: "container.image_dir"
	Range    hcl.Range
}

// WaysToSet lists the ways to give variable a value, in order of precedence, as
// a sentence names them.
func (d *Definitions) WaysToSet(variable string) []string { return d.names.ways(variable) }

// DecodeExecutor evaluates the body of e by the specification of its type.
// Arguments that need a variable without a value are null and listed in missing:
// a plan can be made without them, a job cannot.
func (d *Definitions) DecodeExecutor(e *Executor) (val cty.Value, missing []*MissingVariable, diags hcl.Diagnostics) {
	spec := d.opts.Executors[e.Type]
	if spec == nil {
		spec = hcldec.ObjectSpec{}
	}
	if e.body == nil {
		val, diags = hcldec.Decode(hcl.EmptyBody(), spec, nil)
		return val, nil, diags
	}
	b := bodyEvaluator{names: d.names}
	body := b.body(e.body, "")
	if b.diags.HasErrors() {
		return cty.DynamicVal, b.missing, b.diags
	}
	val, more := hcldec.Decode(body, spec, nil)
	for _, d := range more {
		// hcldec says "Inappropriate value for attribute \"partition\": string required, but have tuple."
		if m := inappropriate.FindStringSubmatch(d.Detail); m != nil {
			d.Summary = "Unsuitable value"
			d.Detail = fmt.Sprintf("The argument %q must be %s, not %s.", m[1], article(m[2]), article(collectionNames.Replace(m[3])))
		}
	}
	return val, b.missing, tidy(append(b.diags, more...))
}

var (
	inappropriate   = regexp.MustCompile(`^Inappropriate value for attribute "([^"]+)": (.+) required, but have (.+)\.$`)
	collectionNames = strings.NewReplacer("tuple", "list", "object", "map")
)

// bodyEvaluator copies a body with every argument replaced by its value, so
// that specifications see plain values only.
type bodyEvaluator struct {
	names   *names
	missing []*MissingVariable
	diags   hcl.Diagnostics
}

func (b *bodyEvaluator) body(in *hclsyntax.Body, path string) *hclsyntax.Body {
	out := *in
	out.Attributes = make(hclsyntax.Attributes, len(in.Attributes))
	for _, a := range split(in).attrs {
		evaluated := *a
		evaluated.Expr = &hclsyntax.LiteralValueExpr{Val: b.argument(a, path+a.Name), SrcRange: a.Expr.Range()}
		out.Attributes[a.Name] = &evaluated
	}
	out.Blocks = slices.Clone(in.Blocks)
	for i, block := range in.Blocks {
		evaluated := *block
		evaluated.Body = b.body(block.Body, path+block.Type+".")
		out.Blocks[i] = &evaluated
	}
	return &out
}

func (b *bodyEvaluator) argument(a *hclsyntax.Attribute, path string) cty.Value {
	null := cty.NullVal(cty.DynamicPseudoType)
	v, diags := b.names.value(a.Expr)
	b.diags = append(b.diags, diags...)
	if diags.HasErrors() {
		return null
	}
	j := judge(v)
	switch {
	case j.ok && j.sensitive:
		b.diags = append(b.diags, sensitiveOutside(a.Expr.Range(), a.Name))
		return null
	case j.ok:
		return j.value
	}
	if len(j.missing) == 0 {
		b.diags = append(b.diags, orFailed(nil, true, a.Expr.Range())...)
	}
	for _, name := range j.missing {
		b.missing = append(b.missing, &MissingVariable{Variable: name, Argument: path, Range: a.Expr.Range()})
	}
	return null
}
