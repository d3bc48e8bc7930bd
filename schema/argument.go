package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/llmbench/llmbench/schema/catalog"
)

// ownArguments are the arguments of benchmarks and rows that are not flags of
// trtllm-bench.
var ownArguments = []string{
	"model", "hardware", "image", "executor", "samples", "precision", "max_samples", "engine", "request_log", "time_limit", "env", "llm_api_options",
}

// blockArguments are the arguments whose values are blocks.
var blockArguments = []string{"model", "hardware", "image"}

// elsewhere are names that people look for among the arguments.
var elsewhere = map[string]string{
	"isl": "It belongs in a use_case block at the top level.", "osl": "It belongs in a use_case block at the top level.",
	"gpus": "It belongs in a hardware block.", "gpus_per_node": "It belongs in a hardware block.",
	"checkpoint": "It belongs in a model block.", "quantization": "It belongs in a model block.",
	"tp_size": `Did you mean "tp"?`, "pp_size": `Did you mean "pp"?`, "ep_size": `Did you mean "ep"?`,
	"tensor_parallel_size": `Did you mean "tp"?`, "pipeline_parallel_size": `Did you mean "pp"?`, "expert_parallel_size": `Did you mean "ep"?`,
	"nodes": "It follows from gpus and gpus_per_node of the hardware block.",
}

// arguments knows what a benchmark and its rows can be told.
type arguments struct {
	catalog *catalog.Catalog
	flags   []string // of any version, without those that llmbench sets
	known   []string // own arguments, then flags
}

func newArguments(cat *catalog.Catalog) *arguments {
	a := &arguments{catalog: cat}
	for _, name := range cat.KnownFlags() {
		if _, ours := cat.OwnedFlag(name); !ours && !slices.Contains(ownArguments, name) {
			a.flags = append(a.flags, name)
		}
	}
	a.known = append(slices.Clone(ownArguments), a.flags...)
	return a
}

func (a *arguments) isFlag(name string) bool { return slices.Contains(a.flags, name) }

// flag is the flag as the first version that has it describes it.
func (a *arguments) flag(name string) *catalog.Fact {
	for _, v := range a.catalog.Versions {
		if f, ok := v.Flag(name); ok {
			return f
		}
	}
	panic("schema: no version has the flag " + name)
}

// check refuses the attributes that are no arguments.
func (a *arguments) check(attrs []*hclsyntax.Attribute, where string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, attr := range attrs {
		if slices.Contains(a.known, attr.Name) {
			continue
		}
		if why, ours := a.catalog.OwnedFlag(attr.Name); ours {
			diags = append(diags, ownedFlag(attr, why))
			continue
		}
		diags = append(diags, refuse(attr.NameRange, "Unsupported argument", "There is no argument %q in %s.%s", attr.Name, where, a.hint(attr.Name)))
	}
	return diags
}

func ownedFlag(a *hclsyntax.Attribute, why string) *hcl.Diagnostic {
	return refuse(a.NameRange, "Argument set by llmbench", "The flag --%s of trtllm-bench cannot be set here. %s Remove the line.", a.Name, why)
}

// hint says, with a leading space, what may be meant by a name that is no
// argument.
func (a *arguments) hint(name string) string {
	if slices.Contains(sectionBlocks, name) || name == "use_case" || name == "search" {
		return fmt.Sprintf(" %q is a block: write it without the equals sign.", name)
	}
	if s := elsewhere[name]; s != "" {
		return " " + s
	}
	if s := DidYouMean(name, a.known); s != "" {
		return s
	}
	for _, v := range a.catalog.Versions {
		if _, ok := v.Option(name); ok {
			return fmt.Sprintf(" It is an option of TensorRT-LLM: write llm_api_options = { %s = … }.", name)
		}
	}
	return " Arguments are " + strings.Join(ownArguments, ", ") + " and the flags of trtllm-bench throughput: " + strings.Join(a.flags, ", ") + "."
}

// defaultMaxSamples is how many samples a run with a precision takes at most
// unless max_samples says it.
const defaultMaxSamples = 10

// mostSamples is how often a run can be measured.
const mostSamples = 1000

// The engines of a run: FreshEngine loads the model for each sample, SharedEngine once
// for several.
const FreshEngine, SharedEngine = "fresh", "shared"

