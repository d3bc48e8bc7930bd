package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// A node is one argument, or one name under each, in the runs of a row. It knows
// on which axes it depends and is worked out once for each combination of their
// values.
type node struct {
	name string
	mask uint64 // axes by position
	eval func(at []int) result

	strides []int // by axis, 0 for one that n does not depend on
	results map[int]result
}

// A result is a node in one run. It is not ok if the reason has been reported.
type result struct {
	value  cty.Value
	origin *Origin // nil where nothing says it
	// extra is what a cell needs besides: *Model, *Environment, …
	extra any
	ok    bool
}

// allot prepares the memory of n for the axes of its mask.
func (n *node) allot(axes []*axis) {
	n.strides, n.results = make([]int, len(axes)), map[int]result{}
	size := 1
	for i, ax := range axes {
		if n.mask&(1<<i) != 0 {
			n.strides[i] = size
			size *= len(ax.values)
		}
	}
}

// at is the node in the run at these positions.
func (n *node) at(at []int) result {
	key := 0
	for i, by := range n.strides {
		key += at[i] * by
	}
	res, done := n.results[key]
	if !done {
		res = n.eval(at)
		n.results[key] = res
	}
	return res
}

// An expression is one that may refer to each.
type expression struct {
	hcl.Expression
	origin *Origin
	base   *hcl.EvalContext
	refs   []*node // by name under each
	mask   uint64
	static bool // no reference to each
}

// context is where e is evaluated in one run, nil if a value that it refers to has an
// error that was reported.
func (e *expression) context(at []int) *hcl.EvalContext {
	if e.static {
		return e.base
	}
	each := make(map[string]cty.Value, len(e.refs))
	for _, ref := range e.refs {
		r := ref.at(at)
		if !r.ok {
			return nil
		}
		each[ref.name] = r.value
	}
	ctx := e.base.NewChild()
	ctx.Variables = map[string]cty.Value{"each": cty.ObjectVal(each)}
	return ctx
}

// value evaluates e in one run. It is not ok if there are errors, all reported.
func (r *resolver) value(e *expression, at []int) (v cty.Value, ctx *hcl.EvalContext, ok bool) {
	ctx = e.context(at)
	if ctx == nil {
		return failed, nil, false
	}
	v, diags := evaluate(e.Expression, ctx)
	r.diags = append(r.diags, diags...)
	return v, ctx, !diags.HasErrors()
}

// single is an argument that has one value: of an axis, of the row or of its benchmark,
// else cty.NilVal. settle makes its result of that; wrong ends a sentence that begins
// with the argument's name. mask are axes that settle looks at.
func (r *resolver) single(name string, mask uint64, settle func(at []int, v cty.Value, origin *Origin) (out result, wrong string)) *node {
	n := &node{mask: mask}
	i := r.axis(name)
	var e *expression
	if a, from := r.attribute(name); i >= 0 {
		n.mask |= 1 << i
	} else if a != nil {
		if e = r.prepare(a.Expr, Origin{from, a.SrcRange}); e == nil {
			return nil
		}
		n.mask |= e.mask
	}
	n.eval = func(at []int) result {
		v, origin, rng := cty.NilVal, (*Origin)(nil), hcl.Range{}
		var ctx *hcl.EvalContext
		if i >= 0 {
			v, origin = r.axes[i].values[at[i]].value, r.axes[i].values[at[i]].origin
			rng = origin.Range
		} else if e != nil {
			var ok bool
			if v, ctx, ok = r.plainIn(e, at, name); !ok {
				return result{}
			}
			origin, rng = e.origin, e.Range()
		}
		out, wrong := settle(at, v, origin)
		if wrong != "" {
			return r.problem(rng, e, ctx, name, wrong)
		}
		return out
	}
	return n
}

// blockNode is model, hardware or image. Its extra is the block.
func (r *resolver) blockNode(name string) *node {
	if a, _ := r.attribute(name); a == nil && r.axis(name) < 0 {
		r.diags = append(r.diags, refuse(r.row.rng, "Missing required argument", "The argument %q is required: set it in the benchmark %q, in this row or as an axis of a matrix, as in %[1]s = %[1]s.NAME.", name, r.row.benchmark.label))
		return nil
	}
	return r.single(name, 0, func(_ []int, v cty.Value, origin *Origin) (result, string) {
		label, wrong := blockLabel(name, v)
		if wrong != "" {
			return result{}, wrong
		}
		b := r.names.roots[name].entries[label].block
		own := b.block()
		r.diags = append(r.diags, own.problems...)
		return result{value: v, origin: origin, extra: b, ok: own.usable()}, ""
	})
}

// image is the image of a run, nil if it cannot be used.
func image(n *node, at []int) *Image {
	if res := n.at(at); res.ok {
		return res.extra.(*Image)
	}
	return nil
}

// flagNode is a flag of trtllm-bench, converted and checked for the version of
// the image.
func (r *resolver) flagNode(name string) *node {
	if slices.Contains(r.stack, "image") {
		rng := r.row.rng
		if a, _ := r.attribute("image"); a != nil {
			rng = a.SrcRange
		}
		r.diags = append(r.diags, refuse(rng, "Image chosen by a flag", "The image decides which flags there are and what they may be, so it cannot depend on each.%s. Choose it by each.use_case or a free axis, or make image an axis of the matrix.", name))
		return nil
	}
	img := r.node("image", r.row.rng)
	if img == nil {
		return nil
	}
	return r.single(name, img.mask, func(at []int, v cty.Value, origin *Origin) (result, string) {
		if img := image(img, at); img != nil {
			return r.flag(name, img, v, origin)
		}
		return result{}, ""
	})
}

// flag gives a flag its value in one run. v is cty.NilVal if it is not declared.
func (r *resolver) flag(name string, img *Image, v cty.Value, origin *Origin) (result, string) {
	f, has := img.version.Flag(name)
	declared := v != cty.NilVal
	switch {
	case !has && declared && !v.IsNull():
		r.diags = append(r.diags, refuse(origin.Range, "Unsupported argument for this version", "trtllm-bench of version %s, which the image %q holds, has no flag --%s; it is known in %s. Remove the argument, or set it to null for this image.",
			img.versionText(), img.Label, name, strings.Join(r.args.catalog.FlagVersions(name), ", ")))
		return result{}, ""
	case !has:
		return result{value: cty.NullVal(flagTypes[r.args.flag(name).Type]), ok: true}, ""
	case !declared && f.Default.IsNull():
		return result{value: cty.NullVal(flagTypes[f.Type]), ok: true}, ""
	case !declared:
		v, origin = f.Default, &fromVersion
	}
	out, wrong := convertFlagType(f, v)
	if wrong == "" {
		wrong = wrongValue(f, out)
	}
	return result{value: out, origin: origin, ok: true}, wrong
}

var fromVersion = Origin{From: FromVersion}
