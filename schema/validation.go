package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// validation is a condition that the value of a variable must meet.
type validation struct {
	condition, message *hclsyntax.Attribute // nil if missing
}

var validationShape = shape{noun: "validation", args: []string{"condition", "error_message"}, required: []string{"condition", "error_message"}}

func readValidation(b *hclsyntax.Block, variable string) (validation, hcl.Diagnostics) {
	diags := checkLabels(b)
	c, more := validationShape.read(b.Body, b.DefRange())
	diags = append(diags, more...)
	for _, a := range c.attrs {
		for _, t := range a.Expr.Variables() {
			if name, _, ok := step(t, 1); t.RootName() != "var" || !ok || name != variable {
				diags = append(diags, refuse(t.SourceRange(), "Unsupported reference in a validation", "A validation can refer to the variable that it belongs to only, which is var.%s.", variable))
			}
		}
	}
	if diags.HasErrors() {
		return validation{}, diags
	}
	return validation{c.byName["condition"], c.byName["error_message"]}, diags
}

// validate checks the conditions of v on its value. rng is where a file says
// the value, nil if none does.
func (v *Variable) validate(val cty.Value, rng *hcl.Range) hcl.Diagnostics {
	ctx := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{
		"var": cty.ObjectVal(map[string]cty.Value{v.Name: v.marked}),
	}}
	var diags hcl.Diagnostics
	for _, check := range v.validations {
		if check.condition == nil || check.message == nil {
			continue
		}
		met, more := evaluate(check.condition.Expr, ctx)
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		met, _ = met.UnmarkDeep()
		met, err := convert.Convert(met, cty.Bool)
		if err != nil || met.IsNull() || !met.IsKnown() {
			diags = append(diags, refuse(check.condition.Expr.Range(), "Unsuitable validation condition", "The condition of a validation must be true or false."))
			continue
		}
		if met.False() {
			diags = append(diags, v.refuseValue(rng, "Invalid value for variable", "The value of the variable %q, from %s, is refused by the rule at %s: %s",
				v.Name, v.Source, place(check.condition.SrcRange), check.text(ctx)))
		}
	}
	return diags
}

func (c validation) text(ctx *hcl.EvalContext) string {
	v, diags := c.message.Expr.Value(ctx)
	if diags.HasErrors() {
		return "(its error_message cannot be evaluated)"
	}
	if v.ContainsMarked() {
		return "(its error_message contains the sensitive value)"
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() || !v.IsKnown() {
		return "(its error_message is not a string)"
	}
	return v.AsString()
}
