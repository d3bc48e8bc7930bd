package estimate

import "math"

// Heuristic is the batch size and the token limit that trtllm-bench computes
// when it is not given both (bench/build/tuning.py, with the limit that it
// forces without chunked prefill).
func Heuristic(s Scenario, fraction, isl, osl float64) (maxBatch, maxTokens int) {
	m := s.Model
	params := m.Attention.bytes() + m.DenseFFN.bytes() + m.Shared.bytes() + m.Router.bytes() + m.Routed.bytes() + m.Embedding.bytes() + m.Head.bytes()
	kv := float64(m.KVElements) * m.KVDtype.Bytes()
	if !m.MLA && m.KVHeads > 0 {
		kv *= math.Max(float64(s.TP), float64(m.KVHeads)) / float64(m.KVHeads)
	}
	free := float64(s.GPUs)*s.GPU.MemoryBytes - params
	requests := free * fraction / (kv * (isl + osl))
	batch := math.Min(requests, 4096) / s.pp()
	tokens := math.Min(batch*(1+isl/osl), 32768)
	maxBatch = roundBatch(batch)
	maxTokens = roundTokens(tokens)
	if !s.ChunkedContext {
		maxTokens = max(maxTokens, int(isl)+maxBatch)
	}
	return maxBatch, maxTokens
}

func roundBatch(n float64) int {
	switch {
	case n < 256:
		return max(64, ceilTo(n, 32))
	case n < 1024:
		return ceilTo(n, 128)
	}
	return ceilTo(n, 256)
}

func roundTokens(n float64) int {
	switch {
	case n < 4096:
		return max(2048, ceilTo(n, 256))
	case n < 8192:
		return ceilTo(n, 512)
	}
	return ceilTo(n, 1024)
}

func ceilTo(n float64, step int) int { return int(math.Ceil(n/float64(step))) * step }
