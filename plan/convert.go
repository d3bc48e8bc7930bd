package plan

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// newRun copies the declared part of a cell into a run.
func newRun(cell *schema.Cell, data requests) *Run {
	r := &Run{
		Address: cell.Address,
		Changes: []Change{},
		State:   State{Wanted: max(1, cell.Samples)}.normal(),
		Model: Model{
			Label: cell.Model.Label, Checkpoint: cell.Model.Checkpoint, Revision: optional(cell.Model.Revision),
			Path: optional(cell.Model.Path), Quantization: cell.Model.Quantization,
		},
		Hardware: Hardware{
			Label: cell.Hardware.Label, GPU: cell.Hardware.GPU, GPUs: cell.Hardware.GPUs,
			GPUsPerNode: cell.Hardware.GPUsPerNode, Nodes: cell.Hardware.GPUs / cell.Hardware.GPUsPerNode,
		},
		Image: Image{
			Label: cell.Image.Label, Name: cell.Image.Name, Digest: optional(cell.Image.Digest),
			TRTLLMVersion: cell.Version.Name,
		},
		UseCase:          newUseCase(cell.UseCase),
		Dataset:          data.Dataset,
		TimeLimitSeconds: int(math.Ceil(cell.TimeLimit.Seconds())),
		Env:              map[string]*string{},
		Arguments:        newArguments(cell, data),
		Origins:          map[string]Origin{},
		Notes:            []Note{},
		precision:        precision{wanted: cell.Precision, most: cell.MaxSamples},
	}
	r.LLMAPIOptions = plainValue(trtllm.CompleteOptions(cell.Options, kvFraction(r.Arguments)))
	for _, e := range cell.Env {
		if e.Sensitive {
			r.Env[e.Name] = nil
		} else {
			r.Env[e.Name] = ptr(e.Value)
		}
	}
	for name, o := range cell.Origins.All() {
		r.Origins[name] = Origin{From: o.From, Range: NewRange(o.Range)}
	}
	if cell.Args.At("max_seq_len").IsNull() {
		r.Origins["max_seq_len"] = Origin{From: "llmbench"}
	}
	return r
}

func newUseCase(u *schema.UseCase) UseCase {
	out := UseCase{Label: u.Label}
	if u.Dataset == "" {
		out.ISL, out.OSL, out.ISLStdev, out.OSLStdev, out.Seed = ptr(u.ISL), ptr(u.OSL), ptr(u.ISLStdev), ptr(u.OSLStdev), ptr(u.Seed)
	}
	return out
}

// newArguments converts the flags of a cell. max_seq_len is always passed: the
// longest request unless it is declared.
func newArguments(cell *schema.Cell, data requests) trtllm.Arguments {
	args := trtllm.Arguments{"backend": "pytorch"}
	for name, v := range cell.Args.All() {
		args[name] = argument(v)
	}
	for _, f := range cell.Version.Flags {
		if f.Off != "" && args[f.Name] == false {
			args[f.Off] = true
		}
	}
	if args["max_seq_len"] == nil && data.longest > 0 {
		args["max_seq_len"] = int64(data.longest)
	}
	return args
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
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		panic("plan: value is not JSON: " + err.Error())
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		panic("plan: " + err.Error())
	}
	return out
}

// addSteps gives the run its one command: trtllm-bench behind the launcher.
func (r *Run) addSteps(launcher []string) error {
	options, err := trtllm.OptionsYAML(ctyValue(r.LLMAPIOptions))
	if err != nil {
		return err
	}
	inv := trtllm.Invocation{
		Model: r.Model.Checkpoint, ModelPath: deref(r.Model.Path), Args: r.Arguments,
		Dataset: DatasetFile, Report: ReportFile, Options: OptionsFile,
	}
	r.Steps = []Step{{
		Name:  "benchmark",
		Argv:  append(append([]string{}, launcher...), inv.Argv()...),
		Files: map[string]string{OptionsFile: string(options)},
	}}
	return nil
}

// The files of an attempt that trtllm-bench's command line names.
const (
	DatasetFile = "dataset.jsonl"
	ReportFile  = "report.json"
	OptionsFile = "config.yml"
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
