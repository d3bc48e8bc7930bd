package estimate

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// The backend of experts where none is named: AUTO from TensorRT-LLM 1.2 on.
const defaultExperts, defaultExpertsEarly = "AUTO", "CUTLASS"

// modelled are the arguments of trtllm-bench throughput, and the keys of its options
// file by their dotted paths, of which predictions account for every value. Any
// that is in neither modelled nor published may move a number.
var modelled = []string{
	// Memory and times are computed from them.
	"tp", "pp", "kv_cache_free_gpu_mem_fraction", "kv_cache_config.free_gpu_memory_fraction", "enable_attention_dp",
	// The simulation schedules by them, or by the limits that they decide.
	"max_batch_size", "max_num_tokens", "max_seq_len", "concurrency", "num_requests", "target_input_len", "target_output_len",
	"enable_chunked_context", "enable_chunked_prefill",
	"attention_dp_config.enable_balance", "attention_dp_config.timeout_iters", "attention_dp_config.batching_wait_iters",
	// A batch runs as the next size with a CUDA graph, or the host launches every kernel.
	"cuda_graph_config", "cuda_graph_config.batch_sizes", "cuda_graph_config.max_batch_size", "cuda_graph_config.enable_padding",
	"use_cuda_graph", "cuda_graph_batch_sizes", "cuda_graph_max_batch_size", "cuda_graph_padding_enabled",
	// They move no number.
	"streaming", "print_iter_log", "enable_iter_perf_stats", "tokenizer", "tokenizer_mode", "tokenizer_revision",
	"skip_tokenizer_init", "no_skip_tokenizer_init", "trust_remote_code", "revision", "gpus_per_node", "max_input_len",
	// Prompts are random and share nothing.
	"kv_cache_config.enable_block_reuse", "kv_cache_config.enable_partial_reuse", "kv_cache_config.copy_on_partial_reuse",
	// A cold start is not in predictions; the note no_warmup says so.
	"warmup",
}

// published are further ones with the value that published runs have, and the default.
var published = map[string]any{
	"backend":                          "pytorch",
	"scheduler_policy":                 "guaranteed_no_evict",
	"beam_width":                       1,
	"cluster_size":                     1,
	"moe_config.backend":               defaultExperts,
	"moe_backend":                      defaultExperts,
	"disable_overlap_scheduler":        false,
	"stream_interval":                  1,
	"attn_backend":                     "TRTLLM",
	"enable_autotuner":                 true,
	"autotuner_enabled":                true,
	"allreduce_strategy":               "AUTO",
	"sampler_type":                     "auto",
	"kv_cache_config.dtype":            "auto",
	"kv_cache_dtype":                   "auto",
	"kv_cache_config.tokens_per_block": tokensPerBlock,
	"enable_min_latency":               false,
	"enable_lora":                      false,
	"gather_generation_logits":         false,
	"batch_wait_timeout_ms":            0,
	"batch_wait_timeout_iters":         0,
	"batch_wait_max_tokens_ratio":      0,
	"eos_id":                           -1,
}

// accounted are the keys of both.
var accounted = slices.Concat(modelled, slices.Collect(maps.Keys(published)))

// unseen reports whether a value is set that predictions do not account for. The type
// that a number was decoded to and how a name is written do not matter.
func unseen(name string, value any) bool {
	if value == nil || slices.Contains(modelled, name) {
		return false
	}
	seen := published[name]
	if s, ok := seen.(string); ok {
		t, ok := value.(string)
		return !ok || !strings.EqualFold(s, t)
	}
	x, okX := number(seen)
	y, okY := number(value)
	return !(okX && okY && x == y || seen == value)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// NotModelled returns what a run sets that predictions do not account for:
// values by the name of the argument, or by the dotted path of the key in the
// options file as JSON decodes it; nil for nothing. Runs that differ in what it
// returns cannot be ranked by their predictions. Early says that TensorRT-LLM is
// older than 1.2.
func NotModelled(arguments map[string]any, options any, early bool) map[string]any {
	var out map[string]any
	add := func(name string, value any) {
		if out == nil {
			out = map[string]any{}
		}
		out[name] = value
	}
	for name, value := range arguments {
		if name == "ep" && !seesEP(arguments, options) || name != "ep" && unseen(name, value) {
			add(name, value)
		}
	}
	if object, ok := options.(map[string]any); ok {
		eachKey("", object, func(path string, value any) {
			if !(early && value == defaultExpertsEarly) && unseen(path, value) {
				add(path, value)
			}
		})
	}
	return out
}

// seesEP reports whether published runs cut the experts as a run does: by tensor
// parallelism in any way, and under attention data parallelism into whole experts.
func seesEP(arguments map[string]any, options any) bool {
	ep, _ := number(arguments["ep"])
	tp, ok := number(arguments["tp"])
	if !ok {
		tp = 1
	}
	object, _ := options.(map[string]any)
	return ep == tp || object["enable_attention_dp"] != true
}

// eachKey calls f for every value in an object that is not an object itself, and
// for objects of which no key is accounted for.
func eachKey(prefix string, object map[string]any, f func(path string, value any)) {
	for name, value := range object {
		path := prefix + name
		known := func(key string) bool { return strings.HasPrefix(key, path+".") }
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 && slices.ContainsFunc(accounted, known) {
			eachKey(path+".", inner, f)
			continue
		}
		f(path, value)
	}
}

// Differ names, sorted, in what two results of NotModelled are not alike. What
// one does not have is the default, as nil is.
func Differ(a, b map[string]any) []string {
	var names []string
	for name, value := range a {
		if !reflect.DeepEqual(value, b[name]) {
			names = append(names, name)
		}
	}
	for name, value := range b {
		if _, both := a[name]; !both && value != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
