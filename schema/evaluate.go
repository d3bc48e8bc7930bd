package schema

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// evaluate is expr.Value with diagnostics that are safe to print, and that list
// the functions where one is called that there is not.
func evaluate(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := expr.Value(ctx)
	if len(diags) == 0 {
		return v, nil
	}
	secret := refersToSecret(expr, ctx)
	for _, d := range diags {
		switch {
		case d.Summary == "Call to unknown function":
			if !strings.Contains(d.Detail, "Did you mean") {
				d.Detail += " The functions are " + strings.Join(slices.Sorted(maps.Keys(functions)), ", ") + "."
			}
		case secret: // the words of functions repeat their arguments
			d.Detail = "This expression cannot be evaluated. It refers to a sensitive value, so the reason, which could show the value, is left out."
			d.Expression, d.EvalContext = nil, nil
		case d.Summary == "Invalid index":
			d.Detail += keysThatAre(d)
		}
	}
	return v, diags
}

// keysThatAre lists the keys of the object that d says has not the one looked up;
// "" if it is none.
func keysThatAre(d *hcl.Diagnostic) string {
	index, ok := d.Expression.(*hclsyntax.IndexExpr)
	if !ok {
		return ""
	}
	object, _ := index.Collection.Value(d.EvalContext)
	object, _ = object.Unmark()
	if !object.IsKnown() || object.IsNull() || !object.Type().IsObjectType() && !object.Type().IsMapType() || object.LengthInt() == 0 {
		return ""
	}
	var keys []string
	for it := object.ElementIterator(); it.Next(); {
		k, _ := it.Element()
		keys = append(keys, k.AsString())
	}
	return " Its keys are " + strings.Join(keys, ", ") + "."
}

// refersToSecret reports whether expr refers to a value that derives from a
// sensitive variable.
func refersToSecret(expr hcl.Expression, ctx *hcl.EvalContext) bool {
	for _, t := range expr.Variables() {
		for c := ctx; c != nil; c = c.Parent() {
			if v, ok := c.Variables[t.RootName()]; ok && v.HasMarkDeep(sensitiveMark{}) {
				return true
			}
		}
	}
	return false
}

// literal evaluates an expression that may refer to nothing: what it says must
// be known before anything else is.
func literal(expr hclsyntax.Expression, what string) (cty.Value, hcl.Diagnostics) {
	if vars := expr.Variables(); len(vars) > 0 {
		return failed, hcl.Diagnostics{refuse(vars[0].SourceRange(), "Reference where none is possible", "Nothing can be referred to here, because %s is read before anything else is known. Write the value out.", what)}
	}
	v, diags := evaluate(expr, &hcl.EvalContext{Functions: functions})
	if diags.HasErrors() {
		return failed, diags
	}
	return v, diags
}
