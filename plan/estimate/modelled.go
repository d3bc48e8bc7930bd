package estimate

import (
	"reflect"
	"slices"
	"strings"
)

// An option is an argument of trtllm-bench throughput, or a key of its options
// file by its dotted path, that predictions account for. Any that is not in
// options may move a number and predictions do not say so.
type option struct {
	Name string
	// Seen are the values that predictions account for, nil for all: those that
	// published runs were measured with, and the default.
	Seen []any
	// Why says how an option is accounted for.
	Why string
}

// sees reports whether predictions account for value.
func (o option) sees(value any) bool {
	return o.Seen == nil || slices.ContainsFunc(o.Seen, func(seen any) bool { return alikeValues(seen, value) })
}

// alikeValues compares without regard to the type that a number was decoded to
// and to how a name is written.
func alikeValues(a, b any) bool {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return ok && strings.EqualFold(s, t)
	}
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		return x == y
	}
	return a == b
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

const (
	simulated = "the simulation schedules by it"
	sized     = "memory and times are computed from it"
	neutral   = "moves no number"
	published = "published runs have this value"
)

// The backend of experts where none is named: AUTO from TensorRT-LLM 1.2 on.
const defaultExperts, defaultExpertsEarly = "AUTO", "CUTLASS"

// options is what predictions account for.
var options = []option{
	{"tp", nil, sized},
	{"pp", nil, sized},
	{"max_batch_size", nil, simulated},
	{"max_num_tokens", nil, simulated},
	{"max_seq_len", nil, simulated},
	{"kv_cache_free_gpu_mem_fraction", nil, sized},
	{"kv_cache_config.free_gpu_memory_fraction", nil, sized},
	{"concurrency", nil, simulated},
	{"num_requests", nil, simulated},
	{"enable_chunked_context", nil, simulated},
	{"enable_chunked_prefill", nil, simulated},
	{"enable_attention_dp", nil, sized},
	{"attention_dp_config.enable_balance", nil, simulated},
	{"attention_dp_config.timeout_iters", nil, simulated},
	{"attention_dp_config.batching_wait_iters", nil, simulated},
	{"cuda_graph_config", nil, "without a graph the host launches every kernel"},
	{"cuda_graph_config.batch_sizes", nil, "a batch runs as the next size, or without a graph"},
	{"cuda_graph_config.max_batch_size", nil, "a larger batch runs without a graph"},
	{"cuda_graph_config.enable_padding", nil, "a batch runs as the next size, or without a graph"},
	{"use_cuda_graph", nil, "without a graph the host launches every kernel"},
	{"cuda_graph_batch_sizes", nil, "a batch runs as the next size, or without a graph"},
	{"cuda_graph_max_batch_size", nil, "a larger batch runs without a graph"},
	{"cuda_graph_padding_enabled", nil, "a batch runs as the next size, or without a graph"},
	{"target_input_len", nil, "decides limits, which the simulation schedules by"},
	{"target_output_len", nil, "decides limits, which the simulation schedules by"},

	{"backend", []any{"pytorch"}, published},
	{"scheduler_policy", []any{"guaranteed_no_evict"}, published},
	{"beam_width", []any{1}, published},
	{"cluster_size", []any{1}, published},
	{"moe_config.backend", []any{defaultExperts}, published},
	{"moe_backend", []any{defaultExperts}, published},
	{"disable_overlap_scheduler", []any{false}, published},
	{"stream_interval", []any{1}, published},
	{"attn_backend", []any{"TRTLLM"}, published},
	{"enable_autotuner", []any{true}, published},
	{"autotuner_enabled", []any{true}, published},
	{"allreduce_strategy", []any{"AUTO"}, published},
	{"sampler_type", []any{"auto"}, published},
	{"kv_cache_config.dtype", []any{"auto"}, published},
	{"kv_cache_dtype", []any{"auto"}, published},
	{"kv_cache_config.tokens_per_block", []any{tokensPerBlock}, published},
	{"enable_min_latency", []any{false}, published},
	{"enable_lora", []any{false}, published},
	{"gather_generation_logits", []any{false}, published},
	{"batch_wait_timeout_ms", []any{0}, published},
	{"batch_wait_timeout_iters", []any{0}, published},
	{"batch_wait_max_tokens_ratio", []any{0}, published},

	{"streaming", nil, neutral},
	{"warmup", nil, "a cold start is not in predictions; the note no_warmup says so"},
	{"eos_id", []any{-1}, published},
	{"print_iter_log", nil, neutral},
	{"enable_iter_perf_stats", nil, neutral},
	{"kv_cache_config.enable_block_reuse", nil, "prompts are random and share nothing"},
	{"kv_cache_config.enable_partial_reuse", nil, "prompts are random and share nothing"},
	{"kv_cache_config.copy_on_partial_reuse", nil, "prompts are random and share nothing"},
	{"tokenizer", nil, neutral},
	{"tokenizer_mode", nil, neutral},
	{"tokenizer_revision", nil, neutral},
	{"skip_tokenizer_init", nil, neutral},
	{"no_skip_tokenizer_init", nil, neutral},
	{"trust_remote_code", nil, neutral},
	{"revision", nil, neutral},
	{"gpus_per_node", nil, neutral},
	{"max_input_len", nil, neutral},
}

var optionsByName = func() map[string]option {
	m := make(map[string]option, len(options))
	for _, o := range options {
		m[o.Name] = o
	}
	return m
}()

// optionObjects are the objects of the options file with a key in options.
var optionObjects = func() map[string]bool {
	m := map[string]bool{}
	for _, o := range options {
		if object, _, ok := strings.Cut(o.Name, "."); ok {
			m[object] = true
		}
	}
	return m
}()

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

func unseen(name string, value any) bool {
	o, known := optionsByName[name]
	return value != nil && !(known && o.sees(value))
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
// for objects of which no key is in options.
func eachKey(prefix string, object map[string]any, f func(path string, value any)) {
	for name, value := range object {
		path := prefix + name
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 && optionObjects[path] {
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
