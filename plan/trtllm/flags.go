package trtllm

import (
	"slices"
	"strings"
)

// A flag of trtllm-bench as click declares it.
type flag struct {
	name string // as on the command line, without dashes
	kind kind
	// choices are the only values of a text, if there are any.
	choices []string
	// short is its other, short name, "m" for -m.
	short string
	// aliasOf names the flag that this one is another name of.
	aliasOf string
	// off is the flag that switches a toggle off.
	off string
}

// A kind is what a flag takes.
type kind int

const (
	text     kind = iota
	path          // to something that may have to exist, which nobody checks here
	whole         // a number of any sign
	positive      // a whole number from 1
	number
	toggle   // nothing
	repeated // a path each time that it is there
)

// throughputFlags are the flags of the throughput subcommand of 1.0 to 1.2 in the
// order in which they are emitted. trtllm-bench 1.0 lacks some of them.
var throughputFlags = []flag{
	{name: "backend", choices: []string{"pytorch", "_autodeploy", "tensorrt"}},
	{name: "engine_dir", kind: path},
	{name: "extra_llm_api_options"}, {name: "config", aliasOf: "extra_llm_api_options"},
	{name: "sampler_options", kind: path}, {name: "custom_module_dirs", kind: repeated},
	{name: "tp", kind: whole}, {name: "pp", kind: whole}, {name: "ep", kind: whole}, {name: "cluster_size", kind: whole},
	{name: "max_batch_size", kind: whole}, {name: "max_num_tokens", kind: whole}, {name: "max_seq_len", kind: whole},
	{name: "beam_width", kind: whole}, {name: "kv_cache_free_gpu_mem_fraction", kind: number},
	{name: "dataset", kind: path}, {name: "num_requests", kind: whole},
	{name: "concurrency", kind: whole}, {name: "warmup", kind: whole}, {name: "streaming", kind: toggle},
	{name: "target_input_len", kind: positive}, {name: "target_output_len", kind: positive},
	{name: "eos_id", kind: whole}, {name: "modality", choices: []string{"image", "video"}},
	{name: "image_data_format", choices: []string{"pt", "pil"}}, {name: "data_device", choices: []string{"cuda", "cpu"}},
	{name: "max_input_len", kind: whole}, {name: "no_skip_tokenizer_init", kind: toggle},
	{name: "enable_chunked_context", kind: toggle, off: "disable_chunked_context"},
	{name: "scheduler_policy", choices: []string{"guaranteed_no_evict", "max_utilization"}},
	{name: "report_json", kind: path}, {name: "iteration_log", kind: path},
	{name: "output_json", kind: path}, {name: "request_json", kind: path},
}

// globalFlags stand before the subcommand.
var globalFlags = []flag{
	{name: "model", short: "m"}, {name: "model_path", kind: path}, {name: "workspace", short: "w", kind: path},
	{name: "log_level", choices: []string{"internal_error", "error", "warning", "info", "verbose", "debug", "trace"}},
	{name: "revision"},
}

// hint names the flag as click does in what it says about values.
func (f flag) hint() string {
	if f.short != "" {
		return "'--" + f.name + "' / '-" + f.short + "'"
	}
	return "'--" + f.name + "'"
}

// usage is the flag with what it takes, as --help shows it.
func (f flag) usage() string {
	names := "--" + f.name
	switch {
	case f.short != "":
		names = "-" + f.short + ", " + names
	case f.off != "":
		names += " / --" + f.off
	}
	metavar := [...]string{text: "TEXT", path: "PATH", whole: "INTEGER", positive: "INTEGER RANGE", number: "FLOAT", toggle: "", repeated: "PATH"}[f.kind]
	if len(f.choices) > 0 {
		metavar = "[" + strings.Join(f.choices, "|") + "]"
	}
	return strings.TrimSpace(names + " " + metavar)
}

// findFlag finds a flag by its name or that of its opposite, for which off is
// true.
func findFlag(list []flag, name string) (f flag, off, ok bool) {
	i := slices.IndexFunc(list, func(f flag) bool { return f.name == name || f.off == name && name != "" })
	if i < 0 {
		return flag{}, false, false
	}
	return list[i], list[i].off == name, true
}
