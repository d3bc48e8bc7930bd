package schema

import (
	"fmt"

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
// booleans into texts.
func checkKinds(expr hcl.Expression, ctx *hcl.EvalContext) hcl.Diagnostics {
	node, ok := expr.(hclsyntax.Expression)
	if !ok {
		return nil
	}
	w := &kindWalker{ctx: ctx}
	return hclsyntax.Walk(node, w)
}

type kindWalker struct{ ctx *hcl.EvalContext }

func (w *kindWalker) Exit(hclsyntax.Node) hcl.Diagnostics { return nil }

func (w *kindWalker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.ConditionalExpr:
		return w.conditional(n)
	case *hclsyntax.FunctionCallExpr:
		if unifying[n.Name] {
			return w.call(n)
		}
	}
	return nil
}

// typeOf is the type of expr here. Where it cannot be evaluated alone, inside a
// for expression, literals still tell theirs.
func (w *kindWalker) typeOf(expr hclsyntax.Expression) (cty.Type, bool) {
	v, diags := expr.Value(w.ctx)
	if !diags.HasErrors() && v.Type() != cty.DynamicPseudoType {
		return v.Type(), true
	}
	v, diags = expr.Value(nil)
	return v.Type(), !diags.HasErrors() && v.Type() != cty.DynamicPseudoType
}

func (w *kindWalker) conditional(e *hclsyntax.ConditionalExpr) hcl.Diagnostics {
	yes, ok := w.typeOf(e.TrueResult)
	no, okNo := w.typeOf(e.FalseResult)
	if !ok || !okNo || yes.Equals(no) {
		return nil
	}
	both, _ := convert.UnifyUnsafe([]cty.Type{yes, no})
	if both != cty.NilType && !changesKind(yes, both) && !changesKind(no, both) {
		return nil
	}
	d := refuse(hcl.RangeBetween(e.TrueResult.Range(), e.FalseResult.Range()), "Conditional that changes types",
		"The results of this conditional are %s and %s. HCL gives both one type and would turn numbers and booleans into texts, which TensorRT-LLM reads as something else. "+
			"Use a look-up, which keeps types:\n\n  { rc1 = …, rc4 = … }[each.image.label]", kindOf(yes), kindOf(no))
	return hcl.Diagnostics{within(d, e.SrcRange)}
}

func (w *kindWalker) call(e *hclsyntax.FunctionCallExpr) hcl.Diagnostics {
	var before [2]bool // texts, others
	for _, arg := range e.Args {
		ty, ok := w.typeOf(arg)
		if !ok {
			return nil
		}
		count(ty, &before)
	}
	ty, ok := w.typeOf(e)
	var after [2]bool
	if ok {
		count(ty, &after)
	}
	if !ok || !before[0] || !before[1] || after[1] || !after[0] || e.Name == "lookup" && !ty.IsPrimitiveType() {
		return nil
	}
	if e.Name == "lookup" && !w.lookupConverts(e) {
		return nil
	}
	return hcl.Diagnostics{refuse(e.Range(), "Collection that changes types",
		"The function %s makes one list or map of values of different types, and HCL turns the numbers and booleans among them into texts, which TensorRT-LLM reads as something else. "+
			"Write the values out in [ … ] or { … }, which keep types, or look them up: { rc1 = …, rc4 = … }[each.image.label].", e.Name)}
}

// lookupConverts reports whether the collection of a lookup is a map, whose
// elements have one type already; an object keeps the types of its attributes.
func (w *kindWalker) lookupConverts(e *hclsyntax.FunctionCallExpr) bool {
	if len(e.Args) != 3 {
		return false
	}
	in, ok := w.typeOf(e.Args[0])
	def, okDef := w.typeOf(e.Args[2])
	return ok && okDef && in.IsMapType() && changesKind(def, in.ElementType())
}

// changesKind reports whether a number or a boolean in from is a text in to.
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

// count notes whether ty holds texts and whether it holds numbers or booleans.
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
		return "a text"
	case ty == cty.Number:
		return "a number"
	case ty == cty.Bool:
		return "a boolean"
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return "a list"
	case ty.IsObjectType() || ty.IsMapType():
		return "an object"
	}
	return fmt.Sprintf("of type %s", ty.FriendlyName())
}