// single are the own arguments with one value; all but engine cannot move a run's
// number.
var single = []field{
	{name: "executor", ty: cty.String},
	{name: "samples", ty: cty.Number, wrong: wholeWithin(1, mostSamples), fallback: cty.NumberIntVal(1)},
	{name: "precision", ty: cty.DynamicPseudoType, wrong: shareIn(0, 1)}, // "2%" or 0.02
	{name: "max_samples", ty: cty.Number, wrong: wholeWithin(1, mostSamples)},
	{name: "engine", ty: cty.String, fallback: cty.StringVal(FreshEngine), wrong: func(v cty.Value) string {
		if s := v.AsString(); s != FreshEngine && s != SharedEngine {
			return `must be "fresh" or "shared"`
		}
		return ""
	}},
	{name: "request_log", ty: cty.Bool},
	{name: "time_limit", ty: cty.DynamicPseudoType, wrong: func(v cty.Value) string {
		_, wrong := ParseDuration(v)
		return wrong
	}},
}

// ownNode is one of the single arguments. A null is as none.
func (r *resolver) ownNode(f field) *node {
	return r.single(f.name, 0, func(_ []int, v cty.Value, origin *Origin) (result, string) {
		switch {
		case v != cty.NilVal && !v.IsNull():
			out, wrong := f.convert(v)
			if f.name == "executor" && wrong == "" {
				out, wrong = r.executor(out.AsString())
			}
			return result{value: out, origin: origin, ok: true}, wrong
		case f.fallback != cty.NilVal:
			return result{value: f.fallback, origin: &Origin{From: FromLLMBench}, ok: true}, ""
		}
		return result{value: cty.NullVal(f.ty), ok: true}, ""
	})
}

func (r *resolver) executor(ref string) (cty.Value, string) {
	e, why := r.defs.findExecutor(ref)
	if e == nil {
		return cty.NilVal, fmt.Sprintf("is %q, and %s", ref, strings.TrimSuffix(why, "."))
	}
	return cty.StringVal(e.Ref()), ""
}

// flagTypes are the types of flags as the catalogue names them.
var flagTypes = map[string]cty.Type{
	"int": cty.Number, "float": cty.Number, "bool": cty.Bool, "string": cty.String, "list(string)": cty.List(cty.String),
}

// typeNouns say in a sentence what a value of a type must be, by its name in the catalogue.
var typeNouns = map[string]string{
	"bool": "true or false", "float": "a number", "int": "a whole number", "object": "an object", "string": "a string",
	"list(int)": "a list of whole numbers", "list(string)": "a list of strings",
}

// convertFlagType gives v the type of the flag. wrong ends a sentence that
// begins with the value's name.
func convertFlagType(f *catalog.Fact, v cty.Value) (out cty.Value, wrong string) {
	want, ok := flagTypes[f.Type]
	if !ok {
		panic("schema: flag " + f.Name + " has the unknown type " + f.Type)
	}
	out, err := convert.Convert(v, want)
	if err != nil || changesKind(v.Type(), want) {
		return v, "must be " + typeNouns[f.Type] + ", not " + describe(v)
	}
	if out.IsNull() || want != cty.Number {
		return out, ""
	}
	rounded, ok := round(out)
	if !ok {
		return v, beyond(v)
	}
	switch _, isWhole := asWhole(rounded); {
	case f.Type == "int" && !isWhole:
		return v, "must be a whole number, not " + shortest(rounded)
	case f.Type == "int" && f.Max == nil && asFloat(rounded) > maxInt32:
		return v, fmt.Sprintf("must be at most %d, and it is %s", maxInt32, shortest(rounded))
	}
	return rounded, ""
}

// wrongValue says what keeps a value of the right type from being one of f, to end a
// sentence; "" if nothing does.
func wrongValue(f *catalog.Fact, v cty.Value) string {
	if f.Suits(v) {
		return ""
	}
	if v.Type() == cty.Number {
		return f.Outside(asFloat(v)) + ", and it is " + shortest(v)
	}
	hint := DidYouMean(strings.ToLower(v.AsString()), f.Values)
	for _, value := range f.Values {
		if strings.EqualFold(value, v.AsString()) {
			hint = fmt.Sprintf(" Did you mean %q?", value)
		}
	}
	return fmt.Sprintf("must be one of %s, not %q.%s", strings.Join(f.Values, ", "), v.AsString(), hint)
}
