package estimate

import (
	"math"
	"testing"
)

// maverick is Llama 4 Maverick in FP8 on eight GB200.
func maverick(isl, osl, n, concurrency, tokens int, fraction float64) Scenario {
	fp8 := func(p float64) Weight { return Weight{p, FP8} }
	s := Scenario{
		Model: Model{
			Layers: 48, Hidden: 5120, Heads: 40, HeadDim: 128, KVHeads: 8,
			MoELayers: 24, Experts: 128, TopK: 1, ExpertFFN: 8192,
			Attention: fp8(3.020e9), DenseFFN: fp8(6.040e9), Shared: fp8(3.020e9), Router: Weight{0.016e9, BF16},
			Routed: fp8(386.547e9), Embedding: Weight{1.034e9, BF16}, Head: Weight{1.034e9, BF16}, Vision: Weight{0.87e9, BF16},
			KVElements: 98304, KVDtype: FP8, AttentionChunk: 8192, ChunkedLayers: 36,
		},
		GPU:  GPU{MemoryBytes: 198.67e9, Bandwidth: 8e12, BF16: 2.5e15, FP8: 5e15, FP4: 10e15, NVLink: 900e9},
		GPUs: 8, TP: 8, PP: 1, EP: 8, AttentionDP: true, MaxBatchSize: 896, MaxNumTokens: tokens,
		MaxSeqLen: isl + osl, KVFraction: fraction, Concurrency: concurrency, AllToAll: true,
		GraphSizes: []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 896}, GraphPadding: true,
	}
	for range n {
		s.Requests = append(s.Requests, Request{isl, osl})
	}
	return s
}

func TestHeuristicGivesTheRecipesTokenLimits(t *testing.T) {
	for _, c := range []struct{ isl, osl, tokens int }{{1000, 1000, 8192}, {128, 128, 8192}, {8000, 512, 22528}, {512, 8000, 2048}} {
		s := maverick(c.isl, c.osl, 1, 0, 0, 0.9)
		if _, tokens := Heuristic(s, 0.95, float64(c.isl), float64(c.osl)); tokens != c.tokens {
			t.Errorf("%d/%d: max_num_tokens %d, want %d", c.isl, c.osl, tokens, c.tokens)
		}
	}
}

func TestPublishedRecipes(t *testing.T) {
	for _, c := range []struct {
		isl, osl, n, conc, tokens int
		fraction                  float64
		fit                       int64
		perGPU                    float64
	}{
		{1000, 1000, 16384, 4096, 8192, 0.90, 570, 11500},
		{128, 128, 16384, 4096, 8192, 0.90, 4489, 15500},
		{8000, 512, 4096, 1024, 22528, 0.85, 127, 1900},
		{512, 8000, 4096, 1024, 2048, 0.90, 135, 5150},
	} {
		o, err := Simulate(maverick(c.isl, c.osl, c.n, c.conc, c.tokens, c.fraction), nil)
		if err != nil {
			t.Fatal(err)
		}
		m := o.Metrics()
		t.Logf("%d/%d: fit %d, %.0f tok/s/GPU, TTFT %.0f ms, TPOT %.1f ms, %.0f s", c.isl, c.osl, o.Memory.RequestsFit, m.TPSPerGPU, m.AvgTTFT, m.AvgTPOT, o.TotalS)
		if math.Abs(float64(o.Memory.RequestsFit)/float64(c.fit)-1) > 0.04 {
			t.Errorf("%d/%d: %d requests fit, want %d", c.isl, c.osl, o.Memory.RequestsFit, c.fit)
		}
		if math.Abs(m.TPSPerGPU/c.perGPU-1) > 0.08 {
			t.Errorf("%d/%d: %.0f tok/s/GPU, want %.0f", c.isl, c.osl, m.TPSPerGPU, c.perGPU)
		}
	}
}

// A run without CUDA graphs is never predicted to be faster: what padding costs is
// less than what the host takes to launch the kernels.
func TestCUDAGraphsAreNotSlower(t *testing.T) {
	for _, c := range []struct{ isl, osl, n, concurrency, tokens int }{{512, 8000, 2048, 1024, 2048}, {1000, 1000, 16384, 4096, 8192}, {128, 128, 16384, 4096, 8192}, {8000, 512, 4096, 1024, 22528}, {1000, 1000, 1000, 40, 8192}} {
		rate := func(sizes []int) float64 {
			s := maverick(c.isl, c.osl, c.n, c.concurrency, c.tokens, 0.9)
			s.GraphSizes = sizes
			o, err := Simulate(s, nil)
			if err != nil {
				t.Fatal(err)
			}
			return o.Metrics().TPSPerGPU
		}
		if with, without := rate([]int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 896}), rate(nil); without >= with {
			t.Errorf("%d/%d at concurrency %d: %.0f tok/s/GPU without CUDA graphs, %.0f with", c.isl, c.osl, c.concurrency, without, with)
		}
	}
}

func TestDoesNotFit(t *testing.T) {
	s := maverick(1000, 1000, 10, 0, 8192, 0.9)
	s.GPU.MemoryBytes = 60e9
	if _, err := Simulate(s, nil); err == nil {
		t.Error("weights that do not fit were simulated")
	}
}

func BenchmarkSimulate16384(b *testing.B) {
	s := maverick(1000, 1000, 16384, 4096, 8192, 0.9)
	for b.Loop() {
		if _, err := Simulate(s, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// Mixed lengths keep every request and all ranks.
func BenchmarkSimulateMixed(b *testing.B) {
	s := maverick(1000, 1000, 16384, 4096, 8192, 0.9)
	for i := range s.Requests {
		s.Requests[i] = Request{ISL: 600 + i*7919%800, OSL: 600 + i*6007%800}
	}
	for b.Loop() {
		if _, err := Simulate(s, nil); err != nil {
			b.Fatal(err)
		}
	}
}
