package estimate

import (
	"fmt"
	"math"
)

// tokensPerBlock is the size of a KV block of TensorRT-LLM, in tokens.
const tokensPerBlock = 32

// A MemoryUse is how the memory of one GPU is used, in bytes.
type MemoryUse struct {
	Capacity, Weights, Workspace, KVCache int64
	// KVTokens is how many tokens the cache of one rank holds.
	KVTokens        int64
	KVBytesPerToken float64
	// RequestsFit is how many requests of the longest kind one rank holds.
	RequestsFit int64
}

// Memory computes the memory of a rank. Attention DP replicates all but the
// routed experts, which EP splits (modeling_llama.py); a vision tower is on every
// rank. TensorRT-LLM gives the cache a fraction of what is left after weights and
// the peak of activations: of total - peak, not of total - weights
// (KvCacheCreator). GUARANTEED_NO_EVICT reserves whole blocks for the whole
// length of a request.
func Memory(s Scenario) MemoryUse {
	p := s.parameters()
	workspace := p.Workspace + p.Activation*s.activations()
	m := s.Model
	weights := m.Attention.bytes() + m.DenseFFN.bytes() + m.Shared.bytes() + m.Router.bytes() + m.Embedding.bytes() + m.Head.bytes()
	weights = weights/s.split() + m.Routed.bytes()/float64(max(1, s.TP)) + m.Vision.bytes()
	weights /= s.pp()
	use := MemoryUse{
		Capacity: int64(s.GPU.MemoryBytes), Weights: int64(weights), Workspace: int64(workspace),
		KVBytesPerToken: s.kvBytes(),
	}
	use.KVCache = max(0, int64((s.GPU.MemoryBytes-weights-workspace)*s.KVFraction))
	use.KVTokens = int64(float64(use.KVCache) / use.KVBytesPerToken)
	longest := 0
	for _, r := range s.Requests {
		longest = max(longest, r.ISL+r.OSL)
	}
	if longest > 0 {
		use.RequestsFit = use.KVTokens / int64(blocks(longest)*tokensPerBlock)
	}
	return use
}

// fits says what does not fit.
func (m MemoryUse) fits() error {
	if m.KVTokens <= 0 {
		return fmt.Errorf("the weights of %.1f GB and %.1f GB of workspace leave no KV cache in %.1f GB", float64(m.Weights)/1e9, float64(m.Workspace)/1e9, float64(m.Capacity)/1e9)
	}
	if m.RequestsFit < 1 {
		return fmt.Errorf("the KV cache of %d tokens does not hold one request", m.KVTokens)
	}
	return nil
}

// kvBytes is what one token takes in the cache of one rank. Tensor parallelism
// splits KV heads, of which each rank keeps one at least; what latent attention
// caches is not split, and chunked layers store all tokens.
func (s *Scenario) kvBytes() float64 {
	b := float64(s.Model.KVElements) * s.Model.KVDtype.bytes() / s.pp()
	if s.AttentionDP || s.Model.MLARank > 0 {
		return b
	}
	heads := float64(max(1, s.Model.KVHeads))
	return b * math.Max(1, heads/float64(max(1, s.TP))) / heads
}

func blocks(tokens int) int { return (tokens + tokensPerBlock - 1) / tokensPerBlock }

// activations are the bytes of the buffers that an iteration of MaxNumTokens
// needs, were all held at once: hidden states, what attention and dense layers
// make of them, and the tokens that the experts of a rank may get, which under
// attention DP are those of all ranks.
func (s *Scenario) activations() float64 {
	m := s.Model
	h, tokens := float64(m.Hidden), float64(s.MaxNumTokens)
	dense := 8 * h
	dense += 2 * float64(m.Heads*m.HeadDim) / s.split()
	bytes := tokens * dense
	if m.MoELayers == 0 {
		return bytes
	}
	gathered := tokens * float64(s.Ranks())
	in := m.Routed.Dtype.bytes()
	f := float64(m.ExpertFFN)
	if !s.AttentionDP && s.EP <= 1 {
		f /= float64(max(1, s.TP))
	}
	routed := gathered
	if s.AllToAll {
		routed = tokens
	}
	return bytes + gathered*h*(in+2) + routed*float64(m.TopK)*(h*(in+2)+f*(in+4))
}

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
	elements, size := 0.0, BF16.bytes()
	for _, w := range m.parts() {
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
	return elements * m.KVDtype.bytes()
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
