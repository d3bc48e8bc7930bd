package estimate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNotModelled(t *testing.T) {
	recipe := map[string]any{"tp": 8, "ep": 8, "concurrency": int64(4096), "warmup": 0, "backend": "pytorch"}
	for _, c := range []struct {
		name      string
		arguments map[string]any
		options   any
		want      map[string]any
	}{
		{"what published runs set", recipe, map[string]any{
			"enable_attention_dp": true, "print_iter_log": true, "stream_interval": 1.0,
			"cuda_graph_config": map[string]any{"enable_padding": true, "batch_sizes": []any{1.0, 2.0}},
		}, nil},
		{"another backend of experts", recipe, map[string]any{
			"enable_attention_dp": true, "moe_config": map[string]any{"backend": "WIDEEP"},
		}, map[string]any{"moe_config.backend": "WIDEEP"}},
		{"the overlap scheduler and compilation", nil, map[string]any{
			"disable_overlap_scheduler": true, "stream_interval": 4.0, "torch_compile_config": map[string]any{"enable_fullgraph": true},
		}, map[string]any{"disable_overlap_scheduler": true, "stream_interval": 4.0, "torch_compile_config": map[string]any{"enable_fullgraph": true}}},
		{"an option that nobody knows", nil, map[string]any{"new_config": map[string]any{"fast": true}}, map[string]any{"new_config": map[string]any{"fast": true}}},
		{"experts by tensor parallelism under attention DP", map[string]any{"tp": 8, "ep": 1}, map[string]any{"enable_attention_dp": true}, map[string]any{"ep": 1}},
		{"whole experts without attention DP", map[string]any{"tp": 8, "ep": 8}, nil, nil},
		{"experts cut both ways", map[string]any{"tp": 8, "ep": 2}, nil, map[string]any{"ep": 2}},
		{"experts cut by tensor parallelism", map[string]any{"tp": 8, "ep": 1}, nil, nil},
		{"no options file", map[string]any{"tp": 8, "beam_width": nil}, nil, nil},
		{"a scheduler that evicts", map[string]any{"scheduler_policy": "max_utilization"}, nil, map[string]any{"scheduler_policy": "max_utilization"}},
	} {
		if diff := cmp.Diff(c.want, NotModelled(c.arguments, c.options, false)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// The backend of experts that TensorRT-LLM takes by itself before 1.2 is no choice there.
func TestDefaultBackendOfExperts(t *testing.T) {
	cutlass := map[string]any{"moe_config": map[string]any{"backend": "CUTLASS"}}
	if got := NotModelled(nil, cutlass, true); got != nil {
		t.Errorf("before 1.2: %v", got)
	}
	if got := NotModelled(nil, cutlass, false); got["moe_config.backend"] != "CUTLASS" {
		t.Errorf("from 1.2 on: %v", got)
	}
}

func TestOptionsAreListedOnce(t *testing.T) {
	listed := map[string]bool{}
	for _, o := range Options {
		if listed[o.Name] || o.Why == "" {
			t.Errorf("%s is listed twice or says not why", o.Name)
		}
		listed[o.Name] = true
	}
}
