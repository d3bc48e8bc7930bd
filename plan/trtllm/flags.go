package trtllm

// A flag of trtllm-bench as click declares it.
type flag struct {
	name string // as on the command line, without dashes
	kind kind
	// choices bounds a string.
	choices []string
}

type kind int

const (
	text kind = iota
	whole
	number
	toggle
	repeated
)

// throughputFlags are the flags of the throughput subcommand in the order in
// which they are emitted (commands of 1.0 to 1.2).
var throughputFlags = []flag{
	{name: "backend", choices: []string{"pytorch", "_autodeploy", "tensorrt"}},
	{name: "engine_dir"}, {name: "extra_llm_api_options"}, {name: "config"},
	{name: "sampler_options"}, {name: "custom_module_dirs", kind: repeated},
	{name: "tp", kind: whole}, {name: "pp", kind: whole}, {name: "ep", kind: whole}, {name: "cluster_size", kind: whole},
	{name: "max_batch_size", kind: whole}, {name: "max_num_tokens", kind: whole}, {name: "max_seq_len", kind: whole},
	{name: "beam_width", kind: whole}, {name: "kv_cache_free_gpu_mem_fraction", kind: number},
	{name: "dataset"}, {name: "num_requests", kind: whole}, {name: "concurrency", kind: whole}, {name: "warmup", kind: whole},
	{name: "streaming", kind: toggle},
	{name: "target_input_len", kind: whole}, {name: "target_output_len", kind: whole},
	{name: "eos_id", kind: whole}, {name: "modality", choices: []string{"image", "video"}},
	{name: "image_data_format", choices: []string{"pt", "pil"}}, {name: "data_device", choices: []string{"cpu", "cuda"}},
	{name: "max_input_len", kind: whole}, {name: "no_skip_tokenizer_init", kind: toggle},
	{name: "enable_chunked_context", kind: toggle}, {name: "disable_chunked_context", kind: toggle},
	{name: "scheduler_policy", choices: []string{"guaranteed_no_evict", "max_utilization"}},
	{name: "report_json"}, {name: "iteration_log"}, {name: "output_json"}, {name: "request_json"},
}

// globalFlags stand before the subcommand.
var globalFlags = []flag{
	{name: "model"}, {name: "model_path"}, {name: "workspace"},
	{name: "log_level", choices: []string{"internal_error", "error", "warning", "info", "verbose", "debug", "trace"}},
	{name: "revision"},
}

var shorthands = map[string]string{"m": "model", "w": "workspace"}

func findFlag(list []flag, name string) (flag, bool) {
	for _, f := range list {
		if f.name == name {
			return f, true
		}
	}
	return flag{}, false
}
