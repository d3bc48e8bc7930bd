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

// A roofline gives the time of steps for one scenario: the sum of the parts of the
// doc comment of the package, and what the host needs, which overlap.
type roofline struct {
	s       *Scenario
	p       Parameters
	busiest float64 // standard deviations
	// Seconds.
	read, token, logits   float64 // dense layers: reading them, computing a token, logits of one
	attended, square      float64 // attention: a token of the cache, a square of prefill
	element               float64 // element-wise kernels: a token
	exchanged, gathered   float64 // communication: a token of the rank, one of all ranks
	fixed                 float64 // an iteration of the GPU at least
	host, request, launch float64 // the host: an iteration, a request of it, no CUDA graph
	// The experts for the tokens of the last step: those of other ranks are the same.
	global, experts float64
	works           []stepTime // of slowest
}

// A stepTime is a step in seconds: what dense layers compute, all else of the GPU, and
// the host.
type stepTime struct{ dense, rest, host float64 }

func newRoofline(s *Scenario) *roofline {
	r := &roofline{s: s, p: s.parameters(), busiest: busiest(max(1, s.EP))}
	m, g := &s.Model, s.GPU
	r.dense()
	r.attention()
	r.hosts()
	r.fixed = float64(m.Layers)*pick(g, r.p.Layer, r.p.LayerHopper) + float64(m.MoELayers)*pick(g, r.p.LayerMoE, r.p.LayerMoEHopper)
	if r.triton() {
		r.fixed += float64(m.MoELayers) * r.p.LayerTriton
	}
	if m.MLARank > 0 {
		r.fixed += float64(m.Layers) * r.p.LayerMLA
	}
	r.communicate()
	r.element = r.elementBytes() / (g.Bandwidth * pick(g, r.p.Weights, r.p.WeightsHopper))
	return r
}

// seconds is how long a step takes.
func (r *roofline) seconds(st step) float64 { return r.join(r.work(st)) }

func (r *roofline) join(w stepTime) float64 {
	return join(join(r.read, w.dense, r.p.Norm)+w.rest, w.host, r.p.Overlap)
}

// slowest is the step that takes longest, with its seconds.
func (r *roofline) slowest(steps []step) (slowest int, seconds float64) {
	// A step takes longer than another by no more than its parts do, so that most
	// need not be joined.
	const negligible = 1e-3
	r.works = r.works[:0]
	for i, st := range steps {
		w := r.work(st)
		r.works = append(r.works, w)
		if most := r.works[slowest]; w.dense+w.rest+w.host > most.dense+most.rest+most.host {
			slowest = i
		}
	}
	seconds = r.join(r.works[slowest])
	for i, w := range r.works {
		most := r.works[slowest]
		if max(0, w.dense-most.dense)+max(0, w.rest-most.rest)+max(0, w.host-most.host) <= negligible*seconds {
			continue
		}
		if t := r.join(w); t > seconds {
			slowest, seconds = i, t
		}
	}
	return slowest, seconds
}

// mean is how long a step of seconds takes in the mean of n iterations over which
// what it attends to grows by slope each: by the two points of Gauss, unless these
// are so near that time is linear between them.
func (r *roofline) mean(st step, seconds float64, n int, slope float64) float64 {
	const linear = 0.01
	off := slope * math.Sqrt(float64(n*n-1)/12)
	if off*r.attended < linear*seconds {
		return seconds
	}
	less, more := st, st
	less.attended -= off
	more.attended += off
	return (r.seconds(less) + r.seconds(more)) / 2
}

// hosts is what the host needs: it launches the kernels of every layer where no
// CUDA graph does, and looks at every request.
func (r *roofline) hosts() {
	r.host, r.request, r.launch = r.p.Host, r.p.HostRequest, float64(r.s.Model.Layers)*r.p.Launch
	if r.triton() {
		r.launch *= r.p.LaunchTriton
	}
	slower := 1.0
	if r.s.GPU.Grace {
		slower *= r.p.Grace
	}
	if r.s.Early {
		slower *= r.p.HostEarly
	}
	r.host, r.request, r.launch = r.host*slower, r.request*slower, r.launch*slower
}

func (r *roofline) triton() bool { return r.s.GPU.Hopper && r.s.Model.Routed.Dtype == MXFP4 }

// work is a step in its parts. Pipeline stages share the requests as
// micro-batches, as many as there are stages at most: a token passes all stages,
// and each of these reads its weights for every micro-batch.
func (r *roofline) work(st step) stepTime {
	w := stepTime{host: r.host + (st.decode+st.ctxRequests)*r.request}
	if !st.graph {
		w.host += r.launch
	}
	if pp := r.s.pp(); pp > 1 {
		st = st.over(math.Max(1, math.Min(pp, math.Ceil(st.ctxRequests+st.decode))))
	}
	if st.global != r.global {
		r.global, r.experts = st.global, r.expertsOf(st.global)
	}
	n := st.ctxTokens + st.batch
	w.dense = n*r.token + (st.decode+st.ctxRequests)*r.logits
	w.rest = r.experts + st.attended*r.attended + st.ctxSquares*r.square + n*(r.element+r.exchanged) + st.global*r.gathered + r.fixed
	if r.s.TP > 1 && !r.s.AttentionDP {
		w.rest += 2 * float64(r.s.Model.Layers) * r.allReduce(n*float64(r.s.Model.Hidden)*2)
	}
	return w
}

