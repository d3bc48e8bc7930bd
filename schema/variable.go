package schema

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Variable is a variable block and the value that it got.
type Variable struct {
	Name string
	Type cty.Type
	// Value is a typed null if the variable is not set or is sensitive: a
	// secret leaves the package in EnvVar and in Definitions.Secrets only.
	Value          cty.Value
	Sensitive, Set bool
	// Source is where the value comes from: "-var", the path of a file, the
	// name of an environment variable, "default"; "" if it is not set.
	Source      string
	Description string
	Range       hcl.Range

	env         string
	constraint  cty.Type
	defaults    *typeexpr.Defaults
	fallback    *hclsyntax.Attribute
	validations []contents // without mistakes
	// marked is what expressions see.
	marked cty.Value
}

var variableShape = func() shape {
	s := shapeOf("variable", []field{
		{name: "description", ty: cty.String, required: true},
		{name: "env", ty: cty.String, required: true, wrong: func(v cty.Value) string {
			if !envPattern.MatchString(v.AsString()) {
				return fmt.Sprintf("must be the name of an environment variable, and it is %q", v.AsString())
			}
			return ""
		}},
		{name: "sensitive", ty: cty.Bool, required: true},
	}, "type", "default")
	s.required, s.blocks = nil, []string{"validation"} // what is there cannot be null
	return s
}()

// readVariable reads a variable block; its value is set later.
func readVariable(b *hclsyntax.Block) (*Variable, hcl.Diagnostics) {
	diags := checkLabels(b, "NAME")
	if len(b.Labels) != 1 {
		return nil, diags
	}
	v := &Variable{Name: b.Labels[0], Type: cty.DynamicPseudoType, constraint: cty.DynamicPseudoType, Range: b.DefRange()}
	c, more := variableShape.read(b.Body, b.DefRange())
	diags = append(diags, more...)
	if a := c.byName["type"]; a != nil {
		ty, defaults, more := typeexpr.TypeConstraintWithDefaults(a.Expr)
		diags = append(diags, more...)
		if !more.HasErrors() {
			v.constraint, v.defaults = ty, defaults
			v.Type = ty.WithoutOptionalAttributesDeep()
		}
	}
	given := map[string]cty.Value{}
	for _, f := range variableShape.fields {
		given[f.name], more = literalField(f, c.byName[f.name])
		diags = append(diags, more...)
	}
	v.Description, v.env, v.Sensitive = text(given["description"]), text(given["env"]), given["sensitive"].RawEquals(cty.True)
	v.fallback = c.byName["default"]
	for _, inner := range c.blocks {
		check, more := readValidation(inner, v.Name)
		diags = append(diags, more...)
		if !more.HasErrors() {
			v.validations = append(v.validations, check)
		}
	}
	v.unset()
	return v, diags
}

func (v *Variable) unset() {
	v.Value = cty.NullVal(v.Type)
	v.marked = cty.UnknownVal(v.Type).Mark(missingMark{v.Name})
	if v.Sensitive {
		v.marked = v.marked.Mark(sensitiveMark{})
	}
}

// assign gives v a value. rng is where a file says it, nil if none does.
func (v *Variable) assign(raw cty.Value, source string, rng *hcl.Range) hcl.Diagnostics {
	if v.defaults != nil {
		raw = v.defaults.Apply(raw)
	}
	val, err := convert.Convert(raw, v.constraint)
	if err != nil {
		v.marked = failed
		why := err.Error()
		if path := pathOf(err); path != "" {
			why = path + ": " + why
		}
		if v.Sensitive {
			why = "it is of another type"
		}
		return hcl.Diagnostics{v.refuseValue(rng, "Unsuitable value for variable", "The value of the variable %q, from %s, does not match its type %s: %s.", v.Name, source, typeexpr.TypeString(v.Type), why)}
	}
	v.Set, v.Source = true, source
	v.marked = val
	if v.Sensitive {
		v.marked = val.Mark(sensitiveMark{})
		for _, s := range stringsIn(val) {
			if tooShort(s) {
				return hcl.Diagnostics{refuse(v.Range, shortSecret, "The value of the variable %q, from %s, has %d characters. %s", v.Name, source, len(s), shortSecretDetail)}
			}
		}
	} else {
		v.Value = val
	}
	return v.validate(val, rng)
}

// refuseValue is an error about the value of v. The line of a sensitive value is
// never shown.
func (v *Variable) refuseValue(rng *hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	if rng == nil || v.Sensitive {
		return refuse(v.Range, summary, format, args...)
	}
	return refuse(*rng, summary, format, args...)
}

func pathOf(err error) string {
	perr, ok := err.(cty.PathError)
	if !ok {
		return ""
	}
	return showPath(perr.Path)
}

func showPath(path cty.Path) string {
	s := ""
	for _, p := range path {
		switch p := p.(type) {
		case cty.GetAttrStep:
			s += "." + p.Name
		case cty.IndexStep:
			if p.Key.Type() == cty.Number {
				s += "[" + shortest(p.Key) + "]"
			} else {
				s += `["` + p.Key.AsString() + `"]`
			}
		}
	}
	return s
}

var envPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var validationShape = shape{noun: "validation", args: []string{"condition", "error_message"}, required: []string{"condition", "error_message"}}

// readValidation reads a condition that the value of a variable must meet.
func readValidation(b *hclsyntax.Block, variable string) (contents, hcl.Diagnostics) {
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
	return c, diags
}

// validate checks the conditions of v on its value. rng is where a file says
// the value, nil if none does.
func (v *Variable) validate(val cty.Value, rng *hcl.Range) hcl.Diagnostics {
	ctx := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{
		"var": cty.ObjectVal(map[string]cty.Value{v.Name: v.marked}),
	}}
	var diags hcl.Diagnostics
	for _, check := range v.validations {
		condition := check.byName["condition"]
		met, more := evaluate(condition.Expr, ctx)
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		met, _ = met.UnmarkDeep()
		met, err := convert.Convert(met, cty.Bool)
		if err != nil || met.IsNull() || !met.IsKnown() {
			diags = append(diags, refuse(condition.Expr.Range(), "Unsuitable validation condition", "The condition of a validation must be true or false."))
			continue
		}
		if met.False() {
			diags = append(diags, v.refuseValue(rng, "Invalid value for variable", "The value of the variable %q, from %s, is refused by the rule at %s: %s",
				v.Name, v.Source, location(condition.SrcRange), messageText(check.byName["error_message"].Expr, ctx)))
		}
	}
	return diags
}

func messageText(expr hclsyntax.Expression, ctx *hcl.EvalContext) string {
	v, diags := expr.Value(ctx)
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
