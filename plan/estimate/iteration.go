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
	graph       bool    // a CUDA graph launches the kernels
}

// over is the work of one of m equal parts.
func (st step) over(m float64) step {
	return step{st.ctxTokens / m, st.ctxSquares / m, st.ctxRequests / m, st.decode / m, st.attended / m, st.batch / m, st.global / m, st.graph}
}

// A roofline gives the time of steps for one scenario.
type roofline struct {
	s *Scenario
	p Parameters
	// Invariants of the scenario.
	denseRead, moving float64
	busiest           float64 // standard deviations
	// generated keeps the times of layers while ranks only generate, which depend on
	// a few batch sizes; nil keeps none.
	generated map[[3]float64]float64
}

func newRoofline(s *Scenario) *roofline {
	r := &roofline{s: s, p: s.parameters()}
	m := s.Model
	for _, w := range []Weight{m.Attention, m.DenseFFN, m.Shared, m.Head} {
		r.denseRead += w.bytes() / s.split() / (s.GPU.Bandwidth * *r.p.weights(w.Dtype, s.GPU))
	}
	r.moving = s.GPU.Bandwidth * pick(s.GPU, r.p.Weights, r.p.WeightsHopper)
	r.busiest = busiest(max(1, s.EP))
	return r
}

// seconds is how long a step takes: what the GPU does and what the host needs,
// which overlap.
func (r *roofline) seconds(st step) float64 {
	return join(r.gpu(st), r.host(st), r.p.Overlap)
}

// host is how long the host takes for a step: it launches the kernels of every
// layer where no CUDA graph does, and looks at every request.
func (r *roofline) host(st step) float64 {
	t := r.p.Host + (st.decode+st.ctxRequests)*r.p.HostRequest
	if !st.graph {
		launch := float64(r.s.Model.Layers) * r.p.Launch
		if r.triton() {
			launch *= r.p.LaunchTriton
		}
		t += launch
	}
	if r.s.GPU.Grace {
		t *= r.p.Grace
	}
	if r.s.Early {
		t *= r.p.HostEarly
	}
	return t
}

func (r *roofline) triton() bool { return r.s.GPU.Hopper && r.s.Model.Routed.Dtype == MXFP4 }

// gpu is how long the layers take one after the other: the parts of the doc
// comment of the package, added up. Pipeline stages share the requests as
// micro-batches, as many as there are stages at most: a token passes all stages,
// and each of these reads its weights for every micro-batch.
func (r *roofline) gpu(st step) float64 {
	if pp := r.s.pp(); pp > 1 {
		st = st.over(math.Max(1, math.Min(pp, math.Ceil(st.ctxRequests+st.decode))))
	}
	n := st.ctxTokens + st.batch
	t := r.layers(n, st) + r.decodeAttention(st) + r.prefillAttention(st) + r.elementWise(n) + r.communication(n, st.global)
	return t + r.fixed()
}

// layers is the dense layers and the experts.
func (r *roofline) layers(n float64, st step) float64 {
	if st.ctxTokens > 0 || r.generated == nil {
		return r.dense(n, st) + r.experts(st.global)
	}
	key := [3]float64{n, st.decode, st.global}
	t, ok := r.generated[key]
	if !ok {
		t = r.dense(n, st) + r.experts(st.global)
		r.generated[key] = t
	}
	return t
}

// fixed is what the kernels of all layers take at least.
func (r *roofline) fixed() float64 {
	m := r.s.Model
	t := float64(m.Layers)**r.p.layer(r.s.GPU) + float64(m.MoELayers)*pick(r.s.GPU, r.p.LayerMoE, r.p.LayerMoEHopper)
	if r.triton() {
		t += float64(m.MoELayers) * r.p.LayerTriton
	}
	if m.MLARank > 0 {
		t += float64(m.Layers) * r.p.LayerMLA
	}
	return t
}

// dense is the projections of attention, the dense and shared feed-forward
// parts, and the logits of the tokens that need them. Attention DP replicates
// them (overridden_tp_size in modeling_llama.py); tensor parallelism cuts them.
func (r *roofline) dense(n float64, st step) float64 {
	compute := 0.0
	m, g := r.s.Model, r.s.GPU
	for _, w := range []Weight{m.Attention, m.DenseFFN, m.Shared} {
		compute += 2 * n * w.Params / r.s.split() / (g.flops(w.Dtype) * *r.p.dense(w.Dtype, g))
	}
	compute += 2 * (st.decode + st.ctxRequests) * m.Head.Params / r.s.split() / (g.BF16 * r.p.Head)
	return join(r.denseRead, compute, r.p.Norm)
}