// dense is the projections of attention, the dense and shared feed-forward
// parts, and the logits of the tokens that need them. Attention DP replicates
// them (overridden_tp_size in modeling_llama.py); tensor parallelism cuts them.
func (r *roofline) dense() {
	m, g, split := &r.s.Model, r.s.GPU, r.s.split()
	for _, w := range []Weight{m.Attention, m.DenseFFN, m.Shared, m.Head} {
		r.read += w.bytes() / split / (g.Bandwidth * *r.p.weights(w.Dtype, g))
	}
	for _, w := range []Weight{m.Attention, m.DenseFFN, m.Shared} {
		r.token += 2 * w.Params / split / (g.flops(w.Dtype) * *r.p.dense(w.Dtype, g))
	}
	r.logits = 2 * m.Head.Params / split / (g.BF16 * r.p.Head)
}

// expertsOf is the routed experts of the busiest rank for the tokens of all ranks.
// Experts differ in how popular they are: where that follows a gamma
// distribution, tokens leave (1 + tokens top_k / (experts shape))^-shape of the
// experts unread. TP beyond EP cuts each expert.
//
// Kernels round what an expert gets up to whole tiles of tokens. Those of trtllm-gen
// have the power of two from the mean of an expert on, 8 to 64
// (calculate_tile_tokens_dim in _torch/custom_ops/trtllm_gen_custom_ops.py of
// TensorRT-LLM at 024c0904), or one near it that the autotuner prefers
// (computeSelectedTileN in trtllmGenKernels/blockScaleMoe/runner.h at 03c64ce5);
// CUTLASS is tuned among 16 to 256 (get_candidate_configs_sm100 in
// cutlass_heuristic.cpp at 0b53e947). A mean of all serves as well: with the power
// of two in its place the fit takes 0.54 of a tile and predicts unseen rows no
// better, 8.7 % off where saturated and 11.5 % where limited (8.8 and 11.3 %).
func (r *roofline) expertsOf(global float64) float64 {
	s := r.s
	m := &s.Model
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
	compute := 2 * (load + r.p.Tile*hit*own) / whole * layers * 3 * float64(m.Hidden) * float64(m.ExpertFFN) / (s.GPU.flops(m.Routed.Dtype) * *r.p.moe(m, s.GPU, s.Early))
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
	return a * math.Exp(math.Log1p(math.Exp(p*math.Log(b/a)))/p)
}

// attention reads the cache of what is attended to. Latent attention computes too:
// in its absorbed form a head takes a query of rank + rope against every token and
// sums rank values up. Prefill computes scores and sums; that half of them are
// masked is in the parameter.
func (r *roofline) attention() {
	s, m, g := r.s, &r.s.Model, r.s.GPU
	r.attended = s.kvBytes() * s.pp() / (g.Bandwidth * r.cache())
	if m.MLARank > 0 {
		r.attended += float64(m.Layers*m.Heads*(2*m.MLARank+m.MLARope)) * 2 / s.split() / (pick(g, g.FP8, g.BF16) * r.p.MLA)
	}
	r.square = float64(m.Layers*m.Heads) * float64(2*m.HeadDim+m.MLARope) / s.split() / (g.FP8 * pick(g, r.p.Prefill, r.p.PrefillHopper))
}

// cache is the share of bandwidth when the KV cache is read. The kernels of
// Hopper that stop at a chunk read it slower.
func (r *roofline) cache() float64 {
	share := pick(r.s.GPU, r.p.KV, r.p.KVHopper)
	if r.s.GPU.Hopper && r.s.chunked() > 0 {
		share *= r.p.KVChunkedHopper
	}
	return share
}

// elementBytes is what a token moves between the products: norms, rotary
// positions, quantization, residuals; and with experts permutation, activation
// and finalization. About half of them are on what tensor parallelism cuts.
func (r *roofline) elementBytes() float64 {
	m := &r.s.Model
	return r.p.Element*float64(m.Hidden*m.Layers)*(1+1/r.s.split())/2 +
		r.p.ElementMoE*r.s.expertBytes()*float64(m.TopK*m.MoELayers)*(float64(m.Hidden)+1.5*float64(m.ExpertFFN))
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

// communicate is what ranks exchange of their tokens. Under attention DP these go
// to the experts in their type and come back in BF16: all-to-all sends a token to
// the ranks that top_k choices reach, all-gather those of all ranks to each.
// Tensor parallelism reduces hidden states twice a layer. Pipeline stages pass
// them on.
func (r *roofline) communicate() {
	m, s := &r.s.Model, r.s
	tp, layers, h := float64(max(1, s.TP)), float64(m.MoELayers), float64(m.Hidden)
	r.exchanged = (s.pp() - 1) * h * 2 / (s.GPU.NVLink * r.p.Reduce)
	r.fixed += (s.pp() - 1) * r.p.Collective
	switch bytes := layers * h * s.expertBytes() / (s.GPU.NVLink * r.p.Link); {
	case tp == 1, layers == 0, !s.AttentionDP:
	case s.AllToAll:
		r.exchanged += (1 - math.Pow(1-1/tp, float64(m.TopK))) * (tp - 1) * bytes
		r.fixed += 3 * layers * r.p.Collective
	default:
		r.exchanged -= bytes
		r.gathered = bytes
		r.fixed += 2 * layers * r.p.Collective
	}
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
