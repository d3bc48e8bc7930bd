package estimate

import (
	"math"
	"slices"
)

// Dtype is the type of weights or activations.
type Dtype string

// The types that are known.
const (
	BF16  Dtype = "BF16"
	FP8   Dtype = "FP8"
	NVFP4 Dtype = "NVFP4"
	MXFP4 Dtype = "MXFP4"
)

// bytes is the size of one parameter: NVFP4 has an FP8 scale for 16 values,
// MXFP4 one byte for 32.
func (d Dtype) bytes() float64 {
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

func (w Weight) bytes() float64 { return w.Params * w.Dtype.bytes() }

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
	for _, w := range m.parts() {
		sum += w.bytes()
	}
	return sum
}

func (m Model) parts() []Weight {
	return []Weight{m.Attention, m.DenseFFN, m.Shared, m.Router, m.Routed, m.Embedding, m.Head, m.Vision}
}

// chunked is the share of layers that attend inside chunks. TensorRT-LLM
// switches chunks off where no sequence is as long as one; on Hopper its kernels
// mask what lies outside the chunk but read it all the same.
func (s *Scenario) chunked() float64 {
	m := &s.Model
	if m.ChunkedLayers == 0 || m.AttentionChunk == 0 || s.MaxSeqLen < m.AttentionChunk {
		return 0
	}
	return float64(m.ChunkedLayers) / float64(m.Layers)
}

// windowed is the share of layers that look back over a window.
func (s *Scenario) windowed() float64 {
	if s.Model.Window == 0 {
		return 0
	}
	return float64(s.Model.WindowLayers) / float64(s.Model.Layers)
}

// attended is how many tokens a request at position p attends to, averaged over
// the layers.
func (s *Scenario) attended(p float64) float64 {
	if share := s.chunked(); share > 0 {
		return (1-share)*p + share*math.Mod(p, float64(s.Model.AttentionChunk))
	}
	if share := s.windowed(); share > 0 {
		return (1-share)*p + share*math.Min(p, float64(s.Model.Window))
	}
	return p
}

// slope is by how much attended grows from position p to the next.
func (s *Scenario) slope(p float64) float64 {
	if s.chunked() == 0 && s.windowed() > 0 && p >= float64(s.Model.Window) {
		return 1 - s.windowed()
	}
	return 1
}

// bend is after how many tokens attended stops to grow by slope: where a chunk
// begins or the window is full.
func (s *Scenario) bend(position int) int {
	if s.chunked() > 0 {
		return s.Model.AttentionChunk - position%s.Model.AttentionChunk
	}
	if s.windowed() > 0 && position < s.Model.Window {
		return s.Model.Window - position
	}
	return math.MaxInt
}

// prefillSquares is the mean over layers of the sum of squares of what a prompt
// of n tokens attends to.
func (s *Scenario) prefillSquares(n float64) float64 {
	full := n * n
	if share := s.chunked(); share > 0 {
		c := float64(s.Model.AttentionChunk)
		whole := math.Floor(n / c)
		rest := n - whole*c
		return (1-share)*full + share*(whole*c*c+rest*rest)
	}
	if share := s.windowed(); share > 0 && n > float64(s.Model.Window) {
		w := float64(s.Model.Window)
		return (1-share)*full + share*(2*n*w-w*w)
	}
	return full
}

// A generation is the cohorts of a rank that generate. What they attend to
// grows by the same in every iteration until one of them turns, so that nothing
// has to be looked at in between.
type generation struct {
	size     int       // requests
	attended float64   // tokens that they attend to in the next iteration, summed
	slope    float64   // by how much that grows an iteration
	clock    int       // iterations so far
	turns    []*cohort // the next to turn first
}

// add begins with a cohort whose prompt has just brought its first token.
func (g *generation) add(s *Scenario, c *cohort) {
	c.end = g.clock + c.osl - 1
	c.position = c.isl + 1
	g.size += len(c.ids)
	g.enter(s, c)
}

// enter sends a cohort on its course from c.position.
func (g *generation) enter(s *Scenario, c *cohort) {
	p := float64(c.position)
	c.from = g.clock
	c.attended, c.slope = s.attended(p), s.slope(p)
	c.turn = c.end
	if bend := s.bend(c.position); bend < c.end-g.clock {
		c.turn = g.clock + bend
	}
	k := float64(len(c.ids))
	g.attended += k * c.attended
	g.slope += k * c.slope
	i, _ := slices.BinarySearchFunc(g.turns, c.turn, func(o *cohort, turn int) int { return o.turn - turn })
	g.turns = slices.Insert(g.turns, i, c)
}

// leave takes out what a cohort adds to the sums.
func (g *generation) leave(c *cohort) {
	k := float64(len(c.ids))
	g.attended -= k * (c.attended + c.slope*float64(g.clock-c.from))
	g.slope -= k * c.slope
	c.position += g.clock - c.from
}

// calm is for how many iterations no cohort turns.
func (g *generation) calm() int {
	if len(g.turns) == 0 {
		return math.MaxInt
	}
	return g.turns[0].turn - g.clock
}

// mean is what is attended to in the mean of the next n iterations, none of
// which is a turn.
func (g *generation) mean(n int) float64 { return g.attended + g.slope*float64(n-1)/2 }

// advance lets n iterations go by, at most until the next turn, and returns the
// cohorts that end with them.
func (g *generation) advance(s *Scenario, n int) (ended []*cohort) {
	g.clock += n
	g.attended += g.slope * float64(n)
	for len(g.turns) > 0 && g.turns[0].turn <= g.clock {
		c := g.turns[0]
		g.turns = g.turns[1:]
		g.leave(c)
		if c.end > g.clock {
			g.enter(s, c)
			continue
		}
		g.size -= len(c.ids)
		ended = append(ended, c)
	}
	return ended
}
