package schema

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// defaultMaxSamples is how many samples a run with a precision takes at most
// unless max_samples says it.
const defaultMaxSamples = 10

// mostSamples is how often a run can be measured.
const mostSamples = 1000

// own is how an argument that is no flag becomes a value and what a cell needs
// of it. wrong ends a sentence that begins with the argument's name.
type own func(r *resolver, v cty.Value) (out cty.Value, extra any, wrong string)

var ownConversions = map[string]own{
	"samples":     wholeArgument,
	"max_samples": wholeArgument,
	"precision":   precisionArgument,
	"time_limit":  timeLimitArgument,
	"executor":    executorArgument,
	"engine":      engineArgument,
	"request_log": switchArgument,
}

var ownDefaults = map[string]cty.Value{
	"samples":     cty.NumberIntVal(1),
	"max_samples": cty.NullVal(cty.Number),
	"precision":   cty.NullVal(cty.String),
	"time_limit":  cty.NullVal(cty.String),
	"executor":    cty.NullVal(cty.String),
	"engine":      cty.StringVal(FreshEngine),
	"request_log": cty.NullVal(cty.Bool),
}

// ownNode is one of the single arguments. Its extra is nil for a null.
func (r *resolver) ownNode(name string) *node {
	def := ownDefaults[name]
	var origin *Origin
	var extra any
	if !def.IsNull() {
		origin = &Origin{From: FromLLMBench}
		if def.Type() == cty.Number {
			extra = int(whole(def))
		} else {
			extra = def.AsString()
		}
	}
	a, from := r.attribute(name)
	if a == nil {
		return constant(name, def, origin, extra)
	}
	e := r.prepare(a.Expr, Origin{from, a.SrcRange})
	if e == nil {
		return nil
	}
	return &node{mask: e.mask, eval: func(at []int) result {
		v, ctx, ok := r.plainIn(e, at, name)
		if !ok {
			return result{}
		}
		if v.IsNull() {
			return result{value: def, origin: origin, extra: extra, ok: true}
		}
		out, extra, wrong := ownConversions[name](r, v)
		if wrong != "" {
			return r.problem(e, ctx, name, wrong)
		}
		return result{value: out, origin: e.origin, extra: extra, ok: true}
	}}
}

func wholeArgument(_ *resolver, v cty.Value) (cty.Value, any, string) {
	out, wrong := field{ty: cty.Number, wrong: wholeWithin(1, mostSamples)}.convert(v)
	if wrong != "" {
		return v, nil, wrong
	}
	return out, int(whole(out)), ""
}

// precisionArgument reads "2%" or 0.02.
func precisionArgument(_ *resolver, v cty.Value) (cty.Value, any, string) {
	text, wrong := field{ty: cty.String, wrong: shareIn(0, 1)}.convert(v)
	if wrong != "" {
		return v, nil, wrong
	}
	return v, *share(text), ""
}

func switchArgument(_ *resolver, v cty.Value) (cty.Value, any, string) {
	out, wrong := field{ty: cty.Bool}.convert(v)
	if wrong != "" {
		return v, nil, wrong
	}
	return out, out.True(), ""
}

func timeLimitArgument(_ *resolver, v cty.Value) (cty.Value, any, string) {
	d, wrong := ParseDuration(v)
	return v, d, wrong
}

// The engines of a run: FreshEngine loads the model for each sample, SharedEngine once
// for several.
const FreshEngine, SharedEngine = "fresh", "shared"

func engineArgument(_ *resolver, v cty.Value) (cty.Value, any, string) {
	if v.Type() != cty.String || v.AsString() != FreshEngine && v.AsString() != SharedEngine {
		return v, nil, `must be "fresh" or "shared"`
	}
	return v, v.AsString(), ""
}

func executorArgument(r *resolver, v cty.Value) (cty.Value, any, string) {
	s, err := convert.Convert(v, cty.String)
	if err != nil || v.Type() != cty.String {
		return v, nil, "must be an executor, as in executor.TYPE.NAME"
	}
	e, why := r.defs.findExecutor(s.AsString())
	if e == nil {
		return v, nil, fmt.Sprintf("is %q, and %s", s.AsString(), strings.TrimSuffix(why, "."))
	}
	return cty.StringVal(e.Ref()), e.Ref(), ""
}
