package estimate

import "math"

// A step is the work of one iteration on one rank.
type step struct {
	ctxTokens   float64
	ctxSquares  float64 // sum of squares of prompt lengths, by what they attend to
	ctxRequests float64
	decode      float64 // requests that generate
	attended    float64 // tokens that they attend to, summed
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

// seconds is how long a step takes: the parts of section 6.1 of the performance
// model, added up, and no less than the host needs.
func (r *roofline) seconds(st step) float64 {
	n := st.ctxTokens + r.padded(st)
	parts := r.dense(n, st) + r.experts(n) + r.decodeAttention(st) + r.prefillAttention(st) + r.elementWise(n) + r.communication(n)
	gpu := parts/r.s.pp() + float64(r.s.Model.Layers)*pick(r.s.GPU, r.p.Layer, r.p.LayerHopper) + float64(r.s.Model.MoELayers)*r.p.LayerMoE
	return math.Max(gpu, r.p.Host+st.decode*r.p.HostRequest)
}

// padded is the decode batch, rounded up to a CUDA graph where there is one.
func (r *roofline) padded(st step) float64 {
	if st.ctxTokens > 0 || !r.s.GraphPadding {
		return st.decode
	}
	for _, g := range r.s.GraphSizes {
		if float64(g) >= st.decode {
			return float64(g)
		}
	}
	return st.decode
}

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

func (r *roofline) experts(n float64) float64 {
	m, s := r.s.Model, r.s
	if m.MoELayers == 0 {
		return 0
	}
	tp := float64(max(1, s.TP))
	global := n * float64(s.ranks())
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

func (r *roofline) decodeAttention(st step) float64 {
	t := st.attended * r.s.kvBytes() / (r.s.GPU.Bandwidth * pick(r.s.GPU, r.p.KV, r.p.KVHopper))
	if m := r.s.Model; m.MLARank > 0 {
		t += st.attended * float64(m.Layers*m.Heads*(2*m.MLARank+m.MLARope)) * 2 / r.s.split() / (pick(r.s.GPU, r.s.GPU.FP8, r.s.GPU.BF16) * r.p.MLA)
	}
	return t
}

func (r *roofline) prefillAttention(st step) float64 {
	m := r.s.Model
	flops := st.ctxSquares * float64(m.Layers*m.Heads) * float64(2*m.HeadDim+m.MLARope) / r.s.split()
	return flops / (r.s.GPU.FP8 * pick(r.s.GPU, r.p.Prefill, r.p.PrefillHopper))
}

func (r *roofline) elementWise(n float64) float64 {
	m := r.s.Model
	bytes := r.p.Element * float64(m.Hidden*m.Layers)
	bytes += r.p.ElementMoE * float64(m.TopK*m.MoELayers) * (float64(m.Hidden) + 1.5*float64(m.ExpertFFN))
	return n * bytes / r.denseBW
}

func (r *roofline) communication(n float64) float64 {
	m, s := r.s.Model, r.s
	link := s.GPU.NVLink * r.p.Link
	tp := float64(max(1, s.TP))
	switch {
	case tp == 1:
		return 0
	case s.AttentionDP && m.MoELayers > 0:
		bytes := m.Routed.Dtype.Bytes() + 2
		if s.AllToAll {
			reach := tp * (1 - math.Pow(1-1/tp, float64(m.TopK))) * (tp - 1) / tp
			return n*float64(m.MoELayers)*reach*float64(m.Hidden)*bytes/link + 3*float64(m.MoELayers)*r.p.Collective
		}
		return n*float64(m.MoELayers)*(tp-1)*float64(m.Hidden)*bytes/link + 2*float64(m.MoELayers)*r.p.Collective
	case s.AttentionDP:
		return 0
	}
	return 2 * float64(m.Layers) * (2*(tp-1)/tp*n*float64(m.Hidden)*2/(s.GPU.NVLink*r.p.Reduce) + r.p.Collective)
}