// experts is the routed experts of the busiest rank for the tokens of all ranks.
// Experts differ in how popular they are: where that follows a gamma
// distribution, tokens leave (1 + tokens top_k / (experts shape))^-shape of the
// experts unread. Kernels round what an expert gets up to whole tiles of tokens. TP
// beyond EP cuts each expert.
func (r *roofline) experts(global float64) float64 {
	m, s := r.s.Model, r.s
	if m.MoELayers == 0 || global == 0 {
		return 0
	}
	experts, layers := float64(m.Experts), float64(m.MoELayers)
	choices := global * float64(m.TopK)
	own, whole := experts/float64(max(1, s.EP)), float64(max(1, s.TP))/float64(max(1, s.EP))
	hit := 1 - math.Pow(1+choices/(experts*r.p.Skew), -r.p.Skew)
	load := choices / experts * own
	if s.EP > 1 {
		load *= math.Min(float64(s.EP), 1+r.busiest*math.Sqrt(1/(r.p.Skew*own)+1/load))
		hit = math.Min(1, hit+r.busiest*math.Sqrt(hit*(1-hit)/own))
	}
	read := hit * own / whole * m.Routed.bytes() / experts / (s.GPU.Bandwidth * *r.p.weights(m.Routed.Dtype, s.GPU))
	compute := 2 * (load + r.p.Tile*hit*own) / whole * layers * 3 * float64(m.Hidden) * float64(m.ExpertFFN) / (s.GPU.flops(m.Routed.Dtype) * *r.p.moe(&m, s.GPU, s.Early))
	return read + compute
}

// busiest is by how many standard deviations the busiest of n ranks exceeds the
// mean: about the quantile that Blom gives for the largest of several.
func busiest(n int) float64 {
	return math.Sqrt2 * math.Erfinv(2*(float64(n)-0.375)/(float64(n)+0.25)-1)
}

// join is the time of two things that partly overlap: their sum at p = 1, the longer one at infinity.
func join(a, b, p float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a * math.Pow(1+math.Pow(b/a, p), 1/p)
}

// decodeAttention reads the cache of what is attended to. Latent attention
// computes too: in its absorbed form a head takes a query of rank + rope against
// every token and sums rank values up.
func (r *roofline) decodeAttention(st step) float64 {
	t := st.attended * r.s.kvBytes() * r.s.pp() / (r.s.GPU.Bandwidth * r.cache())
	if m := r.s.Model; m.MLARank > 0 {
		t += st.attended * float64(m.Layers*m.Heads*(2*m.MLARank+m.MLARope)) * 2 / r.s.split() / (pick(r.s.GPU, r.s.GPU.FP8, r.s.GPU.BF16) * r.p.MLA)
	}
	return t
}

// cache is the share of bandwidth when the KV cache is read. The kernels of
// Hopper that stop at a chunk read it slower.
func (r *roofline) cache() float64 {
	share := *r.p.kv(r.s.GPU)
	if r.s.GPU.Hopper && r.s.chunked() > 0 {
		share *= r.p.KVChunkedHopper
	}
	return share
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
// and finalization. About half of them are on what tensor parallelism cuts.
func (r *roofline) elementWise(n float64) float64 {
	m := r.s.Model
	bytes := r.p.Element * float64(m.Hidden*m.Layers) * (1 + 1/r.s.split()) / 2
	bytes += r.p.ElementMoE * r.s.expertBytes() * float64(m.TopK*m.MoELayers) * (float64(m.Hidden) + 1.5*float64(m.ExpertFFN))
	return n * bytes / r.moving
}

// expertBytes is what a value takes on its way to the experts, in the type that
// these compute in, and back, in BF16. Experts in MXFP4 compute in FP8, and on
// Hopper in BF16.
func (s *Scenario) expertBytes() float64 {
	there := s.Model.Routed.Dtype
	if there == MXFP4 {
		there = FP8
		if s.GPU.Hopper {
			there = BF16
		}
	}
	return there.bytes() + BF16.bytes()
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
		bytes, link := s.expertBytes(), s.GPU.NVLink*r.p.Link
		if s.AllToAll {
			reach := tp * (1 - math.Pow(1-1/tp, float64(m.TopK))) * (tp - 1) / tp
			return n*layers*reach*h*bytes/link + 3*layers*r.p.Collective + stages
		}
		return (global-n)*layers*h*bytes/link + 2*layers*r.p.Collective + stages
	}
	return 2*float64(m.Layers)*r.allReduce(n*h*2) + stages
}

// allReduce is how long the ranks of tensor parallelism take to sum bytes up:
// each reads all of the others at once, or the ranks sum a part each and pass it
// on, which moves less and takes the latencies of more steps.
func (r *roofline) allReduce(bytes float64) float64 {
	const steps = 5
	tp := float64(r.s.TP)
	seconds := bytes / r.s.GPU.NVLink
	return math.Min((tp-1)*seconds/r.p.Reduce+r.p.Collective, 2*(tp-1)/tp*seconds/r.p.ReduceLarge+steps*r.p.Collective)
}
