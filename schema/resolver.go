package schema

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// A resolver works out the arguments of the runs of one row.
type resolver struct {
	*maker
	row   *row
	axes  []*axis
	nodes map[string]*node // nil for one that has a mistake
	stack []string         // nodes being built
	diags hcl.Diagnostics
}

// node returns the node of an argument, a free axis or use_case; nil if it
// cannot be built, which has been reported. name must be known.
func (r *resolver) node(name string, from hcl.Range) *node {
	if n, done := r.nodes[name]; done {
		return n
	}
	if i := slices.Index(r.stack, name); i >= 0 {
		path := list(append(r.stack[i:], name), func(name string) string { return "each." + name })
		r.diags = append(r.diags, cycle(from, path))
		return nil
	}
	r.stack = append(r.stack, name)
	n := r.build(name)
	r.stack = r.stack[:len(r.stack)-1]
	if n != nil {
		n.name = name
		n.allot(r.axes)
	}
	r.nodes[name] = n
	return n
}

func (r *resolver) build(name string) *node {
	switch {
	case name == "use_case":
		v, diags := r.names.resolve(r.names.roots["use_case"].entries[r.row.label], r.row.rng)
		r.diags = append(r.diags, diags...)
		return &node{eval: func([]int) result {
			return result{value: v, origin: &Origin{fromRow, r.row.rng}, extra: r.row.useCase, ok: true}
		}}
	case slices.Contains(blockArguments, name):
		return r.blockNode(name)
	case name == "llm_api_options":
		return r.optionsNode()
	case name == "env":
		return r.envNode()
	case r.args.isFlag(name):
		return r.flagNode(name)
	}
	for _, f := range single {
		if f.name == name {
			return r.ownNode(f)
		}
	}
	return r.single(name, 0, func(_ []int, v cty.Value, origin *Origin) (result, string) {
		return result{value: v, origin: origin, ok: true}, ""
	})
}

// axis is the position of an axis, -1 if there is none of this name.
func (r *resolver) axis(name string) int {
	return slices.IndexFunc(r.axes, func(ax *axis) bool { return ax.name == name })
}

// attribute is where the row, or else its benchmark, sets an argument; nil if
// neither does.
func (r *resolver) attribute(name string) (*hclsyntax.Attribute, string) {
	if a := r.row.args[name]; a != nil {
		return a, fromRow
	}
	return r.row.benchmark.args[name], fromBenchmark
}

// prepare finds out what an expression refers to; nil if that has a mistake.
func (r *resolver) prepare(expr hcl.Expression, origin Origin) *expression {
	base, diags := r.names.context(expr, true)
	r.diags = append(r.diags, diags...)
	e := &expression{Expression: expr, origin: &origin, base: base, static: true}
	ok := !diags.HasErrors()
	for _, t := range expr.Variables() {
		if t.RootName() != "each" {
			continue
		}
		e.static = false
		ref := r.reference(t)
		if ref == nil {
			ok = false
		} else if !slices.Contains(e.refs, ref) {
			e.refs = append(e.refs, ref)
			e.mask |= ref.mask
		}
	}
	if !ok {
		return nil
	}
	return e
}

// reference is the node that a traversal from each means, nil if none.
func (r *resolver) reference(t hcl.Traversal) *node {
	name, rng, ok := step(t, 1)
	if !ok {
		r.diags = append(r.diags, refuse(t.SourceRange(), "Incomplete reference", "each is followed by the name of an argument, as in each.concurrency, or of a free axis."))
		return nil
	}
	names := append(slices.Clone(r.args.known), "use_case")
	for _, ax := range r.axes {
		if ax.free {
			names = append(names, ax.name)
		}
	}
	if !slices.Contains(names, name) {
		hint := DidYouMean(name, names)
		if hint == "" {
			hint = fmt.Sprintf(" It is neither an argument of benchmarks nor a free axis of the row %q.", r.row.label)
		}
		r.diags = append(r.diags, within(refuse(rng, "Unknown reference", "There is no each.%s.%s", name, hint), t.SourceRange()))
		return nil
	}
	if ty, block := blockTypes[name]; block {
		if diags := checkAttribute(t, 2, noun(name), attributeNames(ty)); diags.HasErrors() {
			r.diags = append(r.diags, diags...)
			return nil
		}
	}
	return r.node(name, t.SourceRange())
}

// problem refuses the value of an argument in one run; e is nil for that of an axis.
// wrong ends a sentence that begins with the argument's name.
func (r *resolver) problem(rng hcl.Range, e *expression, ctx *hcl.EvalContext, name, wrong string) result {
	d := refuse(rng, "Unsuitable value", "The argument %q %s", name, sentence(wrong))
	if e != nil && !e.static {
		d.Expression, d.EvalContext = e.Expression, ctx
	}
	r.diags = append(r.diags, d)
	return result{}
}

