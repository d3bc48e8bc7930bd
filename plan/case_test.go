package plan

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema/catalog"
)

func maverickCase(isl, osl int) Case {
	return Case{Model: "Llama-4-Maverick", Quantization: "FP8", GPU: "GB200", GPUs: 8, AttentionDP: true, ISL: isl, OSL: osl}
}

// The bytes of a rank: experts are split, the rest is replicated under attention
// DP and cut by tensor parallelism.
func TestBytesOfARank(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*Case)
		weights float64 // GB, without the vision tower
		kv      float64 // bytes per token
	}{
		{"attention DP", func(*Case) {}, 64.5, 98304},
		{"tensor parallelism", func(c *Case) { c.AttentionDP = false }, 50.4, 98304 / 8},
		{"NVFP4 on four", func(c *Case) { c.Quantization, c.GPUs = "NVFP4", 4 }, 65.3, 98304},
		{"four, no attention DP", func(c *Case) { c.AttentionDP, c.GPUs = false, 4 }, 100.7, 98304 / 4},
		{"two stages", func(c *Case) { c.AttentionDP, c.TP, c.PP = false, 4, 2 }, 50.4, 98304 / 8},
	} {
		k := maverickCase(1000, 1000)
		c.change(&k)
		s, err := k.Scenario(catalog.Load())
		if err != nil {
			t.Fatal(err)
		}
		s.Model.Vision.Params = 0
		m := estimate.Memory(s)
		if math.Abs(float64(m.Weights)/1e9-c.weights) > 0.1 || m.KVBytesPerToken != c.kv {
			t.Errorf("%s: %.2f GB of weights, %g bytes per token; want %g, %g", c.name, float64(m.Weights)/1e9, m.KVBytesPerToken, c.weights, c.kv)
		}
	}
}

// The limits that the published recipe lists are those that trtllm-bench
// computes at fraction 0.95, and what the cache holds is near what its
// concurrencies were chosen for.
func TestLimitsAndCapacityOfTheRecipe(t *testing.T) {
	for _, c := range []struct {
		isl, osl, tokens, fit int
		fraction              float64
	}{
		{1000, 1000, 8192, 570, 0.90}, {128, 128, 8192, 4489, 0.90}, {8000, 512, 22528, 127, 0.85}, {512, 8000, 2048, 135, 0.90},
	} {
		k := maverickCase(c.isl, c.osl)
		k.KVFraction = 0.95
		s, err := k.Scenario(catalog.Load())
		if err != nil {
			t.Fatal(err)
		}
		if s.MaxNumTokens != c.tokens {
			t.Errorf("%d/%d: max_num_tokens %d, want %d", c.isl, c.osl, s.MaxNumTokens, c.tokens)
		}
		k.KVFraction, k.MaxBatchSize, k.MaxNumTokens = c.fraction, 896, c.tokens
		p, err := k.Predict(catalog.Load())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d/%d: %d requests a rank", c.isl, c.osl, p.KVCapacity)
		if off := float64(p.KVCapacity)/float64(c.fit) - 1; math.Abs(off) > 0.04 {
			t.Errorf("%d/%d: %d requests a rank, want %d", c.isl, c.osl, p.KVCapacity, c.fit)
		}
	}
}

// drawnCase is any case of the catalogue that is not a mistake.
func drawnCase(t *rapid.T) Case {
	cat := catalog.Load()
	length := rapid.SampledFrom([]int{1, 128, 1000, 8192, 32768})
	c := Case{
		Model: rapid.SampledFrom(cat.Models).Draw(t, "model").Name, GPU: rapid.SampledFrom(cat.GPUs).Draw(t, "gpu").Name,
		Quantization: rapid.SampledFrom([]string{"BF16", "FP8", "NVFP4", "MXFP4"}).Draw(t, "quantization"),
		TP:           1 << rapid.IntRange(0, 3).Draw(t, "tp"), PP: 1 << rapid.IntRange(0, 1).Draw(t, "pp"),
		AttentionDP: rapid.Bool().Draw(t, "attention DP"), ISL: length.Draw(t, "isl"), OSL: length.Draw(t, "osl"),
		Concurrency: rapid.SampledFrom([]int{-1, 1, 3, 16, 250, 4096}).Draw(t, "concurrency"), NumRequests: rapid.IntRange(1, 500).Draw(t, "n"),
	}
	c.GPUs = c.TP * c.PP
	if gpu, _ := cat.GPU(c.GPU); c.Quantization == "NVFP4" && gpu.FP4 == 0 {
		t.Skip("no FP4")
	}
	return c
}

// Whatever fits has figures, and none that physics forbids: a GPU does not
// compute faster than its peak, nor read all weights in less than no time.
func TestEveryCaseIsSane(t *testing.T) {
	cat := catalog.Load()
	rapid.Check(t, func(t *rapid.T) {
		c := drawnCase(t)
		s, err := c.Scenario(cat)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Predict(cat)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Fits {
			if p.Why == "" {
				t.Fatal("does not fit, and does not say why")
			}
			return
		}
		x := p.OutputThroughputPerGPU
		figures := []float64{x.Low, x.Mid - x.Low, x.High - x.Mid, p.AvgTTFT, p.TotalLatency, float64(p.KVCapacity), float64(p.EffectiveConcurrency)}
		if c.OSL > 1 {
			figures = append(figures, p.AvgTPOT)
		}
		for _, f := range figures {
			if math.IsNaN(f) || math.IsInf(f, 0) || f <= 0 {
				t.Fatalf("%+v: %+v", c, p)
			}
		}
		m := s.Model
		active := m.Attention.Params + m.DenseFFN.Params + m.Shared.Params
		if m.Experts > 0 {
			active += m.Routed.Params * float64(m.TopK) / float64(m.Experts)
		}
		flops := 2 * active * float64(c.ISL+c.OSL-1) / float64(c.OSL) * x.Mid
		if peak := max(s.GPU.FP4, s.GPU.FP8); flops > peak {
			t.Fatalf("%+v: %.3g FLOP/s a GPU of %.3g", c, flops, peak)
		}
		if fastest := 1e3 * m.Attention.Params / 2 / float64(c.GPUs) / s.GPU.Bandwidth; c.OSL > 1 && p.AvgTPOT < fastest {
			t.Fatalf("%+v: %v ms a token, and reading attention takes %v", c, p.AvgTPOT, fastest)
		}
	})
}

