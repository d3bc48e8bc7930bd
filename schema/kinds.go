package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// HCL gives both results of a conditional one type, and the elements of a list
// too: 1 and "a" become "1" and "a", which TensorRT-LLM reads as something else.

// unifying are the functions that give the elements of their arguments one type.
var unifying = map[string]bool{"concat": true, "distinct": true, "lookup": true, "merge": true, "values": true, "flatten": true}

// checkKinds refuses conditionals and collections in expr that turn numbers or
// booleans into strings. What becomes a string anyway, inside a template, is left.
func checkKinds(expr hcl.Expression, ctx *hcl.EvalContext) hcl.Diagnostics {
	node, ok := expr.(hclsyntax.Expression)
	if !ok {
		return nil
	}
	w := &kindWalker{scopes: [][]*hcl.EvalContext{{ctx}}}
	return tidy(hclsyntax.Walk(node, w))
}

// textual are the functions whose results are strings on purpose.
var textual = map[string]bool{"format": true, "join": true, "lower": true, "tostring": true, "upper": true}

// A kindWalker follows for expressions into their bodies: the last scope holds
// one context for each element.
type kindWalker struct {
	scopes [][]*hcl.EvalContext
	loops  []*hclsyntax.ForExpr
	texts  int // enclosing templates and textual functions
}

func (w *kindWalker) contexts() []*hcl.EvalContext { return w.scopes[len(w.scopes)-1] }

func (w *kindWalker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	if isText(n) {
		w.texts++
	}
	switch n := n.(type) {
	case *hclsyntax.ForExpr:
		w.loops = append(w.loops, n)
	case hclsyntax.ChildScope:
		w.scopes = append(w.scopes, elementScopes(w.loops, w.contexts()))
	case *hclsyntax.ConditionalExpr:
		return w.each(func(ctx *hcl.EvalContext) hcl.Diagnostics { return conditionalKinds(n, ctx) })
	case *hclsyntax.FunctionCallExpr:
		if unifying[n.Name] {
			return w.each(func(ctx *hcl.EvalContext) hcl.Diagnostics { return callKinds(n, ctx) })
		}
	}
	return nil
}

func (w *kindWalker) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if isText(n) {
		w.texts--
	}
	switch n.(type) {
	case *hclsyntax.ForExpr:
		w.loops = w.loops[:len(w.loops)-1]
	case hclsyntax.ChildScope:
		w.scopes = w.scopes[:len(w.scopes)-1]
	}
	return nil
}

func isText(n hclsyntax.Node) bool {
	switch n := n.(type) {
	case *hclsyntax.TemplateExpr:
		return true
	case *hclsyntax.FunctionCallExpr:
		return textual[n.Name]
	}
	return false
}

func (w *kindWalker) each(check func(*hcl.EvalContext) hcl.Diagnostics) hcl.Diagnostics {
	if w.texts > 0 {
		return nil
	}
	for _, ctx := range w.contexts() {
		if diags := check(ctx); len(diags) > 0 {
			return diags
		}
	}
	return nil
}

// maxScopes bounds the elements that are looked at, all loops multiplied.
const maxScopes = 64

// elementScopes are the contexts of the body of the innermost loop.
func elementScopes(loops []*hclsyntax.ForExpr, outer []*hcl.EvalContext) []*hcl.EvalContext {
	if len(loops) == 0 {
		return outer
	}
	loop := loops[len(loops)-1]
	var out []*hcl.EvalContext
	for _, ctx := range outer {
		for inner := range bodies(loop, ctx, collection(loop, ctx)) {
			if len(out) == maxScopes {
				break
			}
			out = append(out, inner)
		}
	}
	return out
}

func typeOf(expr hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Type, bool) {
	v, diags := expr.Value(ctx)
	return v.Type(), !diags.HasErrors() && v.Type() != cty.DynamicPseudoType
}

