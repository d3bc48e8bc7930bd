package estimate

import (
	"math"
	"slices"
)

// An Interval is a prediction with its error: Mid is the best guess.
type Interval struct {
	Low  float64 `json:"low"`
	Mid  float64 `json:"mid"`
	High float64 `json:"high"`
}

// Around is the interval of a throughput around mid, as wide as the calibration
// says: wider where no published run of the kind was there to fit to, and wider
// the smaller the batch is below those of all published runs.
func (s *Scenario) Around(mid float64) Interval {
	c := Calibrated()
	w := c.Width
	if !slices.Contains(c.Seen, s.Kind()) {
		w = c.UnseenWidth
	}
	if batch := math.Max(1, s.Batch()); batch < c.SmallestBatch {
		w += (c.SingleWidth - w) * math.Log(c.SmallestBatch/batch) / math.Log(c.SmallestBatch)
	}
	return Interval{Low: mid * (1 - w), Mid: mid, High: mid * (1 + w)}
}

// Batch is how many requests a rank serves at once, at most.
func (s *Scenario) Batch() float64 {
	asked := len(s.Requests)
	if s.Concurrency > 0 {
		asked = min(asked, s.Concurrency)
	}
	fit := int(min(Memory(*s).RequestsFit, math.MaxInt32))
	return math.Min(float64(asked)/float64(s.Ranks()), float64(min(s.MaxBatchSize, fit)))
}

// Kind is what decides which kernels run, "Blackwell FP8": the architecture and
// the type of most weights, and ", split" where pipeline stages share the layers
// or tensor parallelism cuts the experts.
func (s *Scenario) Kind() string {
	kind := "Blackwell"
	if s.GPU.Hopper {
		kind = "Hopper"
	}
	dtype := s.Model.Attention.Dtype
	if s.Model.MoELayers > 0 {
		dtype = s.Model.Routed.Dtype
	}
	kind += " " + string(dtype)
	if s.PP > 1 || s.Model.MoELayers > 0 && s.TP > 1 && !s.AttentionDP {
		kind += ", split"
	}
	return kind
}
