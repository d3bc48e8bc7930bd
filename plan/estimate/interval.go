package estimate

// An Interval is a prediction with its error: Mid is the best guess.
type Interval struct {
	Low  float64 `json:"low"`
	Mid  float64 `json:"mid"`
	High float64 `json:"high"`
}

// Around is the interval of a throughput around mid, as wide as the calibration
// says.
func Around(mid float64) Interval {
	w := Calibrated().Width
	return Interval{Low: mid * (1 - w), Mid: mid, High: mid * (1 + w)}
}
