package plan

import (
	"regexp"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// noted is a run with its estimate and notes.
func noted(w Workload) *Run {
	s := w.Scenario()
	r := &Run{
		Arguments: w.Arguments, LLMAPIOptions: w.Options, Dataset: Dataset{Lines: len(w.Lengths)}, Estimate: newEstimate(s, learned{}),
	}
	r.Notes = notes(r, func(n int) float64 { return measures(s, n) }, nil)
	return r
}

func (r *Run) note(code failure.Code) (string, bool) {
	i := slices.IndexFunc(r.Notes, func(n Note) bool { return n.Code == code })
	if i < 0 {
		return "", false
	}
	return r.Notes[i].Detail, true
}

func loadOf(isl, osl, lines, concurrency, batch, tokens int, graphs ...int) Workload {
	cat := catalog.Load()
	model, checkpoint, _ := cat.Model("nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8")
	gpu, _ := cat.GPU("GB200")
	sizes := make([]any, len(graphs))
	for i, n := range graphs {
		sizes[i] = float64(n)
	}
	return Workload{
		Model: model, Checkpoint: checkpoint, GPU: gpu, GPUs: 8, TRTLLMVersion: "1.0.0rc4",
		Arguments: trtllm.Arguments{
			"tp": int64(8), "ep": int64(8), "max_batch_size": int64(batch), "max_num_tokens": int64(tokens),
			"kv_cache_free_gpu_mem_fraction": 0.9, "concurrency": int64(concurrency), "streaming": true,
		},
		Options: map[string]any{
			"enable_attention_dp": true, "cuda_graph_config": map[string]any{"enable_padding": true, "batch_sizes": sizes},
		},
		Lengths: slices.Repeat([]trtllm.Length{{ISL: isl, OSL: osl}}, lines),
	}
}

var (
	advice    = regexp.MustCompile(`(max_batch_size|concurrency|num_requests(?: and concurrency)?) = (\d+)`)
	graphSize = regexp.MustCompile(`Add (\d+) to the batch sizes`)
)

// follow changes a workload as a note says.
func follow(t *rapid.T, w Workload, detail string) Workload {
	args := trtllm.Arguments{}
	for k, v := range w.Arguments {
		args[k] = v
	}
	w.Arguments = args
	if m := graphSize.FindStringSubmatch(detail); m != nil {
		n, _ := strconv.Atoi(m[1])
		config := w.Options.(map[string]any)["cuda_graph_config"].(map[string]any)
		sizes := append(slices.Clone(config["batch_sizes"].([]any)), float64(n))
		slices.SortFunc(sizes, func(a, b any) int { return int(a.(float64) - b.(float64)) })
		w.Options = map[string]any{"enable_attention_dp": true, "cuda_graph_config": map[string]any{"enable_padding": true, "batch_sizes": sizes}}
		return w
	}
	m := advice.FindStringSubmatch(detail)
	if m == nil {
		t.Fatalf("no argument to change: %s", detail)
	}
	n, _ := strconv.Atoi(m[2])
	if m[1] != "num_requests" && m[1] != "num_requests and concurrency" {
		args[m[1]] = int64(n)
		return w
	}
	w.Lengths = slices.Repeat(w.Lengths[:1], n)
	if m[1] != "num_requests" {
		args["concurrency"] = int64(n)
	}
	return w
}

// Who does what a note says does not see it again, and is not led into what the
// proof refuses.
func TestNotesVanishWhenFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SampledFrom([]int{9, 64, 500, 2048, 4000}).Draw(t, "rows")
		concurrency := rapid.SampledFrom([]int{-1, 8, 9, 60, 500, 1024, 2500}).Draw(t, "concurrency")
		w := loadOf(
			rapid.SampledFrom([]int{128, 1000, 8000}).Draw(t, "isl"), rapid.SampledFrom([]int{1, 128, 512, 8000}).Draw(t, "osl"),
			lines, min(concurrency, lines), rapid.SampledFrom([]int{4, 100, 896}).Draw(t, "batch"), rapid.SampledFrom([]int{2048, 22528}).Draw(t, "tokens"),
			rapid.SampledFrom([][]int{nil, {1, 2, 4}, {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 896}}).Draw(t, "graphs")...)
		run := noted(w)
		if run.Estimate.MeasureSeconds == nil {
			t.Skip("does not fit")
		}
		for _, n := range run.Notes {
			switch n.Code {
			case "waits_for_kv", "batch_slots_unused", "graph_sizes_miss_batch", "short_window", "ranks_idle":
			default:
				continue
			}
			changed := follow(t, w, n.Detail)
			after := noted(changed)
			if again, ok := after.note(n.Code); ok {
				t.Fatalf("%s: %s\nfollowed, it says: %s", n.Code, n.Detail, again)
			}
			if c, _ := changed.Arguments.Int("concurrency"); c > len(changed.Lengths) {
				t.Fatalf("%s: %s\nleads to concurrency %d of %d requests", n.Code, n.Detail, c, len(changed.Lengths))
			}
		}
	})
}

// The notes of the published recipe.
func TestNotesOfTheRecipe(t *testing.T) {
	graphs := []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 896}
	for _, c := range []struct {
		name string
		w    Workload
		want []failure.Code
	}{
		{"reasoning, 25.07", loadOf(1000, 1000, 4000, -1, 896, 8192, graphs...), []failure.Code{"unlimited_concurrency", "batch_slots_unused", "short_window"}},
		{"generation, 25.07", loadOf(512, 8000, 4000, -1, 896, 2048, graphs...), []failure.Code{"unlimited_concurrency", "waits_for_kv", "batch_slots_unused", "graph_sizes_miss_batch"}},
		{"reasoning, 25.08", loadOf(1000, 1000, 16384, 4096, 896, 8192, graphs...), []failure.Code{"batch_slots_unused"}},
		{"chat, 25.08", loadOf(128, 128, 16384, 4096, 896, 8192, graphs...), []failure.Code{"batch_slots_unused", "short_window"}},
		{"generation, 25.08", loadOf(512, 8000, 2048, 1024, 896, 2048, graphs...), []failure.Code{"batch_slots_unused", "short_window"}},
		{"well chosen", loadOf(1000, 1000, 16384, 4096, 512, 8192, graphs...), nil},
	} {
		var got []failure.Code
		for _, n := range noted(c.w).Notes {
			if n.Code != "unpinned_revision" && !slices.Contains(got, n.Code) {
				got = append(got, n.Code)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
