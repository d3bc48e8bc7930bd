package estimate

import "math"

// Heuristic is the batch size and the token limit that trtllm-bench computes
// when it is not given both (bench/build/tuning.py, with the limit that it
// forces without chunked prefill). For types that it was not tuned for it takes
// the engine's defaults.
func Heuristic(s Scenario, fraction, isl, osl float64) (maxBatch, maxTokens int) {
	m := s.Model
	if m.Routed.Dtype == MXFP4 || m.Attention.Dtype == MXFP4 {
		maxBatch, maxTokens = untunedBatch, untunedTokens
	} else {
		free := float64(s.GPUs)*s.GPU.MemoryBytes - m.countedBytes()
		requests := math.Max(0, free*fraction/(s.countedKV()*(isl+osl)))
		batch := math.Min(requests, 4096) / s.pp()
		maxBatch = roundBatch(batch)
		maxTokens = roundTokens(math.Min(batch*(1+isl/osl), 32768))
	}
	if !s.ChunkedContext {
		maxTokens = max(maxTokens, int(isl)+maxBatch)
	}
	return maxBatch, maxTokens
}

// The limits of an engine where nothing else is said (BuildConfig).
const (
	untunedBatch  = 2048
	untunedTokens = 8192
)

// countedBytes is the size of the weights by trtllm-bench's count: the elements
// that the files hold, scales and packed pairs among them, times the size of the
// quantization, half a byte for NVFP4.
func (m Model) countedBytes() float64 {
	elements, size := 0.0, BF16.Bytes()
	for _, w := range []Weight{m.Attention, m.DenseFFN, m.Shared, m.Router, m.Routed, m.Embedding, m.Head, m.Vision} {
		switch {
		case w.Params == 0:
		case w.Dtype == BF16:
			elements += w.Params
		case w.Dtype == FP8:
			elements, size = elements+w.Params, math.Min(size, 1)
		default:
			elements, size = elements+w.bytes(), 0.5
		}
	}
	return elements * size
}

// countedKV is what a token takes in the caches of all GPUs by that count. Of
// latent attention trtllm-bench counts all heads, as if they were not latent, and
// so arrives at batches that nobody runs with: published runs give their own, for
// which what is really cached stands here.
func (s *Scenario) countedKV() float64 {
	m := s.Model
	elements := float64(m.KVElements)
	if m.MLARank == 0 && m.KVHeads > 0 {
		elements *= math.Max(1, float64(s.TP)/float64(m.KVHeads))
	}
	return elements * m.KVDtype.Bytes()
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
