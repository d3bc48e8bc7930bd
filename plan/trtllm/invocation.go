package trtllm

import (
	"fmt"
	"strconv"
)

// An Invocation is one call of trtllm-bench throughput.
type Invocation struct {
	// Model is the checkpoint's Hugging Face id, ModelPath the folder it lies in.
	Model, ModelPath string
	Args             Arguments
	// Dataset, Report and Options are paths as emitted: --dataset,
	// --report_json and --extra_llm_api_options.
	Dataset, Report, Options string
}

// Argv is the command line behind the launcher, in a form that all catalogued
// versions take: the options file under its long name, the backend explicit.
func (inv Invocation) Argv() []string {
	argv := []string{"--model", inv.Model}
	if inv.ModelPath != "" {
		argv = append(argv, "--model_path", inv.ModelPath)
	}
	argv = append(argv, "throughput")
	paths := map[string]string{"dataset": inv.Dataset, "report_json": inv.Report, "extra_llm_api_options": inv.Options}
	for _, f := range throughputFlags {
		if p := paths[f.name]; p != "" {
			argv = append(argv, "--"+f.name, p)
			continue
		}
		argv = append(argv, emit(f, inv.Args[f.name])...)
	}
	return argv
}

func emit(f flag, v any) []string {
	name := "--" + f.name
	switch v := v.(type) {
	case nil:
		if f.name == "backend" {
			return []string{name, "pytorch"}
		}
		return nil
	case bool:
		if v {
			return []string{name}
		}
		return nil
	case []string:
		var out []string
		for _, e := range v {
			out = append(out, name, e)
		}
		return out
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, name, fmt.Sprint(e))
		}
		return out
	case float64:
		return []string{name, strconv.FormatFloat(v, 'f', -1, 64)}
	}
	return []string{name, fmt.Sprint(v)}
}
