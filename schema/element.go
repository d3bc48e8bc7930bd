package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// An element is one value of a list, or of an object that names its values.
type element struct {
	name  string
	named bool
	value cty.Value
	rng   hcl.Range
}

// elements evaluates a list or an object. Those that are written out keep their
// order and the place of each element; others are in the order of their keys
// and share the place of the expression.
func (n *names) elements(expr hclsyntax.Expression, what string) ([]element, hcl.Diagnostics) {
	switch expr := expr.(type) {
	case *hclsyntax.TupleConsExpr:
		var out []element
		var diags hcl.Diagnostics
		for _, e := range expr.Exprs {
			v, ok, more := n.known(e, what)
			diags = append(diags, more...)
			if ok {
				out = append(out, element{value: v, rng: e.Range()})
			}
		}
		return out, orFailed(diags, len(out) < len(expr.Exprs), expr.Range())
	case *hclsyntax.ObjectConsExpr:
		return n.namedElements(expr, what)
	}
	v, ok, diags := n.known(expr, what)
	if !ok {
		return nil, orFailed(diags, true, expr.Range())
	}
	ty := v.Type()
	if v.IsNull() || !v.CanIterateElements() {
		return nil, append(diags, refuse(expr.Range(), "Unsuitable value", "%s must be a list of values, or an object that names them, not %s.", capital(what), describe(v)))
	}
	var out []element
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		elem := element{value: e, rng: expr.Range()}
		if ty.IsObjectType() || ty.IsMapType() {
			elem.name, elem.named = k.AsString(), true
		}
		out = append(out, elem)
	}
	return out, diags
}

func (n *names) namedElements(expr *hclsyntax.ObjectConsExpr, what string) ([]element, hcl.Diagnostics) {
	var out []element
	var diags hcl.Diagnostics
	for _, item := range expr.Items {
		key, ok, more := n.known(item.KeyExpr, what)
		diags = append(diags, more...)
		if ok && (key.IsNull() || key.Type() != cty.String && key.Type() != cty.Number) {
			ok = false
			diags = append(diags, refuse(item.KeyExpr.Range(), "Unsuitable value", "The name of a value must be a string."))
		}
		v, known, more := n.known(item.ValueExpr, what)
		diags = append(diags, more...)
		if !ok || !known {
			continue
		}
		out = append(out, element{name: valueLabel(key), named: true, value: v, rng: hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())})
	}
	return out, orFailed(diags, len(out) < len(expr.Items), expr.Range())
}

// orFailed makes sure that a failure which was reported elsewhere counts as one
// here too.
func orFailed(diags hcl.Diagnostics, failed bool, rng hcl.Range) hcl.Diagnostics {
	if failed && !diags.HasErrors() {
		diags = append(diags, refuse(rng, "Unusable value", "This depends on a value that has an error."))
	}
	return diags
}

// known evaluates expr and wants all of it, apart from the insides of blocks:
// their missing values matter in runs only.
func (n *names) known(expr hcl.Expression, what string) (cty.Value, bool, hcl.Diagnostics) {
	v, diags := n.value(expr)
	if diags.HasErrors() {
		return v, false, diags
	}
	if isBlock(v) {
		return v, true, diags
	}
	plain, ok, more := n.plain(v, expr.Range(), what)
	return plain, ok, append(diags, more...)
}

func isBlock(v cty.Value) bool {
	if v.IsMarked() || !v.IsKnown() || v.IsNull() {
		return false
	}
	for _, ty := range []cty.Type{modelType, hardwareType, imageType, useCaseType} {
		if v.Type().Equals(ty) {
			return true
		}
	}
	return false
}
