package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema/catalog"
)

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
	var u use
	switch name {
	case "model":
		b := find(r.defs.Models, func(b *Model) bool { return b.Label == label })
		extra, u = b, b.use
	case "hardware":
		b := find(r.defs.Hardware, func(b *Hardware) bool { return b.Label == label })
		extra, u = b, b.use
	case "image":
		b := find(r.defs.Images, func(b *Image) bool { return b.Label == label })
		extra, u = b, b.use
	}
	r.diags = append(r.diags, u.problems...)
	return result{value: v, origin: origin, extra: extra, ok: !u.broken && len(u.problems) == 0}
}

func find[T any](list []*T, match func(*T) bool) *T {
	for _, item := range list {
		if match(item) {
			return item
		}
	}
	panic("schema: a block value without its block")
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
		return result{value: cty.NullVal(flagTypes[r.args.flag(name).Type].ty), ok: true}
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
func defaultOf(f *catalog.Flag) result {
	if f.Default == cty.NilVal || f.Default.IsNull() {
		return result{value: cty.NullVal(flagTypes[f.Type].ty), ok: true}
	}
	v, wrong := convertFlagType(f, f.Default)
	if wrong != "" {
		panic("schema: default of flag " + f.Name + " " + wrong)
	}
	return result{value: v, origin: &fromVersion, ok: true}
}