// plainIn evaluates e in one run to a plain value, or a block.
func (r *resolver) plainIn(e *expression, at []int, name string) (cty.Value, *hcl.EvalContext, bool) {
	v, ctx, ok := r.value(e, at)
	if !ok || isBlock(v) {
		return v, ctx, ok
	}
	v, ok = r.plain(v, e.Range(), name)
	return v, ctx, ok
}

func (r *resolver) plain(v cty.Value, rng hcl.Range, what string) (cty.Value, bool) {
	v, ok, diags := r.names.plain(v, rng, what)
	r.diags = append(r.diags, diags...)
	return v, ok
}

// evaluate is expr.Value, failed if there are errors, with diagnostics that are safe to
// print, and that list the functions where one is called that there is not.
func evaluate(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if node, ok := expr.(hclsyntax.Expression); ok {
		left := maxIterations
		if d := iterate(node, ctx, &left); d != nil {
			return failed, hcl.Diagnostics{d}
		}
	}
	v, diags := expr.Value(ctx)
	if len(diags) == 0 {
		if left := maxSize; exceeds(v, &left) {
			return failed, hcl.Diagnostics{refuse(expr.Range(), "Expression too large", "The value has more than %d elements and characters together. Make it smaller.", maxSize)}
		}
		return v, nil
	}
	secret := refersToSecret(expr, ctx)
	for _, d := range diags {
		switch {
		case d.Summary == "Call to unknown function":
			if !strings.Contains(d.Detail, "Did you mean") {
				d.Detail += " The functions are " + strings.Join(slices.Sorted(maps.Keys(functions)), ", ") + "."
			}
		case secret: // the words of functions repeat their arguments
			d.Detail = "This expression cannot be evaluated. It refers to a sensitive value, so the reason, which could show the value, is left out."
			d.Expression, d.EvalContext = nil, nil
		case d.Summary == "Invalid index":
			d.Detail += keysThatAre(d)
		}
	}
	if diags.HasErrors() {
		v = failed
	}
	return v, diags
}

// keysThatAre lists the keys of the object that d says has not the one looked up;
// "" if it is none.
func keysThatAre(d *hcl.Diagnostic) string {
	index, ok := d.Expression.(*hclsyntax.IndexExpr)
	if !ok {
		return ""
	}
	object, _ := index.Collection.Value(d.EvalContext)
	object, _ = object.Unmark()
	if !object.IsKnown() || object.IsNull() || !object.Type().IsObjectType() && !object.Type().IsMapType() || object.LengthInt() == 0 {
		return ""
	}
	return " Its keys are " + strings.Join(slices.Sorted(maps.Keys(object.AsValueMap())), ", ") + "."
}

// refersToSecret reports whether expr refers to a value that derives from a
// sensitive variable.
func refersToSecret(expr hcl.Expression, ctx *hcl.EvalContext) bool {
	for _, t := range expr.Variables() {
		for c := ctx; c != nil; c = c.Parent() {
			if v, ok := c.Variables[t.RootName()]; ok && v.HasMarkDeep(sensitiveMark{}) {
				return true
			}
		}
	}
	return false
}

// literal evaluates an expression that may refer to nothing: what it says must
// be known before anything else is.
func literal(expr hclsyntax.Expression, what string) (cty.Value, hcl.Diagnostics) {
	if vars := expr.Variables(); len(vars) > 0 {
		return failed, hcl.Diagnostics{refuse(vars[0].SourceRange(), "Reference where none is possible", "Nothing can be referred to here, because %s is read before anything else is known. Write the value out.", what)}
	}
	return evaluate(expr, &hcl.EvalContext{Functions: functions})
}

// functions are those of the language: none of them reads a file, the
// environment or a clock.
var functions = map[string]function.Function{
	"abs":        stdlib.AbsoluteFunc,
	"ceil":       stdlib.CeilFunc,
	"concat":     stdlib.ConcatFunc,
	"contains":   stdlib.ContainsFunc,
	"distinct":   stdlib.DistinctFunc,
	"flatten":    stdlib.FlattenFunc,
	"floor":      stdlib.FloorFunc,
	"format":     boundedFormat,
	"join":       stdlib.JoinFunc,
	"jsonencode": stdlib.JSONEncodeFunc,
	"keys":       stdlib.KeysFunc,
	"lookup":     stdlib.LookupFunc,
	"lower":      stdlib.LowerFunc,
	"max":        stdlib.MaxFunc,
	"merge":      stdlib.MergeFunc,
	"min":        stdlib.MinFunc,
	"range":      rangeFunc,
	"tonumber":   stdlib.MakeToFunc(cty.Number),
	"tostring":   stdlib.MakeToFunc(cty.String),
	"upper":      stdlib.UpperFunc,
	"values":     stdlib.ValuesFunc,
}

