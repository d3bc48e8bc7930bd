package schema

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// A field is an argument of a block whose value is an object of one fixed type.
type field struct {
	name     string
	ty       cty.Type
	required bool
	// fallback is the value of an absent argument; cty.NilVal is a null.
	fallback cty.Value
	// wrong says what a value lacks to be right, as "must be …"; nil checks
	// nothing.
	wrong func(cty.Value) string
}

// shapeOf is the shape of a block with these fields and more arguments.
func shapeOf(noun string, fields []field, more ...string) shape {
	s := shape{noun: noun, fields: fields}
	for _, f := range fields {
		s.args = append(s.args, f.name)
		if f.required {
			s.required = append(s.required, f.name)
		}
	}
	s.args = append(s.args, more...)
	return s
}

// A use tells whether a block can be used in a run.
type use struct {
	// problems are reported where the block is used: missing variables.
	problems hcl.Diagnostics
	// broken means that a mistake in the block has been reported already.
	broken bool
}

func (u *use) usable() bool { return !u.broken && len(u.problems) == 0 }

// read reads a block that nothing refers to: all that it needs must be known.
func (n *names) read(b *hclsyntax.Block, s shape, labels ...string) (contents, map[string]cty.Value, hcl.Diagnostics) {
	var u use
	diags := checkLabels(b, labels...)
	c, more := s.read(b.Body, b.DefRange())
	v, wrong := n.fields(c, s.fields, &u)
	return c, v, slices.Concat(diags, more, wrong, u.problems)
}

// fields evaluates the arguments of c. Values in the result keep their marks.
func (n *names) fields(c contents, fields []field, u *use) (map[string]cty.Value, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	out := make(map[string]cty.Value, len(fields))
	for _, f := range fields {
		out[f.name] = cty.NullVal(f.ty)
		if f.fallback != cty.NilVal {
			out[f.name] = f.fallback
		}
		a := c.byName[f.name]
		if a == nil {
			continue
		}
		v, more := n.value(a.Expr)
		ok := !more.HasErrors()
		if ok {
			var wrong hcl.Diagnostics
			v, ok, wrong = n.settle(v, f, a.Expr.Range(), u)
			more = append(more, wrong...)
		}
		diags = append(diags, more...)
		switch {
		case !ok:
			u.broken = true
			out[f.name] = cty.UnknownVal(f.ty).Mark(failedMark{})
		case !v.IsNull() || f.fallback == cty.NilVal:
			out[f.name] = v
		}
	}
	return out, diags
}

// settle converts one value to the type of its field. A value that depends on a
// variable without one stays unknown. It is not ok if it has a mistake.
func (n *names) settle(v cty.Value, f field, rng hcl.Range, u *use) (out cty.Value, ok bool, diags hcl.Diagnostics) {
	j := judge(v)
	if j.ok && j.sensitive {
		return v, false, hcl.Diagnostics{sensitiveOutside(rng, f.name)}
	}
	if !j.ok {
		if len(j.missing) == 0 {
			return v, false, nil
		}
		for _, name := range j.missing {
			u.problems = append(u.problems, n.missing(name, rng, f.name))
		}
		return cty.UnknownVal(f.ty).Mark(missingMark{j.missing[0]}), true, nil
	}
	out, wrong := f.convert(j.value)
	if wrong != "" {
		return v, false, hcl.Diagnostics{refuse(rng, "Unsuitable value", "The argument %q %s", f.name, sentence(wrong))}
	}
	return out, true, nil
}

// literalField is the value of f where nothing can be referred to, null for an argument
// that is absent or has a mistake.
func literalField(f field, a *hclsyntax.Attribute) (cty.Value, hcl.Diagnostics) {
	if a == nil {
		return cty.NullVal(f.ty), nil
	}
	v, diags := literal(a.Expr, f.name)
	if !diags.HasErrors() {
		out, wrong := f.convert(v)
		if wrong == "" {
			return out, diags
		}
		diags = append(diags, refuse(a.Expr.Range(), "Unsuitable value", "The argument %q %s", f.name, sentence(wrong)))
	}
	return cty.NullVal(f.ty), diags
}

// convert gives v the type of f and checks it. wrong is what v lacks.
func (f field) convert(v cty.Value) (out cty.Value, wrong string) {
	out, err := convert.Convert(v, f.ty)
	if err != nil || changesKind(v.Type(), f.ty) {
		noun := f.ty.FriendlyName()
		return v, fmt.Sprintf("must be %s, not %s", cmp.Or(typeNouns[noun], article(noun)), describe(v))
	}
	if out.IsNull() {
		if f.required {
			return v, "must not be null"
		}
		return out, ""
	}
	if f.ty == cty.Number {
		rounded, ok := round(out)
		if !ok {
			return v, beyond(v)
		}
		out = rounded
	}
	if f.wrong != nil {
		wrong = f.wrong(out)
	}
	return out, wrong
}

// describe names the kind of a value in a sentence.
func describe(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		return fmt.Sprintf("the string %q", v.AsString())
	case ty == cty.Number:
		return "the number " + shortest(v)
	case ty == cty.Bool && v.True():
		return "true"
	case ty == cty.Bool:
		return "false"
	}
	return kindOf(v.Type())
}

func notEmpty(v cty.Value) string {
	if v.AsString() == "" {
		return "must not be empty"
	}
	return ""
}

// absolute refuses paths that depend on the folder they are read in: jobs run in
// folders of their own.
func absolute(v cty.Value) string {
	if s := v.AsString(); !strings.HasPrefix(s, "/") {
		return fmt.Sprintf("must be an absolute path, which is the same on all nodes, and it is %q", s)
	}
	return ""
}

// maxInt32 is the largest number of tokens, requests and slots that TensorRT-LLM
// can count.
const maxInt32 = 1<<31 - 1

// wholeWithin refuses numbers that are not whole, below least or above most; 0 is no most.
func wholeWithin(least, most int64) func(cty.Value) string {
	bounds := fmt.Sprintf("of at least %d", least)
	if most > 0 {
		bounds = fmt.Sprintf("from %d to %d", least, most)
	}
	return func(v cty.Value) string {
		if n, ok := asWhole(v); !ok || n < least || most > 0 && n > most {
			return fmt.Sprintf("must be a whole number %s, not %s", bounds, shortest(v))
		}
		return ""
	}
}

func notNegative(v cty.Value) string {
	if f := asFloat(v); f < 0 || math.IsNaN(f) {
		return "must not be negative, and it is " + shortest(v)
	}
	return ""
}

// text is the string or number in v as it is written, "" for anything else.
func text(v cty.Value) string {
	if j := judge(v); j.ok {
		if s, err := convert.Convert(j.value, cty.String); err == nil && !s.IsNull() {
			return s.AsString()
		}
	}
	return ""
}

// number is the number in v, nil if it is null or not known.
func number(v cty.Value) *float64 {
	if j := judge(v); j.ok && !j.value.IsNull() {
		return new(asFloat(j.value))
	}
	return nil
}

// decimal is the number in v, 0 if it is null or not known.
func decimal(v cty.Value) float64 {
	if f := number(v); f != nil {
		return *f
	}
	return 0
}

// whole is the whole number in v, 0 if it is null or not known.
func whole(v cty.Value) int { return int(decimal(v)) }
