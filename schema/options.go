package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// options is llm_api_options in one run.
type options struct {
	origins map[string]*Origin // "llm_api_options.a.b"
}

// optionsNode merges llm_api_options of the image, the benchmark and the row;
// its extra is *options.
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
		merged := newTree(cty.EmptyObjectVal, nil, Origin{From: FromLLMBench})
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
		return r.finish(merged, img)
	}
	return n
}

func (r *resolver) finish(merged *tree, img *Image) result {
	if diags := checkOptions(merged, img, r.args.catalog); diags.HasErrors() {
		r.diags = append(r.diags, diags...)
		return result{}
	}
	out := &options{origins: map[string]*Origin{}}
	if len(merged.attrs) > 0 {
		merged.leaves("llm_api_options", func(path string, leaf *tree) { out.origins[path] = &leaf.origin })
	}
	return result{value: merged.plain(), extra: out, ok: true}
}

// imageLayers prepares llm_api_options of the images that the row can have.
func (r *resolver) imageLayers(img *node, n *node) (map[string]*expression, bool) {
	out, ok := map[string]*expression{}, true
	for _, i := range r.images(img) {
		if i.LLMAPIOptions == nil {
			continue
		}
		e := r.prepare(i.LLMAPIOptions, Origin{FromImage, i.Ranges["llm_api_options"]})
		if e == nil {
			ok = false
			continue
		}
		n.mask |= e.mask
		out[i.Label] = e
	}
	return out, ok
}

// images are the images that the row can have: those of the axis, the only one,
// or any if an expression chooses.
func (r *resolver) images(img *node) []*Image {
	if i := r.axis("image"); i >= 0 {
		var out []*Image
		at := make([]int, len(r.axes))
		for at[i] = range r.axes[i].values {
			if one := image(img, at); one != nil {
				out = append(out, one)
			}
		}
		return out
	}
	if img.mask == 0 {
		if one := image(img, make([]int, len(r.axes))); one != nil {
			return []*Image{one}
		}
		return nil
	}
	return r.defs.Images
}

// layer evaluates one llm_api_options in one run; nil for a null.
func (r *resolver) layer(e *expression, at []int) (*tree, bool) {
	ev := e.value(at)
	if ev.ctx != nil {
		if diags := checkKinds(e.Expression, ev.ctx); diags.HasErrors() {
			r.diags = append(r.diags, diags...)
			return nil, false // HCL would say the same in other words
		}
	}
	r.diags = append(r.diags, ev.diags...)
	if !ev.ok {
		return nil, false
	}
	v, ok := r.plainOptions(e.Expression, ev.value, "llm_api_options")
	if !ok {
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	if ty := v.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		r.problem(e, ev.ctx, "llm_api_options", "must be an object, as in { print_iter_log = true }, not "+describe(v))
		return nil, false
	}
	v, ok = roundDeep(v)
	if !ok {
		r.problem(e, ev.ctx, "llm_api_options", "holds a number that is too large")
		return nil, false
	}
	return newTree(v, e.Expression, *e.origin), true
}

// plainOptions wants all of v known and no part of it sensitive, and points at
// the attribute that is not.
func (r *resolver) plainOptions(expr hcl.Expression, v cty.Value, path string) (cty.Value, bool) {
	if j := judge(v); j.ok && !j.sensitive {
		return j.value, true
	}
	top, _ := v.Unmark()
	if top.IsKnown() && !top.IsNull() && top.Type().IsObjectType() && !v.IsMarked() {
		good := true
		for it := top.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if item := objectItem(expr, k.AsString()); item != nil {
				_, ok := r.plainOptions(item.ValueExpr, e, path+"."+k.AsString())
				good = good && ok
			} else {
				_, ok, diags := r.names.plain(e, expr.Range(), path)
				r.diags = append(r.diags, diags...)
				good = good && ok
			}
		}
		return v, good
	}
	plain, ok, diags := r.names.plain(v, expr.Range(), path)
	r.diags = append(r.diags, diags...)
	return plain, ok
}
