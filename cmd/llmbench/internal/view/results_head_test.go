package view

import (
	"strings"
	"testing"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// The table can be read alone: it says what its runs have in common, and nothing in
// which they differ.
func TestResultsHead(t *testing.T) {
	set := sweepSet()
	const want = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 FP8, 8x GB200, nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4, TensorRT-LLM 1.0.0rc4, cluster gb, definitions 3f2c9ab, measured 2026-05-04"
	if got := resultsHead(set); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	set.Results[0].Image.Name, set.Results[1].Cluster = "other", "other"
	if got := resultsHead(set); strings.Contains(got, "tensorrt-llm/release") || strings.Contains(got, "cluster") {
		t.Error(got)
	}
}

func TestArrange(t *testing.T) {
	set := reportSet()
	top := Arrange(set, trtllm.OutputThroughputPerGPU, 2)
	if len(top.Runs) != 2 || len(top.Results) != 8 || !strings.HasSuffix(top.Runs[0].Address, "reasoning/concurrency=4096") || !strings.HasSuffix(top.Runs[1].Address, "reasoning/concurrency=512") {
		t.Errorf("%d runs, %d results, first %s", len(top.Runs), len(top.Results), top.Runs[0].Address)
	}
	fast := Arrange(set, trtllm.AvgTTFT, 0) // a time: the least is the best, none is last
	if first, last := fast.Runs[0], fast.Runs[len(fast.Runs)-1]; !strings.HasSuffix(first.Address, "concurrency=64") || last.Samples != 0 {
		t.Errorf("first %s, last %s", first.Address, last.Address)
	}
	if Arrange(set, "", 0) != set {
		t.Error("the order changes without being asked to")
	}
}

func TestBestLines(t *testing.T) {
	lines := bestLines(reportSet())
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "best of reasoning: concurrency=4096 with 13,118 output tok/s/GPU; Pareto-optimal: concurrency=64, concurrency=512, concurrency=4096") {
		t.Errorf("%q", lines)
	}
}
