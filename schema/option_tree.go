package schema

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// A tree is llm_api_options with the origin of each leaf. An object is a node
// with attributes, everything else a leaf.
type tree struct {
	attrs  map[string]*tree // nil for a leaf
	value  cty.Value        // of a leaf
	origin Origin
}

// newTree takes a value apart. expr is the expression that it comes from, which
// gives the attributes that are written out their own places; nil if unknown.
func newTree(v cty.Value, expr hcl.Expression, origin Origin) *tree {
	t := &tree{value: v, origin: origin}
	if v.IsNull() || !v.Type().IsObjectType() {
		return t
	}
	t.attrs = make(map[string]*tree, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		name := k.AsString()
		var inner hcl.Expression
		at := origin
		if expr != nil {
			if item := objectItem(expr, name); item != nil {
				inner = item.ValueExpr
				at.Range = hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())
			}
		}
		t.attrs[name] = newTree(e, inner, at)
	}
	return t
}

// merge lays over on t: objects attribute by attribute, everything else as a
// whole. A null replaces like any value.
func (t *tree) merge(over *tree) *tree {
	if t.attrs == nil || over.attrs == nil {
		return over
	}
	out := &tree{attrs: maps.Clone(t.attrs), origin: over.origin}
	for name, o := range over.attrs {
		if have := t.attrs[name]; have != nil {
			o = have.merge(o)
		}
		out.attrs[name] = o
	}
	return out
}

// plain puts the value together again.
func (t *tree) plain() cty.Value {
	if t.attrs == nil {
		return t.value
	}
	attrs := make(map[string]cty.Value, len(t.attrs))
	for name, a := range t.attrs {
		attrs[name] = a.plain()
	}
	return cty.ObjectVal(attrs)
}

// names lists the attributes in order.
func (t *tree) names() []string { return slices.Sorted(maps.Keys(t.attrs)) }

// leaves calls visit for each leaf below path, in the order of names. An empty
// object is a leaf.
func (t *tree) leaves(path string, visit func(path string, leaf *tree)) {
	if len(t.attrs) == 0 {
		visit(path, t)
		return
	}
	for _, name := range t.names() {
		t.attrs[name].leaves(path+"."+name, visit)
	}
}
