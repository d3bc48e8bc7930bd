package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

func version(t *testing.T, name string) *Version {
	t.Helper()
	v, ok := Load().Version(name)
	if !ok {
		t.Fatalf("no version %s", name)
	}
	return v
}

// stated are the versions whose facts these tests state. Others may be added.
func stated(t *testing.T) []*Version {
	var list []*Version
	for _, name := range []string{"1.0.0rc1", "1.0.0rc4", "1.0", "1.1", "1.2", "1.3.0rc26"} {
		list = append(list, version(t, name))
	}
	return list
}

func TestFlagsOfVersions(t *testing.T) {
	flags := strings.Fields(`model model_path workspace log_level backend engine_dir extra_llm_api_options
		tp pp ep cluster_size max_batch_size max_num_tokens max_seq_len beam_width kv_cache_free_gpu_mem_fraction dataset
		num_requests concurrency warmup streaming target_input_len target_output_len eos_id modality max_input_len
		enable_chunked_context scheduler_policy report_json iteration_log output_json request_json`)
	since := map[string][]string{
		"1.1":       {"sampler_options", "custom_module_dirs", "image_data_format", "data_device", "no_skip_tokenizer_init"},
		"1.2":       {"config", "revision"},
		"1.3.0rc26": {"telemetry"},
	}
	for _, v := range stated(t) {
		flags = append(flags, since[v.Name]...)
		want := slices.Sorted(slices.Values(flags))
		var got []string
		for _, f := range v.Flags {
			got = append(got, f.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has the flags %v, want %v", v.Name, got, want)
		}
	}
}

func TestDefaultsOfFlags(t *testing.T) {
	for _, v := range stated(t) {
		for name, want := range map[string]cty.Value{
			"backend": cty.StringVal("pytorch"), "tp": cty.NumberIntVal(1), "pp": cty.NumberIntVal(1), "warmup": cty.NumberIntVal(2),
			"concurrency": cty.NumberIntVal(-1), "kv_cache_free_gpu_mem_fraction": cty.NumberFloatVal(0.9), "streaming": cty.False,
			"scheduler_policy": cty.StringVal("guaranteed_no_evict"), "enable_chunked_context": cty.BoolVal(v.ChunkedDefault),
		} {
			f, ok := v.Flag(name)
			if !ok || f.Default.IsNull() || f.Default.Equals(want).False() {
				t.Errorf("%s: default of %s is %#v, want %#v", v.Name, name, f.Default, want)
			}
		}
		for _, name := range []string{"ep", "max_batch_size", "max_num_tokens", "max_seq_len", "num_requests", "eos_id"} {
			if f, ok := v.Flag(name); !ok || !f.Default.IsNull() {
				t.Errorf("%s: %s has a default", v.Name, name)
			}
		}
		if f, _ := v.Flag("enable_chunked_context"); (f.Off != "") != v.ChunkedDefault {
			t.Errorf("%s: chunked context is switched off by %q", v.Name, f.Off)
		}
	}
}

func TestPropertiesOfVersions(t *testing.T) {
	for i, v := range stated(t) {
		if old := i < 4; v.SharedSamplingParams != old || v.ShallowKVMerge != old || v.GraphSizesExcludeMax != old {
			t.Errorf("%s: %v %v %v", v.Name, v.SharedSamplingParams, v.ShallowKVMerge, v.GraphSizesExcludeMax)
		}
		if v.NestedKeysIgnored != (v.Name == "1.0.0rc1") || v.ChunkedDefault != (i >= 3) {
			t.Errorf("%s: %v %v", v.Name, v.NestedKeysIgnored, v.ChunkedDefault)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, test := range []struct{ path, typ, versions, overrides string }{
		{"enable_attention_dp", "bool", "1.0.0rc1 1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", ""},
		{"use_cuda_graph", "bool", "1.0.0rc1", ""},
		{"cuda_graph_batch_sizes", "list(int)", "1.0.0rc1", ""},
		{"cuda_graph_config", "object", "1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", ""},
		{"cuda_graph_config.batch_sizes", "list(int)", "1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", ""},
		{"extended_runtime_perf_knob_config", "any", "1.0.0rc1 1.0.0rc4 1.0", ""},
		{"connector_config", "any", "1.0.0rc1 1.0.0rc4 1.0", ""},
		{"build_config", "any", "1.0.0rc1 1.0.0rc4 1.0 1.1 1.2", ""},
		{"moe_config.backend", "string", "1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", ""},
		{"attention_dp_config.timeout_iters", "int", "1.0 1.1 1.2 1.3.0rc26", ""},
		{"kv_cache_config.dtype", "string", "1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", ""},
		{"kv_cache_config.free_gpu_memory_fraction", "float", "1.0.0rc1 1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", ""},
		{"scheduler_config.capacity_scheduler_policy", "string", "1.0.0rc1 1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", "scheduler_policy"},
		{"max_num_tokens", "int", "1.0.0rc1 1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", "max_num_tokens"},
		{"moe_expert_parallel_size", "int", "1.0.0rc1 1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", "ep"},
		{"enable_chunked_prefill", "bool", "1.0.0rc1 1.0.0rc4 1.0 1.1 1.2 1.3.0rc26", ""},
		{"sampler_type", "string", "1.1 1.2 1.3.0rc26", ""},
		{"batch_wait_timeout_ms", "float", "1.1 1.2 1.3.0rc26", ""},
		{"nvfp4_gemm_config.allowed_backends", "list(string)", "1.2 1.3.0rc26", ""},
	} {
		var versions []string
		for _, v := range stated(t) {
			o, ok := v.Option(test.path)
			if !ok {
				continue
			}
			versions = append(versions, v.Name)
			if o.Type != test.typ || o.Overrides != test.overrides {
				t.Errorf("%s of %s: %s overriding %q", test.path, v.Name, o.Type, o.Overrides)
			}
		}
		if got := strings.Join(versions, " "); got != test.versions {
			t.Errorf("%s is known in %s, want %s", test.path, got, test.versions)
		}
	}
}

func TestBackendsOfExperts(t *testing.T) {
	for name, want := range map[string]string{"1.0": "", "1.1": "TRITON", "1.2": "AUTO TRITON"} {
		o, _ := version(t, name).Option("moe_config.backend")
		var got []string
		for _, later := range []string{"AUTO", "TRITON"} {
			if slices.Contains(o.Values, later) {
				got = append(got, later)
			}
		}
		if strings.Join(got, " ") != want || !slices.Contains(o.Values, "WIDEEP") {
			t.Errorf("%s: backends %v", name, o.Values)
		}
	}
}

func TestOverridesNameArguments(t *testing.T) {
	for _, v := range Load().Versions {
		for _, o := range v.Options {
			if _, ok := v.Flag(o.Overrides); !ok && o.Overrides != "" && o.Overrides != "model" {
				t.Errorf("%s: %s overrides %s, which is no argument", v.Name, o.Name, o.Overrides)
			}
		}
	}
}

func TestRenames(t *testing.T) {
	for _, test := range []struct{ version, old, want string }{
		{"1.0", "use_cuda_graph", "cuda_graph_config"},
		{"1.0.0rc4", "cuda_graph_batch_sizes", "cuda_graph_config.batch_sizes"},
		{"1.2", "cuda_graph_padding_enabled", "cuda_graph_config.enable_padding"},
		{"1.1", "moe_backend", "moe_config.backend"},
		{"1.0", "kv_cache_dtype", "kv_cache_config.dtype"},
		{"1.0", "autotuner_enabled", "enable_autotuner"},
		{"1.0", "mixed_sampler", "enable_mixed_sampler"},
		{"1.1", "enable_mixed_sampler", "sampler_type"},
		{"1.0", "cuda_graph_config.padding_enabled", "cuda_graph_config.enable_padding"},
		{"1.0", "cuda_graph_config.enable_attention_dp", "enable_attention_dp"},
		{"1.0.0rc1", "cuda_graph_config", "use_cuda_graph"},
		{"1.0.0rc1", "cuda_graph_config.batch_sizes", "cuda_graph_batch_sizes"},
		{"1.0.0rc1", "cuda_graph_config.enable_padding", "cuda_graph_padding_enabled"},
		{"1.0.0rc1", "moe_config.backend", "moe_backend"},
		{"1.0.0rc1", "kv_cache_config.dtype", "kv_cache_dtype"},
		{"1.0.0rc1", "enable_autotuner", "autotuner_enabled"},
	} {
		if got, _ := version(t, test.version).Renamed(test.old); got != test.want {
			t.Errorf("%s renames %s to %q, want %s", test.version, test.old, got, test.want)
		}
	}
	if to, ok := version(t, "1.0").Renamed("cuda_graph_config"); ok {
		t.Errorf("1.0 renames its own cuda_graph_config to %s", to)
	}
}

// What 1.0.0rc1 calls a renamed key is renamed to the same key again.
func TestRenamesGoBothWays(t *testing.T) {
	rc1, next := version(t, "1.0.0rc1"), version(t, "1.0")
	for old, right := range next.renames {
		back, ok := rc1.Renamed(right)
		if !ok {
			continue // the same name in both, or a mistake
		}
		if again, _ := next.Renamed(back); again != right {
			t.Errorf("%s becomes %s, which goes back to %s, which becomes %s", old, right, back, again)
		}
	}
}

// The tags are those of nvcr.io/nvidia/tensorrt-llm/release that runs were seen
// with.
func TestMatch(t *testing.T) {
	known := &Catalog{Versions: stated(t)}
	for name, want := range map[string]struct{ against, beyond string }{
		"1.0.0rc1": {"1.0.0rc1", ""}, "1.0.0rc2": {"1.0.0rc4", "1.0.0rc1"}, "1.0.0rc3": {"1.0.0rc4", "1.0.0rc1"},
		"1.0.0rc4": {"1.0.0rc4", ""}, "1.0.0rc6": {"1.0.0rc4", "1.0"}, "1.0.0": {"1.0", ""}, "1.0": {"1.0", ""},
		"1.1.0rc2.post2": {"1.1", "1.0"}, "1.1.0rc5": {"1.1", "1.0"}, "1.1.0": {"1.1", ""}, "1.1.1": {"1.1", "1.2"},
		"1.2.0rc2": {"1.2", "1.1"}, "1.2.0rc2.post2": {"1.2", "1.1"}, "1.2.0rc6.post2": {"1.2", "1.1"}, "1.2.0rc6.post3": {"1.2", "1.1"},
		"1.2.0": {"1.2", ""}, "1.2.1": {"1.2", "1.3.0rc26"},
		"1.3.0rc5": {"1.3.0rc26", "1.2"}, "1.3.0rc10": {"1.3.0rc26", "1.2"}, "1.3.0rc15.post1": {"1.3.0rc26", "1.2"}, "1.3.0rc20": {"1.3.0rc26", "1.2"},
		"1.3.0rc26": {"1.3.0rc26", ""}, "1.3.0rc28": {"1.3.0rc26", ""}, "1.3.0": {"1.3.0rc26", ""}, "1.3.0+cu13": {"1.3.0rc26", ""},
		"1.4.0rc1": {"1.3.0rc26", ""}, "2.0": {"1.3.0rc26", ""},
		"0.21.0": {}, "1.0.0rc0": {"1.0.0rc1", ""}, "1": {}, "latest": {}, "1.0.0rc": {}, "": {},
	} {
		m, ok := known.Match(name)
		if ok != (want.against != "") {
			t.Errorf("%s: matched %v", name, ok)
			continue
		}
		if !ok {
			continue
		}
		beyond := ""
		if m.Beyond != nil {
			beyond = m.Beyond.Name
		}
		if m.Name != want.against || beyond != want.beyond {
			t.Errorf("%s: checked against %s with %q beyond, want %v", name, m.Name, beyond, want)
		}
	}
}

func TestSameVersion(t *testing.T) {
	for _, c := range []struct {
		shown, image, declared string
		want                   bool
	}{
		{"1.2.1", "reg/x:1.2.1", "1.2.1", true},
		{"1.2.1+cu13", "reg/x:1.2.1", "1.2.1", true},
		{"1.2.1", "reg/x:1.2.0", "1.2", false},
		{"1.2.1", "reg/x:mine", "1.2", true}, // as many numbers as are written
		{"1.1.0", "reg/x:mine", "1.2", false},
		{"1.2.0rc6.post2", "reg/x:1.2.0rc6.post2", "1.2.0rc6.post2", true},
		{"1.2.0rc6", "reg/x:1.2.0rc6.post2", "1.2.0rc6.post2", false},
		{"1.2.0rc10", "reg/x:1.2.0rc1", "1.2.0rc1", false},
		{"1.2.0rc6", "reg/x:1.2.0", "1.2", false},
		{"1.0.0", "reg:5000/x:1.0", "1.0", true},
		{"nightly", "reg/x:1.0", "1.0", true}, // nothing to compare
		{"1.0.0", "reg/x@sha256:00", "", true},
	} {
		if got := SameVersion(c.shown, c.image, c.declared); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestFullVersion(t *testing.T) {
	for name, want := range map[string]string{"1.1": "1.1.0", "1.1.0": "1.1.0", "1.0.0rc1": "1.0.0rc1", "1.3rc2": "1.3.0rc2", "main": "main"} {
		if got := FullVersion(name); got != want {
			t.Errorf("%s is %s in full, want %s", name, got, want)
		}
	}
}
