package catalog

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"
)

// A Version is a release of TensorRT-LLM: what its trtllm-bench throughput and
// its LLM API take.
type Version struct {
	Name string `hcl:"name,label"` // "1.0.0rc1"
	From string // the user's file that declares it, "" for a built-in one
	// Sources are the files and pages that its facts were read in: those of most flags
	// and options first.
	Sources       []string `hcl:"sources,optional"`
	FlagsSource   string   `hcl:"flags_source,optional"`
	OptionsSource string   `hcl:"options_source,optional"`
	// KnownFrom is the first version that is known to have the same facts.
	KnownFrom string `hcl:"from,optional"`
	// Base is the version whose facts one of the user's own begins with.
	Base string `hcl:"base,optional"`
	// SharedSamplingParams: requests share one object, so that with a
	// concurrency limit and a variable OSL they take each other's lengths.
	SharedSamplingParams bool `hcl:"shared_sampling_params,optional"`
	// ChunkedDefault: context is chunked unless a flag says otherwise.
	ChunkedDefault bool `hcl:"chunked_default,optional"`
	// ShallowKVMerge: kv_cache_config of the options file replaces all that the
	// flags and trtllm-bench set in it.
	ShallowKVMerge bool `hcl:"shallow_kv_merge,optional"`
	// GraphSizesExcludeMax: CUDA graph batch sizes and their maximum are refused
	// together.
	GraphSizesExcludeMax bool `hcl:"graph_sizes_exclude_max,optional"`
	// GraphDefaultMax is up to which batch size CUDA graphs are captured where
	// cuda_graph_config says neither sizes nor a maximum; 0 is max_batch_size.
	GraphDefaultMax int `hcl:"graph_default_max,optional"`
	// GraphPowersBelow: of the powers of two above 128 the largest below the maximum
	// has no graph.
	GraphPowersBelow bool `hcl:"graph_powers_below,optional"`
	// GraphStep is how far padded sizes above 128 are apart; 0 takes powers of two.
	GraphStep int `hcl:"graph_step,optional"`
	// NestedKeysIgnored: a key that is not known is refused at the top of the
	// options file only.
	NestedKeysIgnored bool `hcl:"nested_keys_ignored,optional"`

	Flags, Options []*Fact
	Range          hcl.Range `hcl:",def_range"`

	release, known release
	// renames are spellings that are wrong in the version and right in another, or
	// common mistakes, with its own.
	renames map[string]string
}

// A Fact is a flag of trtllm-bench or of its subcommand throughput, or a key of the
// options file.
type Fact struct {
	Name string `json:"path"` // "max_batch_size"; of an option its path, "kv_cache_config.dtype"
	// Type is int, float, bool, string or list(string), of an option also list(int),
	// object or any. The keys inside an object are options, those inside any are not
	// known.
	Type string `cty:"type"`
	// Min and Max bound numbers: both are allowed, nil is no bound.
	Min *float64 `cty:"min"`
	Max *float64 `cty:"max"`
	// Values are all that are allowed; nil allows any.
	Values []string `cty:"values"`
	// File: the value is the path of a file or folder, or a name on a hub.
	File bool `cty:"file"`
	// Source is the file or page that it was read in.
	Source string `cty:"source"`
	// Since and Until are the first and the last version that have it, of those of its
	// block; "" is no bound.
	Since string `cty:"since"`
	Until string `cty:"until"`

	// Overrides is the flag or other argument that an option would silently
	// override, "" for none.
	Overrides string `cty:"overrides"`

	// Default is a flag's value if nothing is declared; null passes nothing.
	Default cty.Value `cty:"default"`
	// Off is the flag that stands for false of a bool, "disable_chunked_context".
	// "" is most: false is then said by not passing the flag.
	Off string `cty:"off"`
	// Global flags stand before the subcommand.
	Global bool `cty:"global"`
	// PerRun: the flag says what is sent to the engine, not what the engine is.
	PerRun bool `cty:"per_run"`
	// Short is a flag's name of one letter, "m" for -m; "" is none.
	Short string `cty:"short"`
	// AliasOf is the flag that this one is another name of, "" for none.
	AliasOf string `cty:"alias_of"`
	// Ours says in a sentence why llmbench sets the flag itself; "" leaves it to
	// definitions.
	Ours string `cty:"ours"`
}

// Outside says how n leaves the bounds, to end a sentence: "must be at least 1".
// It is "" for a number that is within them.
func (f *Fact) Outside(n float64) string {
	text := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	low, high := f.Min != nil && n < *f.Min, f.Max != nil && n > *f.Max
	switch {
	case (low || high) && f.Min != nil && f.Max != nil:
		return "must be from " + text(f.Min) + " to " + text(f.Max)
	case low:
		return "must be at least " + text(f.Min)
	case high:
		return "must be at most " + text(f.Max)
	}
	return ""
}

// Flag finds a flag by its name.
func (v *Version) Flag(name string) (*Fact, bool) { return find(v.Flags, name) }

// Option finds an option by its path.
func (v *Version) Option(path string) (*Fact, bool) { return find(v.Options, path) }

