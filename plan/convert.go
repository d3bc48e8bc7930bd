package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// newRun copies the declared part of a cell into a run.
func (p *parts) newRun(cell *schema.Cell, data *requests, args *argumentsPart) *Run {
	options := p.optionsOf(cell, args.all)
	m, h, i := cell.Model, cell.Hardware, cell.Image
	return &Run{
		Address: cell.Address,
		Changes: []Change{},
		State:   Samples{Wanted: max(1, cell.Samples)}.normal(),
		Model: Model{
			Label: m.Label, Checkpoint: m.Checkpoint, Revision: optional(m.Revision),
			Path: optional(m.Path), Quantization: m.Quantization,
		},
		Hardware:         Hardware{Label: h.Label, GPU: h.GPU, GPUs: h.GPUs, GPUsPerNode: h.GPUsPerNode, Nodes: h.GPUs / h.GPUsPerNode},
		Image:            Image{Label: i.Label, Name: i.Name, Digest: optional(i.Digest), TRTLLMVersion: i.TRTLLMVersion},
		UseCase:          newUseCase(cell.UseCase),
		Dataset:          data.Dataset,
		Engine:           cell.Engine,
		TimeLimitSeconds: int(math.Ceil(cell.TimeLimit.Seconds())),
		SLO:              newSLO(cell.SLO),
		Env:              p.envOf(cell),
		Arguments:        args.all,
		LLMAPIOptions:    options.value,
		Origins:          Origins{cell: cell, other: args.origins},
		Notes:            []Note{},
		precision:        precision{wanted: cell.Precision, most: cell.MaxSamples},
		options:          options,
	}
}

func newUseCase(u *schema.UseCase) UseCase {
	out := UseCase{Label: u.Label}
	if u.Dataset == "" {
		out.ISL, out.OSL, out.ISLStdev, out.OSLStdev, out.Seed = ptr(u.ISL), ptr(u.OSL), ptr(u.ISLStdev), ptr(u.OSLStdev), ptr(u.Seed)
	}
	return out
}

func kvFraction(args trtllm.Arguments) *float64 {
	if f, ok := args.Float("kv_cache_free_gpu_mem_fraction"); ok {
		return &f
	}
	return nil
}

// argument is the value of a flag as trtllm.Arguments holds it.
func argument(v cty.Value) any {
	if v.IsNull() {
		return nil
	}
	switch ty := v.Type(); {
	case ty == cty.Bool:
		return v.True()
	case ty == cty.String:
		return v.AsString()
	case ty == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f)
		}
		return f
	case ty.IsListType() || ty.IsTupleType() || ty.IsSetType():
		list := []string{}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			list = append(list, fmt.Sprint(argument(e)))
		}
		return list
	}
	panic("plan: flag of type " + v.Type().FriendlyName())
}

// plainValue is a value as JSON decodes it: maps, slices, float64, strings,
// booleans and nil. A null value gives nil.
func plainValue(v cty.Value) any {
	if v == cty.NilVal || v.IsNull() {
		return nil
	}
	switch ty := v.Type(); {
	case ty == cty.Bool:
		return v.True()
	case ty == cty.String:
		return v.AsString()
	case ty == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		return f
	case ty.IsObjectType() || ty.IsMapType():
		out := make(map[string]any, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			out[k.AsString()] = plainValue(e)
		}
		return out
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		out := make([]any, 0, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			out = append(out, plainValue(e))
		}
		return out
	}
	panic("plan: value of type " + v.Type().FriendlyName())
}

// Jobs are those that measure the run as planned: its own, or those that it shares with
// others. They are rendered anew at each call; there are none for a run that was read.
func (r *Run) Jobs() []*Job {
	if r.shared == nil && r.renderer != nil {
		return []*Job{r.renderer.Job(r)}
	}
	return r.shared
}

// Command is the run's one command, trtllm-bench behind the launcher, with the files
// that it reads. It follows from the run alone.
func (r *Run) Command() Step {
	inv := trtllm.Invocation{
		Model: r.Model.Checkpoint, ModelPath: deref(r.Model.Path), Args: r.Arguments,
		Dataset: jobdir.DatasetFile, Report: jobdir.ReportFile, Options: OptionsFile,
	}
	if r.RequestLog {
		inv.Requests = jobdir.RequestsFile
	}
	options := r.options
	if options == nil { // it was read, or made by hand
		options = newOptions(r.LLMAPIOptions)
	}
	step := Step{
		Name:  "benchmark",
		Argv:  append(slices.Clone(r.Settings.Launcher), inv.Argv()...),
		Files: map[string]string{OptionsFile: options.yaml},
	}
	if len(r.Declared) > 0 {
		step.Files[FactsFile] = r.Facts
	}
	return step
}

// The files of a step: OptionsFile holds the options of the LLM API, FactsFile the facts
// that the user declared, where the run depends on some.
const (
	OptionsFile = "config.yml"
	FactsFile   = "facts" + catalog.Suffix
)

