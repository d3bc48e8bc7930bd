package trtllm

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/schema/catalog"
)

// A UsageError is a command line that trtllm-bench does not take, or one that
// asks for help, with the exit code 0.
type UsageError struct {
	Text     string // without the last line end
	ExitCode int
}

func (e *UsageError) Error() string { return e.Text }

func refuse(format string, args ...any) error {
	return &UsageError{Text: "Error: trtllm-bench would refuse this: " + fmt.Sprintf(format, args...), ExitCode: 2}
}

// ParseArgv reads the command line of trtllm-bench throughput, without the
// program's name, as version v takes it: global flags before the subcommand, the
// other ones behind it, --flag value and --flag=value, the last one counts. What v
// would refuse before it opens a file is a *UsageError.
//
// Whole numbers of Args are int64. --disable_chunked_context makes
// enable_chunked_context false and itself true.
func ParseArgv(argv []string, v *catalog.Version) (*Invocation, error) {
	r := argvReader{version: v, words: argv, args: Arguments{}, global: true}
	if err := r.read(); err != nil {
		return nil, err
	}
	switch {
	case len(r.words) == 0:
		return nil, refuse("there is no subcommand; write throughput")
	case r.words[0] != "throughput":
		return nil, refuse("only the subcommand throughput can be simulated, not %q", r.words[0])
	}
	r.words, r.global = r.words[1:], false
	if err := r.read(); err != nil {
		return nil, err
	}
	if len(r.words) > 0 {
		return nil, refuse("%q is not a flag", r.words[0])
	}
	return r.invocation()
}

// An argvReader takes the flags of one level off words, then those of the next.
type argvReader struct {
	version *catalog.Version
	words   []string
	args    Arguments
	global  bool
}

// read takes flags up to the first word that is none.
func (r *argvReader) read() error {
	for len(r.words) > 0 {
		word := r.words[0]
		if word == "--" {
			r.words = r.words[1:]
			return nil
		}
		if len(word) < 2 || word[0] != '-' {
			return nil
		}
		r.words = r.words[1:]
		if err := r.flag(word); err != nil {
			return err
		}
	}
	return nil
}

// flag takes one flag, and its value where that is the next word.
func (r *argvReader) flag(word string) error {
	name, value, given := strings.Cut(word, "=")
	if name == "--help" {
		return &UsageError{Text: r.help()}
	}
	if word[1] != '-' {
		name, value, given = word[:2], word[2:], len(word) > 2
	}
	f := r.find(name)
	if f == nil {
		return r.unknown(name)
	}
	if f.Type == "bool" {
		if given {
			return refuse("%s takes no value", name)
		}
		r.args[f.Name] = name != "--"+f.Off
		if name == "--"+f.Off {
			r.args[f.Off] = true
		} else {
			delete(r.args, f.Off)
		}
		return nil
	}
	if !given && len(r.words) == 0 {
		return refuse("%s needs a value", name)
	}
	if !given {
		value, r.words = r.words[0], r.words[1:]
	}
	return r.take(f, value)
}

// find returns the flag that is called name on this level, nil if there is none.
func (r *argvReader) find(name string) *catalog.Fact {
	i := slices.IndexFunc(r.version.Flags, func(f *catalog.Fact) bool {
		return f.Global == r.global && (name == "--"+f.Name || f.Off != "" && name == "--"+f.Off || f.Short != "" && name == "-"+f.Short)
	})
	if i < 0 {
		return nil
	}
	return r.version.Flags[i]
}

func (r *argvReader) unknown(name string) error {
	other := argvReader{version: r.version, global: !r.global}
	switch {
	case other.find(name) == nil:
		return refuse("version %s has no flag %s", r.version.Name, name)
	case r.global:
		return refuse("the flag %s comes after throughput", name)
	}
	return refuse("the flag %s comes before throughput", name)
}

// take keeps a value that the flag allows.
func (r *argvReader) take(f *catalog.Fact, text string) error {
	name := f.Name
	if f.AliasOf != "" {
		name = f.AliasOf
	}
	switch f.Type {
	case "int":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return refuse("--%s must be a whole number, not %q", f.Name, text)
		}
		if wrong := f.Outside(float64(n)); wrong != "" {
			return refuse("--%s %s, not %d", f.Name, wrong, n)
		}
		r.args[name] = n
	case "float":
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return refuse("--%s must be a number, not %q", f.Name, text)
		}
		if wrong := f.Outside(x); wrong != "" {
			return refuse("--%s %s, not %s", f.Name, wrong, text)
		}
		r.args[name] = x
	case "list(string)":
		list, _ := r.args[name].([]string)
		r.args[name] = append(slices.Clip(list), text)
	default:
		if len(f.Values) > 0 && !slices.Contains(f.Values, text) {
			return refuse("--%s must be one of %s, not %q", f.Name, strings.Join(f.Values, ", "), text)
		}
		r.args[name] = text
	}
	return nil
}

