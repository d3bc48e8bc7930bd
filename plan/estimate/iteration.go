package estimate

import "math"

// A step is the work of one iteration on one rank.
type step struct {
	ctxTokens   float64
	ctxSquares  float64 // sum of squares of prompt lengths, by what they attend to
	ctxRequests float64
	decode      float64 // requests that generate
	attended    float64 // tokens that they attend to, summed
	batch       float64 // decode as computed, padded to a CUDA graph
	global      float64 // tokens of all ranks, which meet in the experts
}

// over is the work of one of m equal parts.
func (st step) over(m float64) step {
	return step{st.ctxTokens / m, st.ctxSquares / m, st.ctxRequests / m, st.decode / m, st.attended / m, st.batch / m, st.global / m}
}

// A roofline gives the time of steps for one scenario.
type roofline struct {
	s *Scenario
	p Parameters
	// Invariants of the scenario.
	denseRead, denseBW float64
}

func newRoofline(s *Scenario) *roofline {
	r := &roofline{s: s, p: s.parameters()}
	m := s.Model
	r.denseRead = (m.Attention.bytes() + m.DenseFFN.bytes() + m.Shared.bytes() + m.Head.bytes()) / s.split()
	r.denseBW = s.GPU.Bandwidth * r.p.Weights
	return r
}

// seconds is how long a step takes: what the GPU does, and no less than the host
// needs.
func (r *roofline) seconds(st step) float64 { return math.Max(r.gpu(st), r.host(st)) }

// host is how long the host takes to prepare a step.
func (r *roofline) host(st step) float64 { return r.p.Host + st.decode*r.p.HostRequest }

// gpu is how long the layers take one after the other: the parts of the doc
// comment of the package, added up. Pipeline stages share the requests as
// micro-batches, as many as there are stages at most: a token passes all stages,
// and each of these reads its weights for every micro-batch.
func (r *roofline) gpu(st step) float64 {
	if pp := r.s.pp(); pp > 1 {
		st = st.over(math.Max(1, math.Min(pp, math.Ceil(st.ctxRequests+st.decode))))
	}
	n := st.ctxTokens + st.batch
	t := r.dense(n, st) + r.experts(st.global) + r.decodeAttention(st) + r.prefillAttention(st) + r.elementWise(n) + r.communication(n, st.global)
	return t + float64(r.s.Model.Layers)*pick(r.s.GPU, r.p.Layer, r.p.LayerHopper) + float64(r.s.Model.MoELayers)*r.p.LayerMoE
}

// dense is the projections of attention, the dense and shared feed-forward
// parts, and the logits of the tokens that need them. Attention DP replicates
// them (overridden_tp_size in modeling_llama.py); tensor parallelism cuts them.
func (r *roofline) dense(n float64, st step) float64 {
	read := r.denseRead / r.denseBW
	compute := 0.0
	m, g := r.s.Model, r.s.GPU
	for _, w := range []Weight{m.Attention, m.DenseFFN, m.Shared} {
		compute += 2 * n * w.Params / r.s.split() / (g.flops(w.Dtype) * r.p.dense(w.Dtype, g))
	}
	compute += 2 * (st.decode + st.ctxRequests) * m.Head.Params / r.s.split() / (g.BF16 * r.p.Head)
	return join(read, compute, r.p.Norm)
}

// experts is the routed experts of a rank for the tokens of all ranks. Tokens
// that choose at random leave e^(-tokens top_k / experts) of the experts unread.
func (r *roofline) experts(global float64) float64 {
	m, s := r.s.Model, r.s
	if m.MoELayers == 0 {
		return 0
	}
	tp := float64(max(1, s.TP))
	experts, topK := float64(m.Experts), float64(m.TopK)
	perExpert := m.Routed.bytes() / (float64(m.MoELayers) * experts)
	hit := experts / tp * (1 - math.Exp(-global*topK/experts)) // in whole experts; TP beyond EP cuts each
	read := float64(m.MoELayers) * hit * perExpert / r.denseBW
	compute := 2 * global / tp * topK * float64(m.MoELayers) * 3 * float64(m.Hidden) * float64(m.ExpertFFN) / (s.GPU.flops(m.Routed.Dtype) * r.p.moe(m.Routed.Dtype, s.GPU, s.Early))
	return read + compute
}

// join is the time of two things that partly overlap: their sum at p = 1, the longer one at infinity.
func join(a, b, p float64) float64 {
	return math.Pow(math.Pow(a, p)+math.Pow(b, p), 1/p)
}

// decodeAttention reads the cache of what is attended to. Latent attention
// computes too: in its absorbed form a head takes a query of rank + rope against
// every token and sums rank values up.
func (r *roofline) decodeAttention(st step) float64 {
	t := st.attended * r.s.kvBytes() * r.s.pp() / (r.s.GPU.Bandwidth * pick(r.s.GPU, r.p.KV, r.p.KVHopper))
	if m := r.s.Model; m.MLARank > 0 {
		t += st.attended * float64(m.Layers*m.Heads*(2*m.MLARank+m.MLARope)) * 2 / r.s.split() / (pick(r.s.GPU, r.s.GPU.FP8, r.s.GPU.BF16) * r.p.MLA)
	}
	return t
}

// prefillAttention computes scores and sums; that half of them are masked is in
// the parameter.
func (r *roofline) prefillAttention(st step) float64 {
	m := r.s.Model
	flops := st.ctxSquares * float64(m.Layers*m.Heads) * float64(2*m.HeadDim+m.MLARope) / r.s.split()
	return flops / (r.s.GPU.FP8 * pick(r.s.GPU, r.p.Prefill, r.p.PrefillHopper))
}

// elementWise passes over hidden states between the products: norms, rotary
// positions, quantization, residuals; and with experts permutation, activation
// and finalization.
func (r *roofline) elementWise(n float64) float64 {
	m := r.s.Model
	bytes := r.p.Element * float64(m.Hidden*m.Layers)
	bytes += r.p.ElementMoE * float64(m.TopK*m.MoELayers) * (float64(m.Hidden) + 1.5*float64(m.ExpertFFN))
	return n * bytes / r.denseBW
}

// communication is what ranks exchange of n tokens each. Under attention DP the
// tokens go to the experts in their type and come back in BF16: all-to-all sends
// a token to the ranks that top_k choices reach, all-gather those of all ranks to
// each. Tensor parallelism reduces hidden states twice a layer. Pipeline stages
// pass them on.
func (r *roofline) communication(n, global float64) float64 {
	m, s := r.s.Model, r.s
	tp, layers, h := float64(max(1, s.TP)), float64(m.MoELayers), float64(m.Hidden)
	stages := (s.pp() - 1) * (n*h*2/(s.GPU.NVLink*r.p.Reduce) + r.p.Collective)
	switch {
	case tp == 1, s.AttentionDP && layers == 0:
		return stages
	case s.AttentionDP:
		bytes, link := m.Routed.Dtype.Bytes()+2, s.GPU.NVLink*r.p.Link
		if s.AllToAll {
			reach := tp * (1 - math.Pow(1-1/tp, float64(m.TopK))) * (tp - 1) / tp
			return n*layers*reach*h*bytes/link + 3*layers*r.p.Collective + stages
		}
		return (global-n)*layers*h*bytes/link + 2*layers*r.p.Collective + stages
	}
	return 2*float64(m.Layers)*(2*(tp-1)/tp*n*h*2/(s.GPU.NVLink*r.p.Reduce)+r.p.Collective) + stages
}
