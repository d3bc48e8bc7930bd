package trtllm

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/llmbench/llmbench/schema/catalog"
)

// An Invocation is one call of trtllm-bench throughput.
type Invocation struct {
	// Model is the checkpoint's Hugging Face id, ModelPath the folder it lies in;
	// "" leaves it to trtllm-bench to download it.
	Model, ModelPath string
	Args             Arguments
	// Dataset, Report and Options are paths as emitted: --dataset,
	// --report_json and --extra_llm_api_options.
	Dataset, Report, Options string
}

// fields are the flags that have a field of their own.
func (inv *Invocation) fields() map[string]*string {
	return map[string]*string{
		"model": &inv.Model, "model_path": &inv.ModelPath,
		"dataset": &inv.Dataset, "report_json": &inv.Report, "extra_llm_api_options": &inv.Options,
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
	for _, f := range catalog.Load().Flags() {
		if f.Global {
			argv = emit(argv, f.Name, args[f.Name])
			delete(args, f.Name)
		}
	}
	argv = append(argv, "throughput")
	for _, f := range catalog.Load().Flags() {
		argv = emit(argv, f.Name, args[f.Name])
		delete(args, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		argv = emit(argv, name, args[name])
	}
	return argv
}

// emit appends a flag with its value, if there is one.
func emit(argv []string, name string, value any) []string {
	name = "--" + name
	switch v := value.(type) {
	case nil:
		return argv
	case bool:
		if v {
			return append(argv, name)
		}
		return argv
	case string:
		return append(argv, name, v)
	case int:
		return append(argv, name, strconv.Itoa(v))
	case int64:
		return append(argv, name, strconv.FormatInt(v, 10))
	case float64:
		return append(argv, name, strconv.FormatFloat(v, 'f', -1, 64))
	case []string:
		for _, e := range v {
			argv = append(argv, name, e)
		}
		return argv
	case []any: // a list that was read back from JSON
		for _, e := range v {
			argv = append(argv, name, fmt.Sprint(e))
		}
		return argv
	}
	panic(fmt.Sprintf("trtllm: flag %s has a value of type %T", name, value))
}
