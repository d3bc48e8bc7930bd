package estimate

import "slices"

// An Interval is a prediction with its error: Mid is the best guess.
type Interval struct {
	Low  float64 `json:"low"`
	Mid  float64 `json:"mid"`
	High float64 `json:"high"`
}

// Around is the interval of a throughput around mid, as wide as the calibration
// says: wider where no published run of the kind was there to fit to.
func (s *Scenario) Around(mid float64) Interval {
	c := Calibrated()
	w := c.Width
	if !slices.Contains(c.Seen, s.Kind()) {
		w = c.UnseenWidth
	}
	return Interval{Low: mid * (1 - w), Mid: mid, High: mid * (1 + w)}
}

// Kind is what decides which kernels run, "Blackwell FP8": the architecture and
// the type of most weights.
func (s *Scenario) Kind() string {
	architecture := "Blackwell"
	if s.GPU.Hopper {
		architecture = "Hopper"
	}
	dtype := s.Model.Attention.Dtype
	if s.Model.MoELayers > 0 {
		dtype = s.Model.Routed.Dtype
	}
	return architecture + " " + string(dtype)
}