// Twice as many requests at once are not served slower while all of them run, and
// no request of them is served faster. Where a batch fills the token budget of an
// iteration, the first prompts take some 2 % of the whole.
func TestMoreAtOnce(t *testing.T) {
	cat := catalog.Load()
	rapid.Check(t, func(t *rapid.T) {
		c := drawnCase(t)
		c.Concurrency = 1 << rapid.IntRange(0, 12).Draw(t, "power")
		at := func(concurrency int) CasePrediction {
			c.Concurrency, c.NumRequests = concurrency, 4*concurrency
			p, err := c.Predict(cat)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		one, two := at(c.Concurrency), at(2*c.Concurrency)
		if !two.Fits || two.EffectiveConcurrency < c.Concurrency {
			t.Skip("some wait")
		}
		if two.OutputThroughputPerGPU.Mid < 0.97*one.OutputThroughputPerGPU.Mid || two.AvgTPOT < 0.97*one.AvgTPOT {
			t.Fatalf("%+v: %+v\nand half as many at once: %+v", c, two, one)
		}
	})
}

// One request at a time is as fast as it is alone: neither idle ranks nor idle
// stages make it faster.
func TestOneRequestAtATime(t *testing.T) {
	latency := func(change func(*Case)) float64 {
		c := maverickCase(1000, 100)
		c.Concurrency, c.NumRequests = 1, 10
		change(&c)
		p, err := c.Predict(catalog.Load())
		if err != nil || !p.Fits {
			t.Fatal(err, p.Why)
		}
		if got, want := p.OutputThroughputPerGPU.Mid, 10*100/(p.TotalLatency/1e3)/float64(c.GPUs); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%v tokens a second of a GPU, %v in all", got, want)
		}
		return p.AvgTPOT
	}
	parallel := latency(func(c *Case) { c.AttentionDP = false })
	replicated := latency(func(*Case) {})
	stages := latency(func(c *Case) { c.AttentionDP, c.TP, c.PP = false, 4, 2 })
	four := latency(func(c *Case) { c.AttentionDP, c.GPUs = false, 4 })
	if parallel >= replicated {
		t.Errorf("%.2f ms a token with all weights split, %.2f with attention replicated", parallel, replicated)
	}
	if stages < four {
		t.Errorf("%.2f ms a token through two stages of four GPUs, %.2f on four alone", stages, four)
	}
}

func TestCasesFindModelsByEveryName(t *testing.T) {
	cat := catalog.Load()
	for name, want := range map[string]string{
		"Llama-4-Maverick": "llama4_maverick", "llama4_maverick": "llama4_maverick", "Llama 4 Maverick 17B 128E": "llama4_maverick",
		"nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8": "llama4_maverick", "Llama-3.3-70B": "llama3_3_70b",
		"meta-llama/Llama-3.3-70B-Instruct": "llama3_3_70b", "DeepSeek-R1": "deepseek_r1", "deepseek-ai/DeepSeek-R1-0528": "deepseek_r1",
		"Qwen3-235B-A22B": "qwen3_235b_a22b", "Qwen/Qwen3-235B-A22B": "qwen3_235b_a22b", "gpt-oss-120b": "gpt_oss_120b", "openai/gpt-oss-120b": "gpt_oss_120b",
		"Llama": "", "Llama-4": "", "": "", "/": "",
	} {
		got := ""
		if m, _, err := (Case{Model: name, Quantization: "FP8"}).model(cat); err == nil {
			got = m.Label
		}
		if got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestMistakesInCasesSayWhatWouldDo(t *testing.T) {
	for _, c := range []struct {
		change func(*Case)
		want   string
	}{
		{func(c *Case) { c.TP, c.GPUs, c.AttentionDP = 3, 3, false }, "tp = 3 does not divide the 40 attention heads"},
		{func(c *Case) { c.GPUs = 1e9 }, "gpus = 1000000000 must be from 1 to 1024"},
		{func(c *Case) { c.OSL = 1e12 }, "must be from 1 to 10000000"},
		{func(c *Case) { c.Concurrency = 1e6 }, "num_requests = 4000000 (where it is empty four times concurrency) must be at most 1000000"},
		{func(c *Case) { c.EP = 3 }, "ep = 3 does not divide tp = 8"},
		{func(c *Case) { c.PP = 3 }, "tp x pp is 2 x 3, and gpus is 8"},
		{func(c *Case) { c.GPU = "H100"; c.Quantization = "NVFP4" }, "needs a Blackwell GPU"},
	} {
		k := maverickCase(1000, 1000)
		c.change(&k)
		if _, err := k.Scenario(catalog.Load()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
