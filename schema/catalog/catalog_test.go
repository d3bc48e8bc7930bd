package catalog

import (
	"math"
	"slices"
	"testing"
)

func TestModel(t *testing.T) {
	m, p, ok := Load().Model("nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8")
	if !ok || m.Label != "llama4_maverick" || p.Quantization != "FP8" || p.KVCacheDtype != "FP8" || p.Bytes>>30 != 376 || p.Shards != 52 {
		t.Errorf("Model = %+v, %+v, %v", m, p, ok)
	}
	if _, _, ok := Load().Model("nvidia/Llama-4-Maverick"); ok {
		t.Error("found a checkpoint by part of its id")
	}
}

func TestGPU(t *testing.T) {
	for name, node := range map[string]int{"H100": 8, "H200": 8, "B200": 8, "GB200": 4, "GB300": 4} {
		g, ok := Load().GPU(name)
		if !ok || g.GPUsPerNode != node {
			t.Errorf("GPU(%s) = %+v, %v; want %d per node", name, g, ok, node)
			continue
		}
		if blackwell := g.Architecture == "blackwell"; blackwell != (g.FP4 > 0) || g.FP8 < 2*g.BF16 {
			t.Errorf("%s: rates %g %g %g do not suit %s", name, g.BF16, g.FP8, g.FP4, g.Architecture)
		}
	}
	if g, _ := Load().GPU("GB200"); g.MemoryBytes>>20 != 189471 {
		t.Errorf("a GB200 has %d MiB, want 189471", g.MemoryBytes>>20)
	}
}

func TestVersion(t *testing.T) {
	for name, want := range map[string]string{
		"1.0.0rc1": "1.0.0rc1", "1.0.0rc4": "1.0.0rc4", "1.0": "1.0", "1.0.0": "1.0", "1.1.0": "1.1", "1.2.0": "1.2",
		"1": "", "1.0.0rc99": "", "1.1.99": "", "0.1.0": "", "1.0.0rc": "", "": "",
	} {
		v, ok := Load().Version(name)
		if ok != (want != "") || ok && v.Name != want {
			t.Errorf("Version(%q) = %v, %v; want %q", name, v, ok, want)
		}
	}
}

func TestNearestCell(t *testing.T) {
	const maverick = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
	cat := &Catalog{Cells: []*Cell{
		{Checkpoint: maverick, Quantization: "FP8", GPU: "GB200", GPUs: 8, GPUsPerNode: 4}, {Checkpoint: maverick, Quantization: "FP8", GPU: "GB200", GPUs: 16, GPUsPerNode: 4}, {Checkpoint: maverick, Quantization: "FP8", GPU: "H200", GPUs: 8, GPUsPerNode: 8}, {Checkpoint: "a/b", Quantization: "NVFP4", GPU: "B200", GPUs: 8, GPUsPerNode: 8},
	}}
	for _, test := range []struct {
		wanted Cell
		want   int
		exact  bool
	}{
		{Cell{Checkpoint: maverick, Quantization: "FP8", GPU: "GB200", GPUs: 8, GPUsPerNode: 4}, 0, true},
		{Cell{Checkpoint: maverick, Quantization: "FP8", GPU: "GB200", GPUs: 16, GPUsPerNode: 8}, 1, false},
		{Cell{Checkpoint: maverick, Quantization: "FP8", GPU: "GB200", GPUs: 4, GPUsPerNode: 4}, 0, false},
		{Cell{Checkpoint: maverick, Quantization: "FP8", GPU: "H100", GPUs: 8, GPUsPerNode: 8}, 2, false},
		{Cell{Checkpoint: maverick, Quantization: "NVFP4", GPU: "B200", GPUs: 8, GPUsPerNode: 8}, 2, false},
		{Cell{Checkpoint: "a/b", Quantization: "FP8", GPU: "GB200", GPUs: 8, GPUsPerNode: 4}, 3, false},
		{Cell{Checkpoint: "x", Quantization: "y", GPU: "z", GPUs: 0, GPUsPerNode: 0}, 0, false},
	} {
		w := test.wanted
		got, exact := cat.NearestCell(w.Checkpoint, w.Quantization, w.GPU, w.GPUs, w.GPUsPerNode)
		if got != cat.Cells[test.want] || exact != test.exact {
			t.Errorf("NearestCell(%+v) = %+v, %v; want cell %d, %v", w, got, exact, test.want, test.exact)
		}
	}
}

