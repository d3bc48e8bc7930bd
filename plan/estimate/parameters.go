package estimate

// parameters are the efficiencies that the published measurements leave after
// peak rates: shares of peak, bytes, seconds. They were fitted on TensorRT-LLM
// 1.0 and 1.2 rows with a pull to kernel timings.
type parameters struct {
	weights      float64 // share of bandwidth when weights are read
	dense        map[Dtype]float64
	moe          map[Dtype]float64 // absorbs imbalance, padding and permutation
	norm         float64           // exponent that joins reading and computing
	kv           float64           // share of bandwidth when the cache is read
	attention    float64           // share of FP8 peak in prefill attention
	element      float64           // bytes an element-wise pass moves, a token, layer and hidden unit
	elementMoE   float64
	layer        float64 // seconds a layer
	link         float64 // share of NVLink
	collective   float64 // seconds a collective
	host         float64 // seconds an iteration
	hostRequest  float64 // seconds a request and iteration
	headFraction float64 // share of BF16 peak for logits
}

func fitted(g GPU) parameters {
	p := parameters{
		weights: 0.73, norm: 3.4, element: 34, elementMoE: 11,
		link: 0.40, collective: 12e-6, host: 1.5e-3, hostRequest: 4e-6, headFraction: 0.6,
		dense:     map[Dtype]float64{BF16: 0.6, FP8: 0.47, NVFP4: 0.45, MXFP4: 0.45},
		moe:       map[Dtype]float64{BF16: 0.27, FP8: 0.27, NVFP4: 0.18, MXFP4: 0.18},
		kv:        0.74,
		attention: 0.34,
		layer:     62e-6,
	}
	if g.Hopper {
		p.dense[FP8], p.moe[FP8], p.moe[BF16] = 0.75, 0.19, 0.19
		p.kv, p.attention, p.layer = 0.87, 0.40, 53e-6
	}
	return p
}
