package estimate

// An Interval is a prediction with its error: Mid is the best guess.
type Interval struct {
	Low  float64 `json:"low"`
	Mid  float64 `json:"mid"`
	High float64 `json:"high"`
}

// Coverage is the share of published measurements, not used in the fit, that lie
// inside an interval of Width to either side.
const (
	Width    = 0.20
	Coverage = 0.82
)

// Around is the interval of Width around mid.
func Around(mid float64) Interval {
	return Interval{Low: mid * (1 - Width), Mid: mid, High: mid * (1 + Width)}
}
