package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// RenameArrow joins the old and the new path of an option in Change.Argument
// when the version of the image spells the same option another way.
const RenameArrow = " → "

// changes lists what differs between the run measured last at an address and
// the run that is declared there now: model, hardware and image first, then
// use case, arguments, options and environment, each in order of name. Options
// that only changed their spelling come last.
func changes(before, after *Run) []Change {
	was, is := facts(before), facts(after)
	renamed := after.renamed(was, is)
	out := []Change{}
	for _, name := range factNames(was, is) {
		if !sameValue(was[name], is[name]) {
			out = append(out, Change{Argument: name, Before: was[name], After: is[name], Range: after.locationOf(name)})
		}
	}
	return append(out, renamed...)
}

// factOrder puts the blocks before the arguments.
var factOrder = []string{
	"model", "revision", "quantization", "gpu", "gpus", "gpus_per_node",
	"image", "digest", "trtllm_version", "use_case.isl", "use_case.osl", "use_case.isl_stdev", "use_case.osl_stdev",
	"dataset.generator", "dataset.seed", "dataset.rows", "dataset.sha256", "launcher",
	"mpi", "prolog", "exclusive", "cpus_per_task", "extra_args", "engine",
}

func facts(r *Run) map[string]any {
	f := map[string]any{
		"model": r.Model.Checkpoint, "revision": r.Model.Revision, "quantization": r.Model.Quantization,
		"gpu": r.Hardware.GPU, "gpus": r.Hardware.GPUs, "gpus_per_node": r.Hardware.GPUsPerNode,
		"image": r.Image.Name, "digest": r.Image.Digest, "trtllm_version": r.Image.TRTLLMVersion,
		"use_case.isl": r.UseCase.ISL, "use_case.osl": r.UseCase.OSL,
		"use_case.isl_stdev": r.UseCase.ISLStdev, "use_case.osl_stdev": r.UseCase.OSLStdev,
		"dataset.generator": r.Dataset.Generator, "dataset.seed": r.Dataset.Seed,
		"dataset.rows": r.Dataset.Lines, "dataset.sha256": r.Dataset.SHA256,
	}
	if f["engine"] = r.Engine; r.Engine == "" {
		f["engine"] = schema.FreshEngine // of a document of before
	}
	for name, v := range r.Settings.Facts() {
		f[name] = v
	}
	if r.Image.Name != "" && strings.HasSuffix(r.Image.Name, ":"+r.Image.TRTLLMVersion) {
		delete(f, "trtllm_version") // the tag says it
	}
	if r.Dataset.Generator != nil && sameValue(r.Dataset.Lines, r.Arguments["num_requests"]) {
		delete(f, "dataset.rows") // num_requests says it
	}
	for name, v := range r.Arguments {
		f[name] = v
	}
	leaves(f, "llm_api_options", r.LLMAPIOptions)
	if from := r.Origins.At(fractionOption).From; from == "" || from == "llmbench" {
		delete(f, fractionOption) // the flag says it
	}
	for name, v := range r.Env {
		if v != nil {
			f["env."+name] = *v
		}
	}
	return f
}

const fractionOption = "llm_api_options.kv_cache_config.free_gpu_memory_fraction"

func leaves(into map[string]any, path string, v any) {
	obj, ok := v.(map[string]any)
	if !ok || len(obj) == 0 {
		into[path] = v
		return
	}
	for k, e := range obj {
		leaves(into, path+"."+k, e)
	}
}

func factNames(a, b map[string]any) []string {
	rank := func(name string) int {
		if i := slices.Index(factOrder, name); i >= 0 {
			return i
		}
		switch {
		case strings.HasPrefix(name, "llm_api_options"):
			return len(factOrder) + 1
		case strings.HasPrefix(name, "env."):
			return len(factOrder) + 2
		}
		return len(factOrder)
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int { return cmp.Or(rank(a)-rank(b), cmp.Compare(a, b)) })
}

// renamed takes the options out of both sides that changed their spelling alone.
func (r *Run) renamed(was, is map[string]any) []Change {
	const prefix = "llm_api_options."
	version, ok := catalog.Load().Version(r.Image.TRTLLMVersion)
	if !ok {
		return nil
	}
	var out []Change
	var same []string
	for _, old := range slices.Sorted(maps.Keys(was)) {
		value, path := was[old], strings.TrimPrefix(old, prefix)
		_, still := is[old]
		to, renamed := version.Renamed(path)
		if to = prefix + to; path == old || still || value == nil || !renamed || !sameMeaning(value, is, to) {
			continue
		}
		out = append(out, Change{Argument: old + RenameArrow + to, Before: value, After: value, Range: r.locationOf(to)})
		same = append(same, old, to)
	}
	for _, name := range same {
		delete(was, name)
		delete(is, name)
	}
	return out
}

// sameMeaning reports whether path holds value, or is an object that stands for
// a switch that was on.
func sameMeaning(value any, is map[string]any, path string) bool {
	if v, ok := is[path]; ok {
		return sameValue(value, v)
	}
	if value != true {
		return false
	}
	for name := range is {
		if strings.HasPrefix(name, path+".") {
			return true
		}
	}
	return false
}

// locationOf is where the value that a change names is declared now.
func (r *Run) locationOf(name string) *Range {
	tries := []string{name, strings.TrimPrefix(name, "dataset."), strings.TrimPrefix(name, "use_case.")}
	if !strings.HasPrefix(name, "llm_api_options.") {
		tries = append(tries, blockOf(name))
	}
	for _, try := range tries {
		if place := r.Origins.At(try).Range; place != nil {
			return place
		}
	}
	if o, ok := r.Origins.below(name + "."); ok {
		return o.Range
	}
	return r.Origins.At("use_case").Range
}

func blockOf(name string) string {
	switch name {
	case "revision", "quantization":
		return "model"
	case "gpu", "gpus", "gpus_per_node":
		return "hardware"
	case "digest", "trtllm_version":
		return "image"
	case "launcher", "mpi", "prolog", "exclusive", "cpus_per_task", "extra_args":
		return "executor"
	}
	return "use_case"
}

// sameValue compares two values by their JSON form, in which 8 and 8.0 are one.
func sameValue(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Compare lists what differs between two runs, as the changes of after. Parts
// that before does not have, because its document lacks them, are left out.
func Compare(before, after *Run) []Change {
	b := *before
	if b.LLMAPIOptions == nil {
		b.LLMAPIOptions = after.LLMAPIOptions
	}
	if b.Settings.Launcher == nil {
		b.Settings = after.Settings
	}
	if b.Env == nil {
		b.Env = after.Env
	}
	if b.Dataset.Lines == 0 {
		b.Dataset = after.Dataset
	}
	return changes(&b, after)
}
