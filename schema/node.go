package schema

import (
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

// index prepares the memory of n for the axes of its mask.
func (n *node) index(axes []*axis) {
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
	slot := k
	if n.only {
		if n.last != k {
			n.present[0] = false
		}
		n.last, slot = k, 0
	}
	if !n.present[slot] {
		n.results[slot], n.present[slot] = n.eval(at), true
	}
	return n.results[slot]
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
