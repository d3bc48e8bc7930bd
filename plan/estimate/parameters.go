package estimate

// Parameters are what peak rates leave open: shares of peak, bytes, seconds.
// Where kernels differ by architecture there is one for Hopper and one for
// Blackwell.
type Parameters struct {
	Weights                  float64 // share of bandwidth when weights are read
	DenseBF16                float64 // shares of peak in dense layers, by type
	DenseFP8, DenseFP8Hopper float64
	DenseFP4                 float64
	MoEFP8, MoEFP8Hopper     float64 // shares of peak in experts: imbalance, padding and permutation are in them
	MoEFP4, MoEFP4Early      float64 // the latter before TensorRT-LLM 1.2
	Norm                     float64 // exponent that joins reading and computing
	KV, KVHopper             float64 // share of bandwidth when the cache is read
	Prefill, PrefillHopper   float64 // share of FP8 peak in prefill attention
	MLA                      float64 // share of BF16 peak in latent attention
	Element, ElementMoE      float64 // bytes that element-wise passes move, a token, layer and hidden unit
	Layer, LayerHopper       float64 // seconds a layer
	Link                     float64 // share of NVLink
	Collective               float64 // seconds a collective
	Host, HostRequest        float64 // seconds an iteration, and a request and iteration
	Head                     float64 // share of BF16 peak for logits
	Reduce                   float64 // share of NVLink in all-reduce
	LayerMoE                 float64 // seconds a layer with experts, beside
	Workspace                float64 // bytes of a rank beside weights, cache and activations
	Activation               float64 // share of the activations of the largest iteration that are held at once
}

func (p *Parameters) dense(d Dtype, g GPU) float64 {
	switch {
	case d == BF16:
		return p.DenseBF16
	case d != FP8:
		return p.DenseFP4
	case g.Hopper:
		return p.DenseFP8Hopper
	}
	return p.DenseFP8
}

func (p *Parameters) moe(d Dtype, g GPU, early bool) float64 {
	switch {
	case early && d == NVFP4:
		return p.MoEFP4Early
	case d == NVFP4:
		return p.MoEFP4
	case g.Hopper:
		return p.MoEFP8Hopper
	}
	return p.MoEFP8
}

func pick(g GPU, blackwell, hopper float64) float64 {
	if g.Hopper {
		return hopper
	}
	return blackwell
}
