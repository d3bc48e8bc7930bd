package estimate

import "math"

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