// rangeFunc is range, which says how to have more values than it gives.
var rangeFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "params", Type: cty.Number},
	Type:     function.StaticReturnType(cty.List(cty.Number)),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, err := stdlib.RangeFunc.Call(args)
		if err != nil && strings.Contains(err.Error(), "more than 1024 values") {
			err = errors.New("it gives at most 1,024 values; join several with flatten([range(0, 1000), range(1000, 2000)])")
		}
		return v, err
	},
})

// maxIterations bounds the iterations of all for expressions in one expression.
const maxIterations = 100_000

// maxSize bounds the elements of a value and the characters of its strings together,
// so that values that double from one local to the next end soon.
const maxSize = 1_000_000

// exceeds counts a value down from left, and stops where nothing is left.
func exceeds(v cty.Value, left *int) bool {
	v, _ = v.Unmark()
	*left--
	switch {
	case *left < 0 || v.IsNull() || !v.IsKnown():
	case v.Type() == cty.String:
		*left -= len(v.AsString())
	case v.CanIterateElements():
		for it := v.ElementIterator(); *left >= 0 && it.Next(); {
			_, e := it.Element()
			exceeds(e, left)
		}
	}
	return *left < 0
}

// iterate counts the iterations of the for expressions in expr down from left, and
// refuses the one that exceeds it. Loops that others hold are entered for each element.
func iterate(expr hclsyntax.Expression, ctx *hcl.EvalContext, left *int) *hcl.Diagnostic {
	var outer []*hclsyntax.ForExpr
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics { // the outer before the inner
		loop, ok := n.(*hclsyntax.ForExpr)
		if ok && (len(outer) == 0 || !outer[len(outer)-1].Range().Overlaps(loop.Range())) {
			outer = append(outer, loop)
		}
		return nil
	})
	for _, loop := range outer {
		if d := iterate(loop.CollExpr, ctx, left); d != nil {
			return d
		}
		coll := collection(loop, ctx)
		if *left -= coll.LengthInt(); *left < 0 {
			return refuse(loop.Range(), "Expression too large", "The for expressions here have more than %d iterations together. Take fewer elements.", maxIterations)
		}
		for inner := range bodies(loop, ctx, coll) {
			for _, e := range []hclsyntax.Expression{loop.CondExpr, loop.KeyExpr, loop.ValExpr} {
				if e == nil {
					continue
				}
				if d := iterate(e, inner, left); d != nil {
					return d
				}
			}
		}
	}
	return nil
}

// collection is what a for expression goes over, empty where that cannot be told.
func collection(loop *hclsyntax.ForExpr, ctx *hcl.EvalContext) cty.Value {
	coll, diags := loop.CollExpr.Value(ctx)
	coll, _ = coll.Unmark()
	if diags.HasErrors() || !coll.IsKnown() || coll.IsNull() || !coll.CanIterateElements() {
		return cty.EmptyTupleVal
	}
	return coll
}

// bodies are the contexts of what a for expression holds, one for each element.
func bodies(loop *hclsyntax.ForExpr, ctx *hcl.EvalContext, coll cty.Value) iter.Seq[*hcl.EvalContext] {
	return func(yield func(*hcl.EvalContext) bool) {
		for it := coll.ElementIterator(); it.Next(); {
			k, v := it.Element()
			inner := ctx.NewChild()
			inner.Variables = map[string]cty.Value{loop.ValVar: v}
			if loop.KeyVar != "" {
				inner.Variables[loop.KeyVar] = k
			}
			if !yield(inner) {
				return
			}
		}
	}
}

// wide is a width or precision of four digits or more in a format.
var wide = regexp.MustCompile(`%[-+ #.0-9\[\]]*[0-9]{4}`)

// boundedFormat is format without widths that would fill the memory.
var boundedFormat = function.New(&function.Spec{
	Description: stdlib.FormatFunc.Description(),
	Params:      stdlib.FormatFunc.Params(),
	VarParam:    stdlib.FormatFunc.VarParam(),
	Type: func(args []cty.Value) (cty.Type, error) {
		if args[0].IsKnown() && wide.MatchString(strings.ReplaceAll(args[0].AsString(), "%%", "")) {
			return cty.String, function.NewArgErrorf(0, "a width or precision has at most three digits")
		}
		return cty.String, nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return stdlib.FormatFunc.Call(args) },
})
