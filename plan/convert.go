package plan

import (
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
		Origins:          Origins{cell: cell, other: originsOf(cell)},
		Notes:            []Note{},
		precision:        precision{wanted: cell.Precision, most: cell.MaxSamples},
		options:          options,
	}
}

// Origins that no cell knows: the backend is that of the version, and llmbench
// sets the options that go with it, the length of sequences where it is not
// declared, and the KV fraction as an option where it is a flag.
var ours = func() (maps [2][2]map[string]Origin) {
	for i := range maps {
		for j := range maps[i] {
			m := map[string]Origin{"backend": {From: "version"}, "llm_api_options.kv_cache_config.enable_block_reuse": {From: "llmbench"}}
			if i == 1 {
				m["max_seq_len"] = Origin{From: "llmbench"}
			}
			if j == 1 {
				m[fractionOption] = Origin{From: "llmbench"}
			}
			maps[i][j] = m
		}
	}
	return maps
}()

// originsOf are the origins that cell does not know.
func originsOf(cell *schema.Cell) map[string]Origin {
	absent, given := 0, 0
	if cell.Args.Get("max_seq_len").IsNull() {
		absent = 1
	}
	if !cell.Args.Get("kv_cache_free_gpu_mem_fraction").IsNull() {
		given = 1
	}
	return ours[absent][given]
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