// ctyValue is the inverse of plainValue.
func ctyValue(v any) cty.Value {
	switch v := v.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType)
	case bool:
		return cty.BoolVal(v)
	case string:
		return cty.StringVal(v)
	case float64:
		return cty.NumberFloatVal(v)
	case []any:
		list := make([]cty.Value, 0, len(v))
		for _, e := range v {
			list = append(list, ctyValue(e))
		}
		return cty.TupleVal(list)
	case map[string]any:
		obj := make(map[string]cty.Value, len(v))
		for k, e := range v {
			obj[k] = ctyValue(e)
		}
		return cty.ObjectVal(obj)
	}
	panic(fmt.Sprintf("plan: %T is not JSON", v))
}

// parts are what runs of one plan have in common, each made once: a matrix of
// 10,000 cells has few options and data sets. Runs must not change what they share.
type parts struct {
	arguments map[argumentsKey]*argumentsPart
	options   map[optionsKey]*optionsPart
	envs      map[*schema.Environment]map[string]*string
	data      map[dataKey]*requests
	settings  map[ExecutorRef]ExecutorIdentity
}

func newParts() *parts {
	return &parts{
		arguments: map[argumentsKey]*argumentsPart{}, options: map[optionsKey]*optionsPart{}, envs: map[*schema.Environment]map[string]*string{},
		data: map[dataKey]*requests{}, settings: map[ExecutorRef]ExecutorIdentity{},
	}
}

// once returns what is kept under a key, and makes it the first time.
func once[K comparable, V any](kept map[K]V, key K, make func() V) V {
	v, ok := kept[key]
	if !ok {
		v = make()
		kept[key] = v
	}
	return v
}

// envOf is the environment of a cell; secrets are nil.
func (p *parts) envOf(cell *schema.Cell) map[string]*string {
	return once(p.envs, cell.Env, func() map[string]*string {
		env := map[string]*string{}
		for _, e := range cell.Env.Vars {
			if e.Sensitive {
				env[e.Name] = nil
			} else {
				env[e.Name] = ptr(e.Value)
			}
		}
		return env
	})
}

// An argumentsPart is the arguments of cells that have them all in common, and the
// origins that no cell knows: the backend is that of the version, and llmbench sets the
// options that go with it, the length of sequences where it is not declared, and the KV
// fraction as an option where it is a flag.
type argumentsPart struct {
	all     trtllm.Arguments
	origins map[string]Origin
}

type argumentsKey struct {
	args     *schema.Args
	longest  int
	fraction float64 // of the options, -1 for none
}

// argumentsOf converts the flags of a cell.
func (p *parts) argumentsOf(cell *schema.Cell, data *requests) *argumentsPart {
	return once(p.arguments, argumentsKey{cell.Args, data.bound(), optionFraction(cell)}, func() *argumentsPart {
		all := trtllm.Arguments{"backend": "pytorch"}
		for _, f := range cell.Version.Flags {
			if v := cell.Args.Get(f.Name); v != cty.NilVal {
				all[f.Name] = argument(v)
			}
		}
		from := map[string]Origin{"backend": {From: "version"}, "llm_api_options.kv_cache_config.enable_block_reuse": {From: "llmbench"}}
		if all["max_seq_len"] == nil {
			from["max_seq_len"] = Origin{From: "llmbench"}
		}
		if all[fractionFlag] != nil {
			from[fractionOption] = Origin{From: "llmbench"}
		}
		complete(all, cell, data)
		return &argumentsPart{all, from}
	})
}

// complete adds what follows from other arguments.
func complete(args trtllm.Arguments, cell *schema.Cell, data *requests) {
	for _, f := range cell.Version.Flags {
		if f.Off != "" && args[f.Name] == false {
			args[f.Off] = true
		}
	}
	if f := optionFraction(cell); f >= 0 {
		args[fractionFlag] = f
	}
	if args["max_seq_len"] == nil && data.bound() > 0 {
		args["max_seq_len"] = int64(data.bound())
	}
}

const fractionFlag = "kv_cache_free_gpu_mem_fraction"

// optionFraction is kv_cache_config.free_gpu_memory_fraction as declared, -1 if it is
// not: it stands for the flag, which is passed with the same value.
func optionFraction(cell *schema.Cell) float64 {
	if f, ok := optionOf(cell, "kv_cache_config.free_gpu_memory_fraction"); ok && f.Type() == cty.Number {
		n, _ := f.AsBigFloat().Float64()
		return n
	}
	return -1
}

// An optionsPart is the options file of cells that have it in common.
type optionsPart struct {
	value any // as JSON decodes it
	yaml  string
	err   error // why it cannot be written
}

type optionsKey struct {
	options  *schema.LLMAPIOptions
	fraction float64 // -1: none
}

func (p *parts) optionsOf(cell *schema.Cell, args trtllm.Arguments) *optionsPart {
	fraction := kvFraction(args)
	key := optionsKey{cell.Options, -1}
	if fraction != nil {
		key.fraction = *fraction
	}
	return once(p.options, key, func() *optionsPart {
		return newOptions(plainValue(trtllm.CompleteOptions(cell.Options.Value, fraction)))
	})
}

func newOptions(value any) *optionsPart {
	yaml, err := trtllm.OptionsYAML(ctyValue(value))
	return &optionsPart{value: value, yaml: string(yaml), err: err}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("plan: value is not JSON: " + err.Error())
	}
	return b
}

// dataKey is what the requests of a cell depend on.
type dataKey struct {
	useCase *schema.UseCase
	lines   int
}
