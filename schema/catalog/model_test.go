package catalog

import (
	"math"
	"testing"
)

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
		if got := m.Parameters().Total() / 1e9; math.Abs(got-test.total) > 0.05 {
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
