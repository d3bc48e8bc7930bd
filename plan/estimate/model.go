package estimate

// Dtype is the type of weights or activations.
type Dtype string

// The types that are known.
const (
	BF16  Dtype = "BF16"
	FP8   Dtype = "FP8"
	NVFP4 Dtype = "NVFP4"
	MXFP4 Dtype = "MXFP4"
)

// Bytes is the size of one parameter: NVFP4 has an FP8 scale for 16 values,
// MXFP4 one byte for 32.
func (d Dtype) Bytes() float64 {
	switch d {
	case FP8:
		return 1
	case NVFP4:
		return 0.5625
	case MXFP4:
		return 0.53125
	}
	return 2
}

// A Weight is a part of a model: how many parameters, of which type.
type Weight struct {
	Params float64
	Dtype  Dtype
}

func (w Weight) bytes() float64 { return w.Params * w.Dtype.Bytes() }

// A Model is an architecture with the types of one checkpoint. Parameters count
// all layers together.
type Model struct {
	Name                                    string
	Layers, Hidden, Heads, HeadDim, KVHeads int
	MoELayers, Experts, TopK, ExpertFFN     int
	Attention, DenseFFN, Shared, Router     Weight
	Routed, Embedding, Head, Vision         Weight
	// KVElements is what one token takes on all layers, KVDtype its type.
	KVElements int
	KVDtype    Dtype
	// AttentionChunk bounds what ChunkedLayers attend to, Window what
	// WindowLayers do; 0 is no bound.
	AttentionChunk, ChunkedLayers, Window, WindowLayers int
	// MLARank is the rank of latent attention, 0 where keys and values are cached
	// whole; MLARope is the rotary part of a key beside it.
	MLARank, MLARope int
}

// GPU holds the peak rates of a GPU: bytes, bytes a second, FLOP/s.
type GPU struct {
	Name   string
	Hopper bool
	// Grace says that the host is Grace, not x86.
	Grace                     bool
	MemoryBytes               float64
	Bandwidth, BF16, FP8, FP4 float64
	NVLink                    float64
}

func (g GPU) flops(d Dtype) float64 {
	switch d {
	case FP8:
		return g.FP8
	case NVFP4:
		if g.FP4 > 0 {
			return g.FP4
		}
		return g.FP8
	case MXFP4:
		if !g.Hopper {
			return g.FP8
		}
	}
	return g.BF16
}

// Bytes is the size of all weights.
func (m Model) Bytes() float64 {
	sum := 0.0
	for _, w := range []Weight{m.Attention, m.DenseFFN, m.Shared, m.Router, m.Routed, m.Embedding, m.Head, m.Vision} {
		sum += w.bytes()
	}
	return sum
}
