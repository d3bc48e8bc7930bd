package catalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// A Version is a release of TensorRT-LLM: what its trtllm-bench throughput and
// its LLM API take.
type Version struct {
	Name string // "1.0.0rc1"
	From string // the user's file that declares it, "" for a built-in one
	// Sources are the files and pages that its facts were read in: those of most flags
	// and options first.
	Sources []string
	// SharedSamplingParams: requests share one object, so that with a
	// concurrency limit and a variable OSL they take each other's lengths.
	SharedSamplingParams bool
	// ChunkedDefault: context is chunked unless a flag says otherwise.
	ChunkedDefault bool
	// ShallowKVMerge: kv_cache_config of the options file replaces all that the
	// flags and trtllm-bench set in it.
	ShallowKVMerge bool
	// GraphSizesExcludeMax: CUDA graph batch sizes and their maximum are refused
	// together.
	GraphSizesExcludeMax bool
	// GraphDefaultMax is up to which batch size CUDA graphs are captured where
	// cuda_graph_config says neither sizes nor a maximum; 0 is max_batch_size.
	GraphDefaultMax int
	// GraphPowersBelow: of the powers of two above 128 the largest below the maximum
	// has no graph.
	GraphPowersBelow bool
	// GraphStep is how far padded sizes above 128 are apart; 0 takes powers of two.
	GraphStep int
	// NestedKeysIgnored: a key that is not known is refused at the top of the
	// options file only.
	NestedKeysIgnored bool
	Flags             []*Flag
	Options           []*Option
	Renames           []*Rename

	release, from release
	// Where flags and options were read that do not say it themselves.
	flagsSource, optionsSource string

	flags   map[string]*Flag
	options map[string]*Option
	renames map[string]string
}

// A Range bounds numbers: both ends are allowed, nil is no bound.
type Range struct{ Min, Max *float64 }

// A Flag is a flag of trtllm-bench or of its subcommand throughput.
type Flag struct {
	Name string // "max_batch_size", "tp"
	Type string // int, float, bool, string or list(string)
	// Default is the flag's value if nothing is declared; null passes nothing.
	Default cty.Value
	// Off is the flag that stands for false of a bool, "disable_chunked_context".
	// "" is most: false is then said by not passing the flag.
	Off string
	Range
	// Values are all that are allowed; nil allows any.
	Values []string
	// Global flags stand before the subcommand.
	Global bool
	// File: the value is the path of a file or folder.
	File bool
	// PerRun: the flag says what is sent to the engine, not what the engine is.
	PerRun bool
	// Short is a name of one letter, "m" for -m; "" is none.
	Short string
	// AliasOf is the flag that this one is another name of, "" for none.
	AliasOf string
	// Ours says in a sentence why llmbench sets the flag itself; "" leaves it to
	// definitions.
	Ours string
	// Source is the file or page that it was read in.
	Source string
}

// An Option is a key of the options file.
type Option struct {
	Path string // "kv_cache_config.dtype"
	// Type is bool, int, float, string, list(int), list(string), object or any.
	// The keys inside an object are options, those inside any are not known.
	Type string
	Range
	Values []string // all that are allowed; nil allows any
	// File: the value is the path of a file or folder, or a name on a hub.
	File bool
	// Overrides is the flag or other argument that the key would silently
	// override, "" for none.
	Overrides string
	// Source is the file or page that it was read in.
	Source string
}

// A Rename is a spelling that is wrong in a version and right in another, or a
// common mistake, with the version's own.
type Rename struct{ Old, New string }

// Outside says how n leaves the range, to end a sentence: "must be at least 1".
// It is "" for a number that is in it.
func (r Range) Outside(n float64) string {
	text := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	low, high := r.Min != nil && n < *r.Min, r.Max != nil && n > *r.Max
	switch {
	case (low || high) && r.Min != nil && r.Max != nil:
		return "must be from " + text(r.Min) + " to " + text(r.Max)
	case low:
		return "must be at least " + text(r.Min)
	case high:
		return "must be at most " + text(r.Max)
	}
	return ""
}

// Flag finds a flag by its name.
func (v *Version) Flag(name string) (*Flag, bool) {
	f, ok := v.flags[name]
	return f, ok
}

// Option finds an option by its path.
func (v *Version) Option(path string) (*Option, bool) {
	o, ok := v.options[path]
	return o, ok
}

// HasBelow reports whether there are options inside the one at path.
func (v *Version) HasBelow(path string) bool {
	return slices.ContainsFunc(v.Options, func(o *Option) bool { return strings.HasPrefix(o.Path, path+".") })
}

// Renamed returns the version's own spelling of a path that is spelt for
// another version, or mistaken.
func (v *Version) Renamed(path string) (newPath string, ok bool) {
	newPath, ok = v.renames[path]
	return newPath, ok
}
