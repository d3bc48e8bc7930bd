package plan

import (
	"slices"
	"testing"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// The sizes follow CudaGraphConfig of tensorrt_llm/llmapi/llm_args.py: @fcd3f316 for
// 1.0.0rc1, the published _modules pages of 1.0.0, 1.1.0 and 1.2.0, pull request 12895
// for 1.3; and what trtllm-bench passes on its own: padding on, up to max_batch_size, for
// an object without sizes too from 1.1 (bench/dataclasses/configuration.py@2787769c).
func TestGraphSizesPerVersion(t *testing.T) {
	type options = map[string]any
	config := func(c options) options { return options{"cuda_graph_config": c} }
	for _, c := range []struct {
		name, version string
		options       any
		most          int
		last          []int // the largest
		padding       bool
	}{
		{"none given", "1.0", options{}, 896, []int{128, 256, 896}, true},
		{"none given", "1.0.0rc1", options{}, 896, []int{128, 256, 896}, true},
		{"none given", "1.1", options{}, 896, []int{256, 512, 896}, true},
		{"none given", "1.1", options{}, 1024, []int{256, 512, 1024}, true},
		{"none given", "1.2", options{}, 896, []int{256, 512, 896}, true},
		{"none given", "1.3.0rc26", options{}, 900, []int{128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 900}, true},
		{"padding alone", "1.3.0rc26", config(options{"enable_padding": true}), 256, []int{128, 192, 256}, true},
		{"no padding", "1.3.0rc26", config(options{"enable_padding": false}), 896, []int{128, 256, 512, 896}, false},
		{"padding alone", "1.0", config(options{"enable_padding": true}), 896, []int{112, 120, 128}, true},
		{"padding alone", "1.0.0rc4", config(options{"enable_padding": true}), 896, []int{112, 120, 128}, true},
		{"padding alone", "1.1", config(options{"enable_padding": true}), 896, []int{256, 512, 896}, true},
		{"no padding", "1.2", config(options{"enable_padding": false}), 512, []int{128, 256, 512}, false},
		{"a maximum", "1.0", config(options{"enable_padding": true, "max_batch_size": 48.0}), 896, []int{32, 40, 48}, true},
		{"sizes", "1.0", config(options{"batch_sizes": []any{1.0, 2.0, 1024.0}}), 896, []int{1, 2, 896}, false},
		{"switched off", "1.2", options{"cuda_graph_config": nil}, 896, nil, false},
		{"flat sizes", "1.0.0rc1", options{"use_cuda_graph": true, "cuda_graph_batch_sizes": []any{1.0, 8.0}, "cuda_graph_padding_enabled": true}, 896, []int{1, 8}, true},
		{"flat, switched off", "1.0.0rc1", options{"use_cuda_graph": false}, 896, nil, true},
	} {
		v := versionOf(catalog.Load(), c.version)
		got := graphSizes(c.options, c.most, v)
		if tail := got[max(0, len(got)-len(c.last)):]; !slices.Equal(tail, c.last) || !slices.IsSorted(got) {
			t.Errorf("%s of %s: %v, want it to end with %v", c.name, c.version, got, c.last)
		}
		if p := graphPadding(c.options); len(got) > 0 && p != c.padding {
			t.Errorf("%s of %s: padding %v", c.name, c.version, p)
		}
	}
}

// A version that the user declared has its own graphs, and its own flags name files.
func TestDeclaredVersionHasItsFacts(t *testing.T) {
	const facts = `version "1.4.7" { graph_step = 96 }
flags {
  since = "1.4.7"
  until = "1.4.7"
  draft = { type = "string", file = true }
  plain = { type = "string" }
}`
	r := &Run{Image: Image{TRTLLMVersion: "1.4.7"}, Arguments: trtllm.Arguments{"draft": "/draft", "plain": "/plain"}, Facts: facts}
	if got := r.Files(); len(got) != 1 || got[0].Path != "/draft" {
		t.Errorf("files %v", got)
	}
	if got := graphSizes(nil, 320, r.version()); !slices.Equal(got[len(got)-3:], []int{128, 224, 320}) {
		t.Errorf("graphs of %v", got)
	}
	w := Workload{Options: map[string]any{}, Arguments: trtllm.Arguments{"max_batch_size": int64(320)}, TRTLLMVersion: "1.4.7", Catalog: declaredCatalog(facts)}
	if got := w.scenario(estimate.Scenario{}, extent{}).GraphSizes; got[len(got)-2] != 224 {
		t.Errorf("a prediction takes graphs of %v", got)
	}
}

// With both limits given nothing is raised: only limits that trtllm-bench computes are
// (bench/benchmark/utils/general.py at 000a01de).
func TestMaxNumTokens(t *testing.T) {
	e := extent{maxISL: 8000}
	for _, c := range []struct {
		args    trtllm.Arguments
		options any
		want    int
	}{
		{trtllm.Arguments{"max_batch_size": int64(896), "max_num_tokens": int64(8192)}, nil, 8192},
		{trtllm.Arguments{"max_batch_size": int64(896), "max_num_tokens": int64(2048)}, nil, 2048},
		{trtllm.Arguments{"max_batch_size": int64(896)}, nil, 8896},
		{trtllm.Arguments{"max_batch_size": int64(896)}, map[string]any{"enable_chunked_prefill": true}, 8192},
	} {
		if got := (Workload{Arguments: c.args, Options: c.options}).maxNumTokens(e, 896); got != c.want {
			t.Errorf("%v %v: %d, want %d", c.args, c.options, got, c.want)
		}
	}
}