func conditionalKinds(e *hclsyntax.ConditionalExpr, ctx *hcl.EvalContext) hcl.Diagnostics {
	yes, ok := typeOf(e.TrueResult, ctx)
	no, okNo := typeOf(e.FalseResult, ctx)
	if !ok || !okNo || yes.Equals(no) {
		return nil
	}
	both, _ := convert.UnifyUnsafe([]cty.Type{yes, no})
	if both != cty.NilType && !changesKind(yes, both) && !changesKind(no, both) {
		return nil
	}
	are := kindOf(yes) + " and " + kindOf(no)
	if kindOf(yes) == kindOf(no) {
		are = "both " + kindOf(yes) + ", of different contents"
	}
	d := refuse(hcl.RangeBetween(e.TrueResult.Range(), e.FalseResult.Range()), "Conditional that changes types",
		"The results of this conditional are %s. HCL gives both one type: it would refuse these, or turn numbers and booleans into strings, which TensorRT-LLM reads as something else. "+
			"Use a look-up, which keeps types:\n\n  { rc1 = …, rc4 = … }[each.image.label]", are)
	return hcl.Diagnostics{within(d, e.SrcRange)}
}

func callKinds(e *hclsyntax.FunctionCallExpr, ctx *hcl.EvalContext) hcl.Diagnostics {
	var before, after [2]bool // strings, others
	var args []cty.Type
	for _, arg := range e.Args {
		ty, ok := typeOf(arg, ctx)
		if !ok {
			return nil
		}
		args = append(args, ty)
		count(ty, &before)
	}
	if ty, ok := typeOf(e, ctx); ok {
		count(ty, &after)
	}
	changes := before[0] && before[1] && after[0] && !after[1]
	if e.Name == "lookup" { // a map has elements of one type, and the default becomes one
		changes = len(args) == 3 && args[0].IsMapType() && changesKind(args[2], args[0].ElementType())
	}
	if !changes {
		return nil
	}
	return hcl.Diagnostics{refuse(e.Range(), "Collection that changes types",
		"The function %s makes one list or map of values of different types, and HCL turns the numbers and booleans among them into strings, which TensorRT-LLM reads as something else. "+
			"Write the values out in [ … ] or { … }, which keep types, or look them up: { rc1 = …, rc4 = … }[each.image.label].", e.Name)}
}

// changesKind reports whether a number or a boolean in from is a string in to.
func changesKind(from, to cty.Type) bool {
	switch {
	case from == cty.Number || from == cty.Bool:
		return to == cty.String
	case from.IsObjectType():
		for name, ty := range from.AttributeTypes() {
			switch {
			case to.IsMapType() && changesKind(ty, to.ElementType()),
				to.IsObjectType() && to.HasAttribute(name) && changesKind(ty, to.AttributeType(name)):
				return true
			}
		}
	case from.IsTupleType():
		for i, ty := range from.TupleElementTypes() {
			switch {
			case (to.IsListType() || to.IsSetType()) && changesKind(ty, to.ElementType()),
				to.IsTupleType() && i < to.Length() && changesKind(ty, to.TupleElementType(i)):
				return true
			}
		}
	case from.IsCollectionType() && to.IsCollectionType():
		return changesKind(from.ElementType(), to.ElementType())
	}
	return false
}

// count notes whether ty holds strings and whether it holds numbers or booleans.
func count(ty cty.Type, into *[2]bool) {
	switch {
	case ty == cty.String:
		into[0] = true
	case ty == cty.Number || ty == cty.Bool:
		into[1] = true
	case ty.IsObjectType():
		for _, a := range ty.AttributeTypes() {
			count(a, into)
		}
	case ty.IsTupleType():
		for _, e := range ty.TupleElementTypes() {
			count(e, into)
		}
	case ty.IsCollectionType():
		count(ty.ElementType(), into)
	}
}

func kindOf(ty cty.Type) string {
	switch {
	case ty == cty.String:
		return "a string"
	case ty == cty.Number:
		return "a number"
	case ty == cty.Bool:
		return "a boolean"
	case isList(ty):
		return "a list"
	case ty.IsObjectType() || ty.IsMapType():
		return "an object"
	}
	return article(ty.FriendlyName())
}

func isList(ty cty.Type) bool { return ty.IsTupleType() || ty.IsListType() || ty.IsSetType() }
