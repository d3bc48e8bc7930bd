package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/llmbench/llmbench/schema/catalog"
)

// ownArguments are the arguments of benchmarks and rows that are not flags of
// trtllm-bench.
var ownArguments = []string{
	"model", "hardware", "image", "executor", "samples", "precision", "max_samples", "engine", "request_log", "time_limit", "env", "llm_api_options",
}

// single are the own arguments with one value; all but engine cannot move a run's
// number.
var single = []string{"executor", "samples", "precision", "max_samples", "engine", "request_log", "time_limit"}

// blockArguments are the arguments whose values are blocks.
var blockArguments = []string{"model", "hardware", "image"}

// elsewhere are names that people look for among the arguments.
var elsewhere = map[string]string{
	"isl": "It belongs in a use_case block at the top level.", "osl": "It belongs in a use_case block at the top level.",
	"gpus": "It belongs in a hardware block.", "gpus_per_node": "It belongs in a hardware block.",
	"checkpoint": "It belongs in a model block.", "quantization": "It belongs in a model block.",
	"tp_size": `Did you mean "tp"?`, "pp_size": `Did you mean "pp"?`, "ep_size": `Did you mean "ep"?`,
	"tensor_parallel_size": `Did you mean "tp"?`, "pipeline_parallel_size": `Did you mean "pp"?`, "expert_parallel_size": `Did you mean "ep"?`,
	"nodes": "It follows from gpus and gpus_per_node of the hardware block.",
}

// arguments knows what a benchmark and its rows can be told.
type arguments struct {
	catalog *catalog.Catalog
	flags   []string // of any version, without those that llmbench sets
	known   []string // own arguments, then flags
}

func newArguments(cat *catalog.Catalog) *arguments {
	a := &arguments{catalog: cat}
	for _, name := range cat.KnownFlags() {
		if _, ours := cat.OwnedFlag(name); !ours && !slices.Contains(ownArguments, name) {
			a.flags = append(a.flags, name)
		}
	}
	a.known = append(slices.Clone(ownArguments), a.flags...)
	return a
}

func (a *arguments) isFlag(name string) bool { return slices.Contains(a.flags, name) }

// flag is the flag as the first version that has it describes it.
func (a *arguments) flag(name string) *catalog.Flag {
	for _, v := range a.catalog.Versions {
		if f, ok := v.Flag(name); ok {
			return f
		}
	}
	panic("schema: no version has the flag " + name)
}

// check refuses the attributes that are no arguments.
func (a *arguments) check(attrs []*hclsyntax.Attribute, where string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, attr := range attrs {
		if slices.Contains(a.known, attr.Name) {
			continue
		}
		if why, ours := a.catalog.OwnedFlag(attr.Name); ours {
			diags = append(diags, ownedFlag(attr, why))
			continue
		}
		diags = append(diags, refuse(attr.NameRange, "Unsupported argument", "There is no argument %q in %s.%s", attr.Name, where, a.hint(attr.Name)))
	}
	return diags
}

func ownedFlag(a *hclsyntax.Attribute, why string) *hcl.Diagnostic {
	return refuse(a.NameRange, "Argument set by llmbench", "The flag --%s of trtllm-bench cannot be set here. %s Remove the line.", a.Name, why)
}

// hint says, with a leading space, what may be meant by a name that is no
// argument.
func (a *arguments) hint(name string) string {
	if slices.Contains(sectionBlocks, name) || name == "use_case" || name == "search" {
		return fmt.Sprintf(" %q is a block: write it without the equals sign.", name)
	}
	if s := elsewhere[name]; s != "" {
		return " " + s
	}
	if s := DidYouMean(name, a.known); s != "" {
		return s
	}
	for _, v := range a.catalog.Versions {
		if _, ok := v.Option(name); ok {
			return fmt.Sprintf(" It is an option of TensorRT-LLM: write llm_api_options = { %s = … }.", name)
		}
	}
	return " Arguments are " + strings.Join(ownArguments, ", ") + " and the flags of trtllm-bench throughput: " + strings.Join(a.flags, ", ") + "."
}