// invocation moves what has a field of its own there.
func (r *argvReader) invocation() (*Invocation, error) {
	inv := &Invocation{Args: r.args}
	for name, to := range inv.fields() {
		*to = r.args.String(name)
		delete(r.args, name)
	}
	delete(r.args, "telemetry")
	delete(r.args, "no-telemetry")
	switch {
	case inv.Model == "":
		return nil, refuse("--model is missing")
	case inv.Dataset == "":
		return nil, refuse("--dataset is missing")
	}
	return inv, nil
}

// help lists the flags of the level.
func (r *argvReader) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Flags of trtllm-bench %s that are simulated:\n", r.version.Name)
	for _, f := range r.version.Flags {
		if f.Global != r.global {
			continue
		}
		takes := map[string]string{"int": " NUMBER", "float": " NUMBER", "string": " STRING", "list(string)": " STRING"}[f.Type]
		if len(f.Values) > 0 {
			takes = " " + strings.Join(f.Values, "|")
		}
		fmt.Fprintf(&b, "  --%s%s\n", f.Name, takes)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Arguments are the flags of trtllm-bench throughput by argument name, without
// dashes. Values are int64, float64, bool, string or []string; float64 stands
// for whole numbers too once a document was read back. A flag that is absent or
// nil is not passed.
type Arguments map[string]any

// Int returns the whole number of a flag; ok is false when it is not passed.
func (a Arguments) Int(name string) (n int, ok bool) {
	f, ok := a.Float(name)
	return int(f), ok && f == float64(int(f))
}

// Float returns the number of a flag; ok is false when it is not passed.
func (a Arguments) Float(name string) (f float64, ok bool) {
	switch v := a[name].(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	}
	return 0, false
}

// Bool reports whether a switch is on.
func (a Arguments) Bool(name string) bool {
	v, _ := a[name].(bool)
	return v
}

// String returns the text of a flag, "" when it is not passed.
func (a Arguments) String(name string) string {
	v, _ := a[name].(string)
	return v
}

// ChunkedContext reports whether the engine splits prompts over iterations: the
// options file's enable_chunked_prefill decides where it is there, else the flag.
func (a Arguments) ChunkedContext(options any) bool {
	top, _ := options.(map[string]any)
	if on, ok := top["enable_chunked_prefill"].(bool); ok {
		return on
	}
	return a.Bool("enable_chunked_context")
}

// An Invocation is one call of trtllm-bench throughput.
type Invocation struct {
	// Model is the checkpoint's Hugging Face id, ModelPath the folder it lies in;
	// "" leaves it to trtllm-bench to download it.
	Model, ModelPath string
	Args             Arguments
	// Dataset, Report and Options are paths as emitted: --dataset,
	// --report_json, --request_json and --extra_llm_api_options.
	Dataset, Report, Requests, Options string
}

// fields are the flags that have a field of their own.
func (inv *Invocation) fields() map[string]*string {
	return map[string]*string{
		"model": &inv.Model, "model_path": &inv.ModelPath,
		"dataset": &inv.Dataset, "report_json": &inv.Report, "request_json": &inv.Requests, "extra_llm_api_options": &inv.Options,
	}
}

// Argv is the command line behind the launcher, in a form that all catalogued
// versions take: global flags before the subcommand, the options file under its
// long name, the backend explicit, each value an argument of its own. Flags come in
// the catalogue's order; those that it does not know come last, by name. A switch
// is passed when it is true: what switches chunked context off is the flag
// disable_chunked_context, for the versions that have it.
//
// Args must not name what the other fields hold.
func (inv Invocation) Argv() []string {
	args := maps.Clone(inv.Args)
	if args == nil {
		args = Arguments{}
	}
	if args["backend"] == nil {
		args["backend"] = "pytorch"
	}
	for name, p := range inv.fields() {
		if *p != "" {
			args[name] = *p
		}
	}
	var argv []string
	flags := catalog.Load().Flags()
	for _, global := range []bool{true, false} {
		for _, f := range flags {
			if f.Global == global {
				argv = emit(argv, f.Name, args[f.Name])
				delete(args, f.Name)
			}
		}
		if global {
			argv = append(argv, "throughput")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		argv = emit(argv, name, args[name])
	}
	return argv
}

// emit appends a flag with its value, if there is one.
func emit(argv []string, name string, value any) []string {
	flag := "--" + name
	switch v := value.(type) {
	case nil:
		return argv
	case bool:
		if v {
			argv = append(argv, flag)
		}
		return argv
	case string, int, int64:
		return append(argv, flag, fmt.Sprint(v))
	case float64:
		return append(argv, flag, strconv.FormatFloat(v, 'f', -1, 64))
	case []string:
		for _, e := range v {
			argv = append(argv, flag, e)
		}
		return argv
	case []any: // a list that was read back from JSON
		for _, e := range v {
			argv = append(argv, flag, fmt.Sprint(e))
		}
		return argv
	}
	panic(fmt.Sprintf("trtllm: flag %s has a value of type %T", flag, value))
}
