package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema/catalog"
)

// A node is one argument, or one name under each, in the runs of a row. It knows
// on which axes it depends and is worked out once for each combination of their
// values.
type node struct {
	name string
	mask uint64 // axes by position
	eval func(at []int) result

	strides []stride
	results []result
	present []bool
	last    int // key in results, or of the only result where all axes count
	only    bool
}

type stride struct{ axis, by int }

// A result is a node in one run. It is not ok if the reason has been reported.
type result struct {
	value  cty.Value
	origin *Origin // nil where nothing says it
	// extra is what a cell needs besides: *Model, *Options, time.Duration, …
	extra any
	ok    bool
}

// allot prepares the memory of n for the axes of its mask.
func (n *node) allot(axes []*axis) {
	size := 1
	for i := len(axes) - 1; i >= 0; i-- {
		if n.mask&(1<<i) != 0 {
			n.strides = append(n.strides, stride{i, size})
			size *= len(axes[i].values)
		}
	}
	n.only = n.mask == allAxes(axes) && len(axes) > 0
	if n.only {
		size = 1
	}
	n.results, n.present = make([]result, size), make([]bool, size)
}

func allAxes(axes []*axis) uint64 { return 1<<len(axes) - 1 }

// key numbers the combinations of the axes that n depends on.
func (n *node) key(at []int) int {
	k := 0
	for _, s := range n.strides {
		k += at[s.axis] * s.by
	}
	return k
}

// at is the node in the run at these positions.
func (n *node) at(at []int) result {
	k := n.key(at)
	number := k
	if n.only {
		if n.last != k {
			n.present[0] = false
		}
		n.last, number = k, 0
	}
	if !n.present[number] {
		n.results[number], n.present[number] = n.eval(at), true
	}
	return n.results[number]
}

// constant is a node that is the same in all runs.
func constant(name string, v cty.Value, origin *Origin, extra any) *node {
	return &node{name: name, eval: func([]int) result { return result{value: v, origin: origin, extra: extra, ok: true} }}
}

// An expression is one that may refer to each.
type expression struct {
	hcl.Expression
	origin *Origin
	base   *hcl.EvalContext
	refs   []*node // by name under each
	mask   uint64
	static bool // no reference to each
	fixed  *evaluated
}

type evaluated struct {
	value cty.Value
	ctx   *hcl.EvalContext
	diags hcl.Diagnostics
	ok    bool
}

// value evaluates e in one run. It is not ok if there are errors, or if a value
// that it refers to has errors that were reported.
func (e *expression) value(at []int) evaluated {
	if e.static {
		if e.fixed == nil {
			out := e.in(e.base)
			e.fixed = &out
			return out
		}
		again := *e.fixed
		again.diags = nil
		return again
	}
	each := make(map[string]cty.Value, len(e.refs))
	for _, ref := range e.refs {
		r := ref.at(at)
		if !r.ok {
			return evaluated{value: failed}
		}
		each[ref.name] = r.value
	}
	ctx := e.base.NewChild()
	ctx.Variables = map[string]cty.Value{"each": cty.ObjectVal(each)}
	return e.in(ctx)
}

func (e *expression) in(ctx *hcl.EvalContext) evaluated {
	v, diags := evaluate(e.Expression, ctx)
	if diags.HasErrors() {
		return evaluated{value: failed, ctx: ctx, diags: diags}
	}
	return evaluated{value: v, ctx: ctx, diags: diags, ok: true}
}

// blockNode is model, hardware or image. Its extra is the block.
func (r *resolver) blockNode(name string) *node {
	if i := r.axis(name); i >= 0 {
		return &node{mask: 1 << i, eval: func(at []int) result {
			v := r.axes[i].values[at[i]]
			return r.block(name, v.value, v.origin)
		}}
	}
	a, from := r.attribute(name)
	if a == nil {
		r.diags = append(r.diags, refuse(r.row.rng, "Missing required argument", "The argument %q is required: set it in the benchmark %q, in this row or as an axis of a matrix, as in %[1]s = %[1]s.NAME.", name, r.row.benchmark.label))
		return nil
	}
	e := r.prepare(a.Expr, Origin{from, a.SrcRange})
	if e == nil {
		return nil
	}
	return &node{mask: e.mask, eval: func(at []int) result {
		ev := e.value(at)
		r.diags = append(r.diags, ev.diags...)
		if !ev.ok {
			return result{}
		}
		if top, _ := ev.value.Unmark(); !top.IsKnown() {
			_, _, diags := r.names.plain(ev.value, e.Range(), name)
			r.diags = append(r.diags, diags...)
			return result{}
		}
		if ev.value.HasMark(sensitiveMark{}) {
			r.diags = append(r.diags, sensitiveOutside(e.Range(), name))
			return result{}
		}
		if _, wrong := blockLabel(name, ev.value); wrong != "" {
			return r.problem(e, ev.ctx, name, wrong)
		}
		return r.block(name, ev.value, e.origin)
	}}
}

