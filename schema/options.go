package schema

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// optionsNode merges llm_api_options of the image, the benchmark and the row;
// its extra is *LLMAPIOptions.
func (r *resolver) optionsNode() *node {
	img := r.node("image", r.row.rng)
	if img == nil {
		return nil
	}
	n := &node{mask: img.mask}
	ofImage, ok := r.imageLayers(img, n)
	declared, fine := r.layers("llm_api_options", n)
	if !ok || !fine {
		return nil
	}
	n.eval = func(at []int) result {
		img := image(img, at)
		if img == nil {
			return result{}
		}
		merged := &tree{attrs: map[string]*tree{}, origin: Origin{From: FromLLMBench}}
		good := true
		layer := func(e *expression) {
			t, ok := r.layer(e, at)
			if good = good && ok; good && t != nil {
				merged = merged.merge(t)
			}
		}
		if e := ofImage[img.Label]; e != nil {
			layer(e)
		}
		for _, e := range declared {
			layer(e)
		}
		if !good {
			return result{}
		}
		if diags := checkOptions(merged, img, r.args.catalog); diags.HasErrors() {
			r.diags = append(r.diags, diags...)
			return result{}
		}
		out := &LLMAPIOptions{Value: merged.plain(), origins: origins{}}
		if len(merged.attrs) > 0 {
			merged.leaves("llm_api_options", func(path string, leaf *tree) { out.origins[path] = &leaf.origin })
		}
		return result{value: out.Value, extra: out, ok: true}
	}
	return n
}

// imageLayers prepares llm_api_options of the images that the row can have: those of the
// axis, the only one, or any if an expression chooses.
func (r *resolver) imageLayers(img *node, n *node) (map[string]*expression, bool) {
	out, ok := map[string]*expression{}, true
	axis := r.axis("image")
	for _, one := range r.defs.Images {
		switch {
		case one.LLMAPIOptions == nil,
			axis >= 0 && len(r.find(r.axes[axis], cty.StringVal(one.Label))) == 0,
			img.mask == 0 && image(img, make([]int, len(r.axes))) != one:
			continue
		}
		e := r.prepare(one.LLMAPIOptions, Origin{fromImage, one.Ranges["llm_api_options"]})
		if e == nil {
			ok = false
			continue
		}
		n.mask |= e.mask
		out[one.Label] = e
	}
	return out, ok
}

// layer evaluates one llm_api_options in one run; nil for a null.
func (r *resolver) layer(e *expression, at []int) (*tree, bool) {
	ctx := e.context(at)
	if ctx == nil {
		return nil, false
	}
	if diags := checkKinds(e.Expression, ctx); diags.HasErrors() {
		r.diags = append(r.diags, diags...)
		return nil, false // HCL would say the same in other words
	}
	v, _, ok := r.value(e, at)
	if !ok {
		return nil, false
	}
	t, ok := r.tree(v, e.Expression, *e.origin, "llm_api_options")
	switch {
	case !ok:
		return nil, false
	case t.attrs == nil && t.value.IsNull():
		return nil, true
	case t.attrs == nil:
		r.problem(e.Range(), e, ctx, "llm_api_options", "must be an object, as in { print_iter_log = true }, not "+describe(t.value))
		return nil, false
	}
	return t, true
}

// A tree is llm_api_options with the origin of each leaf. An object is a node
// with attributes, everything else a leaf.
type tree struct {
	attrs  map[string]*tree // nil for a leaf
	value  cty.Value        // of a leaf
	origin Origin
}

// tree takes a value apart and wants all of it known and no part of it sensitive. expr is
// the expression that it comes from, which gives the attributes that are written out their
// own places; nil if unknown.
func (r *resolver) tree(v cty.Value, expr hcl.Expression, origin Origin, path string) (t *tree, ok bool) {
	if v.IsMarked() || !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		plain, ok := r.plain(v, origin.Range, path)
		if !ok {
			return nil, false
		}
		if plain, ok = roundDeep(plain); !ok {
			r.diags = append(r.diags, refuse(origin.Range, "Unsuitable value", "The argument %q holds a number that is too large.", path))
			return nil, false
		}
		if v.IsMarked() {
			return r.tree(plain, expr, origin, path)
		}
		return &tree{value: plain, origin: origin}, true
	}
	t, ok = &tree{attrs: make(map[string]*tree, v.LengthInt()), origin: origin}, true
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		name := k.AsString()
		var inner hcl.Expression
		at := origin
		if item := objectItem(expr, name); item != nil {
			inner = item.ValueExpr
			at.Range = hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())
		}
		one, fine := r.tree(e, inner, at, path+"."+name)
		t.attrs[name], ok = one, ok && fine
	}
	return t, ok
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

// checkObjectKeys refuses objects that name an attribute twice: HCL takes the
// last and drops the others silently.
func checkObjectKeys(bodies []*hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, body := range bodies {
		more := hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
			if object, ok := n.(*hclsyntax.ObjectConsExpr); ok {
				return repeatedKeys(object)
			}
			return nil
		})
		diags = append(diags, more...)
	}
	return diags
}

func repeatedKeys(object *hclsyntax.ObjectConsExpr) hcl.Diagnostics {
	var diags hcl.Diagnostics
	first := map[string]hcl.Range{}
	for _, item := range object.Items {
		name, ok := literalKey(item)
		if !ok {
			continue
		}
		if before, taken := first[name]; taken {
			diags = append(diags, refuse(item.KeyExpr.Range(), "Duplicate attribute", "The object already has the attribute %q, at %s; the last one would silently win. Remove one of them.", name, location(before)))
			continue
		}
		first[name] = item.KeyExpr.Range()
	}
	return diags
}

// literalKey is the name of an attribute if it is written out.
func literalKey(item hclsyntax.ObjectConsItem) (string, bool) {
	if len(item.KeyExpr.Variables()) > 0 {
		return "", false
	}
	key, diags := item.KeyExpr.Value(nil)
	if diags.HasErrors() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String {
		return "", false
	}
	return key.AsString(), true
}
