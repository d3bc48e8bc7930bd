package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// newRun is the run of a cell with its arguments, before it is proven.
func (c candidate) newRun() *Run {
	cell, b := c.cell, c.b
	options := b.optionsOf(cell, c.args.all)
	m, h, i := cell.Model, cell.Hardware, cell.Image
	run := &Run{
		Address: cell.Address,
		Changes: []Change{},
		State:   Samples{Wanted: max(1, cell.Samples)}.normal(),
		Model: Model{
			Label: m.Label, Checkpoint: m.Checkpoint, Revision: optional(m.Revision),
			Path: optional(m.Path), Quantization: m.Quantization,
		},
		Hardware:           Hardware{Label: h.Label, GPU: h.GPU, GPUs: h.GPUs, GPUsPerNode: h.GPUsPerNode, Nodes: h.GPUs / max(1, h.GPUsPerNode)},
		Image:              Image{Label: i.Label, Name: i.Name, Digest: optional(i.Digest), TRTLLMVersion: i.TRTLLMVersion},
		UseCase:            newUseCase(cell.UseCase),
		Dataset:            c.data.Dataset,
		Executor:           c.place.Ref,
		Settings:           once(b.memo, c.place.Ref, func() ExecutorIdentity { return c.place.Renderer.Identity().normal() }),
		Engine:             cell.Engine,
		TimeLimitSeconds:   int(math.Ceil(cell.TimeLimit.Seconds())),
		RequestLog:         b.requestLog(cell),
		SLO:                newSLO(cell.SLO),
		Env:                b.envOf(cell),
		Arguments:          c.args.all,
		Declared:           declaredFacts(cell, b.Catalog),
		Facts:              b.Catalog.Declared,
		LLMAPIOptions:      options.value,
		Origins:            Origins{cell: cell, other: c.args.origins},
		Notes:              []Note{},
		FingerprintVersion: FingerprintVersion,
		precision:          precision{wanted: cell.Precision, most: cell.MaxSamples},
		options:            options,
		cluster:            c.place.Cluster,
		transient:          c.place.Transient,
		retries:            c.place.Retries,
		renderer:           c.place.Renderer,
	}
	if len(b.searched(cell.Benchmark)) > 0 {
		run.State.Wanted = 1 // a search says where more are worth it
	}
	run.Simulated = run.Settings.Simulated
	run.Fingerprint = NewIdentity(run, run.Settings).Fingerprint()
	return run
}

func newUseCase(u *schema.UseCase) UseCase {
	out := UseCase{Label: u.Label}
	if u.Dataset == "" {
		out.ISL, out.OSL, out.ISLStdev, out.OSLStdev, out.Seed = ptr(u.ISL), ptr(u.OSL), ptr(u.ISLStdev), ptr(u.OSLStdev), ptr(u.Seed)
	}
	return out
}

// argument is the value of a flag as trtllm.Arguments holds it.
func argument(v cty.Value) any {
	switch v := plainValue(v).(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
		return v
	case []any:
		list := []string{}
		for _, e := range v {
			list = append(list, fmt.Sprint(e))
		}
		return list
	default:
		return v
	}
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

// envOf is the environment of a cell; secrets are nil.
func (b *builder) envOf(cell *schema.Cell) map[string]*string {
	return once(b.memo, cell.Env, func() map[string]*string {
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

// argumentsOf converts the flags of a cell, and adds what follows from other arguments.
// The option for the KV fraction stands for the flag, which is passed with the same value.
func (b *builder) argumentsOf(cell *schema.Cell, data *requests) *argumentsPart {
	fraction := once(b.memo, cell.Options, func() float64 {
		if f, ok := optionAt(plainValue(cell.Options.Value), "kv_cache_config.free_gpu_memory_fraction").(float64); ok {
			return f
		}
		return -1
	})
	return once(b.memo, [3]any{cell.Args, data.bound(), fraction}, func() *argumentsPart {
		all := trtllm.Arguments{"backend": "pytorch"}
		from := map[string]Origin{"backend": {From: "version"}, "llm_api_options.kv_cache_config.enable_block_reuse": {From: "llmbench"}}
		for _, f := range cell.Version.Flags {
			if v := cell.Args.Get(f.Name); v != cty.NilVal {
				all[f.Name] = argument(v)
			}
		}
		for _, f := range cell.Version.Flags {
			if f.Off != "" && all[f.Name] == false {
				all[f.Off] = true
			}
		}
		if all["max_seq_len"] == nil {
			from["max_seq_len"] = Origin{From: "llmbench"}
			if data.bound() > 0 {
				all["max_seq_len"] = int64(data.bound())
			}
		}
		if all[fractionFlag] != nil {
			from[fractionOption] = Origin{From: "llmbench"}
		}
		if fraction >= 0 {
			all[fractionFlag] = fraction
		}
		return &argumentsPart{all, from}
	})
}

const fractionFlag = "kv_cache_free_gpu_mem_fraction"

// An optionsPart is the options file of cells that have it in common.
type optionsPart struct {
	value any // as JSON decodes it
	yaml  string
	err   error // why it cannot be written
}

func (b *builder) optionsOf(cell *schema.Cell, args trtllm.Arguments) *optionsPart {
	var fraction *float64
	f, passed := args.Float(fractionFlag)
	if passed {
		fraction = &f
	}
	return once(b.memo, [3]any{cell.Options, passed, f}, func() *optionsPart {
		return newOptions(plainValue(trtllm.CompleteOptions(cell.Options.Value, fraction)))
	})
}

func newOptions(value any) *optionsPart {
	var options ctyjson.SimpleJSONValue
	if err := json.Unmarshal(mustJSON(value), &options); err != nil {
		panic("plan: options are not JSON: " + err.Error())
	}
	yaml, err := trtllm.OptionsYAML(options.Value)
	return &optionsPart{value: value, yaml: string(yaml), err: err}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("plan: value is not JSON: " + err.Error())
	}
	return b
}