// block finds the block of a value whose type is right and reports what keeps
// it from being used.
func (r *resolver) block(name string, v cty.Value, origin *Origin) result {
	v, _ = v.Unmark()
	label := v.GetAttr("label").AsString()
	var extra any
	var own *Block
	switch name {
	case "model":
		b := find(r.defs.Models, label)
		extra, own = b, b.block()
	case "hardware":
		b := find(r.defs.Hardware, label)
		extra, own = b, b.block()
	case "image":
		b := find(r.defs.Images, label)
		extra, own = b, b.block()
	}
	r.diags = append(r.diags, own.problems...)
	return result{value: v, origin: origin, extra: extra, ok: !own.broken && len(own.problems) == 0}
}

func find[B interface{ block() *Block }](list []B, label string) B {
	return list[slices.IndexFunc(list, func(b B) bool { return b.block().Label == label })]
}

// imageRange is where the image of the row is declared.
func (r *resolver) imageRange() hcl.Range {
	if a, _ := r.attribute("image"); a != nil {
		return a.SrcRange
	}
	return r.row.rng
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
		r.diags = append(r.diags, refuse(r.imageRange(), "Image chosen by a flag", "The image decides which flags there are and what they may be, so it cannot depend on each.%s. Choose it by each.use_case or a free axis, or make image an axis of the matrix.", name))
		return nil
	}
	img := r.node("image", r.row.rng)
	if img == nil {
		return nil
	}
	n := &node{mask: img.mask}
	declared := func([]int) (cty.Value, *expression, *hcl.EvalContext, *Origin, bool) {
		return cty.NilVal, nil, nil, nil, true
	}
	if i := r.axis(name); i >= 0 {
		n.mask |= 1 << i
		declared = func(at []int) (cty.Value, *expression, *hcl.EvalContext, *Origin, bool) {
			v := r.axes[i].values[at[i]]
			return v.value, nil, nil, v.origin, true
		}
	} else if a, from := r.attribute(name); a != nil {
		e := r.prepare(a.Expr, Origin{from, a.SrcRange})
		if e == nil {
			return nil
		}
		n.mask |= e.mask
		declared = func(at []int) (cty.Value, *expression, *hcl.EvalContext, *Origin, bool) {
			v, ctx, ok := r.plainIn(e, at, name)
			return v, e, ctx, e.origin, ok
		}
	}
	n.eval = func(at []int) result {
		img := image(img, at)
		v, e, ctx, origin, ok := declared(at)
		if img == nil || !ok {
			return result{}
		}
		return r.flag(name, img, v, e, ctx, origin)
	}
	return n
}

// flag gives a flag its value in one run. v is cty.NilVal if it is not declared.
func (r *resolver) flag(name string, img *Image, v cty.Value, e *expression, ctx *hcl.EvalContext, origin *Origin) result {
	f, has := img.version.Flag(name)
	declared := v != cty.NilVal
	switch {
	case !has && declared && !v.IsNull():
		r.diags = append(r.diags, refuse(origin.Range, "Unsupported argument for this version", "trtllm-bench of version %s, which the image %q holds, has no flag --%s; it is known in %s. Remove the argument, or set it to null for this image.",
			img.versionText(), img.Label, name, strings.Join(r.args.catalog.FlagVersions(name), ", ")))
		return result{}
	case !has:
		return result{value: cty.NullVal(flagTypes[r.args.flag(name).Type]), ok: true}
	case !declared:
		return defaultOf(f)
	}
	out, wrong := convertFlagType(f, v)
	if wrong == "" {
		wrong = checkFlag(f, out)
	}
	if wrong == "" {
		return result{value: out, origin: origin, ok: true}
	}
	if e != nil {
		return r.problem(e, ctx, name, wrong)
	}
	r.diags = append(r.diags, refuse(origin.Range, "Unsuitable value", "The argument %q %s", name, sentence(wrong)))
	return result{}
}

var fromVersion = Origin{From: FromVersion}

// defaultOf is the value that a version gives a flag that is not declared.
func defaultOf(f *catalog.Fact) result {
	if f.Default == cty.NilVal || f.Default.IsNull() {
		return result{value: cty.NullVal(flagTypes[f.Type]), ok: true}
	}
	v, wrong := convertFlagType(f, f.Default)
	if wrong != "" {
		panic("schema: default of flag " + f.Name + " " + wrong)
	}
	return result{value: v, origin: &fromVersion, ok: true}
}