// A supported cell is of a model and a GPU that are catalogued; the recipe's is one.
func TestSupportedCells(t *testing.T) {
	cat := Load()
	recipe := false
	for _, c := range cat.Cells {
		_, checkpoint, known := cat.Model(c.Checkpoint)
		gpu, ok := cat.GPU(c.GPU)
		if !known || !ok || checkpoint.Quantization != c.Quantization || c.GPUsPerNode > gpu.GPUsPerNode || c.GPUs%c.GPUsPerNode != 0 || c.From != "" {
			t.Errorf("%+v: %+v on %+v", c, checkpoint, gpu)
		}
		recipe = recipe || c.Checkpoint == "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8" && c.GPU == "GB200" && c.GPUs == 8
	}
	if !recipe {
		t.Error("the recipe's cell is not supported")
	}
}

func TestKnownFlagsAreThoseOfSomeVersion(t *testing.T) {
	cat := Load()
	known := cat.KnownFlags()
	for i, name := range known {
		if len(cat.FlagVersions(name)) == 0 || slices.Index(known, name) != i {
			t.Errorf("flag %s is of no version or listed twice", name)
		}
	}
	if got := cat.FlagVersions("sampler_options"); len(got) < 3 || got[0] != "1.1" || got[1] != "1.2" || slices.Contains(got, "1.0") {
		t.Errorf("sampler_options is known in %v", got)
	}
	if got := cat.FlagVersions("nothing"); got != nil {
		t.Errorf("nothing is known in %v", got)
	}
}

func TestOwnedFlag(t *testing.T) {
	for _, name := range []string{
		"model", "model_path", "dataset", "report_json", "iteration_log", "extra_llm_api_options",
		"config", "engine_dir", "output_json", "request_json", "backend",
	} {
		if reason, ok := Load().OwnedFlag(name); !ok || reason == "" || reason[len(reason)-1] != '.' {
			t.Errorf("OwnedFlag(%s) = %q, %v; want a sentence", name, reason, ok)
		}
	}
	if reason, ok := Load().OwnedFlag("tp"); ok {
		t.Errorf("tp is set by llmbench: %s", reason)
	}
}

func TestParameters(t *testing.T) {
	for _, test := range []struct {
		checkpoint string
		total      float64 // in billions, as published, without a vision tower
		kv         int     // elements a token
	}{
		{"nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8", 400.71, 98304},
		{"nvidia/Llama-3.3-70B-Instruct-FP8", 70.55, 163840},
		{"deepseek-ai/DeepSeek-R1", 671.0, 35136},
		{"openai/gpt-oss-120b", 116.8, 36864},
		{"nvidia/Qwen3-235B-A22B-FP8", 235.1, 96256},
	} {
		m, _, ok := Load().Model(test.checkpoint)
		if !ok {
			t.Errorf("no model of %s", test.checkpoint)
			continue
		}
		p := m.Parameters()
		if got := (p.Attention + p.DenseFFN + p.SharedExperts + p.Router + p.Experts + p.Embedding + p.Head) / 1e9; math.Abs(got-test.total) > 0.05 {
			t.Errorf("%s has %.2f billion parameters, want %g", m.Name, got, test.total)
		}
		if got := m.KVElements(); got != test.kv {
			t.Errorf("%s stores %d elements a token, want %d", m.Name, got, test.kv)
		}
	}
}

func TestParametersOfMaverick(t *testing.T) {
	m, _, _ := Load().Model("nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8")
	p := m.Parameters()
	for name, pair := range map[string][2]float64{
		"attention": {p.Attention, 3.020}, "dense": {p.DenseFFN, 6.040}, "shared": {p.SharedExperts, 3.020},
		"experts": {p.Experts, 386.547}, "router": {p.Router, 0.016}, "embedding": {p.Embedding, 1.034}, "head": {p.Head, 1.034},
	} {
		if math.Abs(pair[0]/1e9-pair[1]) > 0.0006 {
			t.Errorf("%s: %.4f billion, want %g", name, pair[0]/1e9, pair[1])
		}
	}
}

func TestTokensToDrawFrom(t *testing.T) {
	for _, m := range Load().Models {
		if m.TokenizerVocab > m.Vocab || m.EOS >= m.Vocab || m.EOS < 0 {
			t.Errorf("%s: tokenizer of %d, end at %d, embedding of %d", m.Label, m.TokenizerVocab, m.EOS, m.Vocab)
		}
	}
}