func find(facts []*Fact, name string) (*Fact, bool) {
	return first(facts, func(f *Fact) bool { return f.Name == name })
}

// HasBelow reports whether there are options, or renames of options, inside the one
// at path.
func (v *Version) HasBelow(path string) bool {
	for old := range v.renames {
		if strings.HasPrefix(old, path+".") {
			return true
		}
	}
	return slices.ContainsFunc(v.Options, func(o *Fact) bool { return strings.HasPrefix(o.Name, path+".") })
}

// Renamed returns the version's own spelling of a path that is spelt for
// another version, or mistaken.
func (v *Version) Renamed(path string) (newPath string, ok bool) {
	newPath, ok = v.renames[path]
	return newPath, ok
}

// OptionChanged reports whether an option is not the same in both versions.
func (v *Version) OptionChanged(o *Version, path string) bool {
	a, inV := v.Option(path)
	b, inO := o.Option(path)
	return inV != inO || inV && (a.Type != b.Type || !slices.Equal(a.Values, b.Values))
}

// FlagChanged reports whether a flag is not the same in both versions.
func (v *Version) FlagChanged(o *Version, name string) bool {
	a, inV := v.Flag(name)
	b, inO := o.Flag(name)
	return inV != inO || inV && (a.Type != b.Type || a.Off != b.Off || !slices.Equal(a.Values, b.Values) || !a.Default.RawEquals(b.Default))
}

// types are what is a value of each type.
var types = map[string]func(cty.Value) bool{
	"any":          func(cty.Value) bool { return true },
	"bool":         func(v cty.Value) bool { return v.Type() == cty.Bool },
	"float":        func(v cty.Value) bool { return v.Type() == cty.Number },
	"int":          isWhole,
	"object":       func(v cty.Value) bool { return v.Type().IsObjectType() || v.Type().IsMapType() },
	"string":       isString,
	"list(int)":    func(v cty.Value) bool { return isListOf(v, isWhole) },
	"list(string)": func(v cty.Value) bool { return isListOf(v, isString) },
}

// Is reports whether v is of the type of f. null is of every type.
func (f *Fact) Is(v cty.Value) bool { return v.IsNull() || types[f.Type](v) }

// Suits reports whether an option may have the value v.
func (f *Fact) Suits(v cty.Value) bool {
	switch {
	case !f.Is(v):
		return false
	case v.IsNull() || f.Type == "any":
		return true
	case v.Type() == cty.Number:
		n, _ := v.AsBigFloat().Float64()
		return f.Outside(n) == ""
	case v.Type() == cty.String:
		return len(f.Values) == 0 || slices.Contains(f.Values, v.AsString())
	}
	return true
}

func isString(v cty.Value) bool { return v.Type() == cty.String }

func isWhole(v cty.Value) bool {
	if v.Type() != cty.Number || v.IsNull() {
		return false
	}
	_, accuracy := v.AsBigFloat().Int64()
	return accuracy == big.Exact
}

func isListOf(v cty.Value, is func(cty.Value) bool) bool {
	return (v.Type().IsTupleType() || v.Type().IsListType()) &&
		!slices.ContainsFunc(v.AsValueSlice(), func(e cty.Value) bool { return e.IsNull() || !is(e) })
}

var factType = func() cty.Type {
	ty, err := gocty.ImpliedType(Fact{})
	if err != nil {
		panic("catalog: " + err.Error())
	}
	return ty
}()

// newFact reads the value of an attribute, which names the facts of one flag or option.
func newFact(v cty.Value) (f Fact, err error) {
	if !v.Type().IsObjectType() || v.IsNull() {
		return f, errors.New("it must be an object")
	}
	attrs := v.AsValueMap()
	if attrs["type"] == cty.NilVal {
		return f, errors.New(`attribute "type" is required`)
	}
	for name := range attrs {
		if !factType.HasAttribute(name) {
			return f, fmt.Errorf("unknown attribute %q", name)
		}
	}
	for name, ty := range factType.AttributeTypes() {
		switch {
		case attrs[name] != cty.NilVal && !attrs[name].IsNull():
		case ty == cty.String:
			attrs[name] = cty.StringVal("")
		case ty == cty.Bool:
			attrs[name] = cty.False
		default:
			attrs[name] = cty.NullVal(ty)
		}
	}
	if v, err = convert.Convert(cty.ObjectVal(attrs), factType); err == nil {
		err = gocty.FromCtyValue(v, &f)
	}
	return f, err
}

// written is what f says as the value of an attribute.
func (f *Fact) written() cty.Value {
	v, err := gocty.ToCtyValue(f, factType)
	if err != nil {
		panic("catalog: " + err.Error())
	}
	attrs := v.AsValueMap()
	nothing := []cty.Value{cty.False, cty.StringVal(""), cty.ListValEmpty(cty.String)}
	maps.DeleteFunc(attrs, func(name string, v cty.Value) bool {
		return v.IsNull() || name != "default" && slices.ContainsFunc(nothing, v.RawEquals)
	})
	return cty.ObjectVal(attrs)
}
