package plan

import (
	"math"
	"testing"
)

func TestPrecisionNotReached(t *testing.T) {
	for _, c := range []struct {
		precision precision
		samples   int
		want      string
	}{
		{precision{}, 6, ""},
		{precision{wanted: .005, most: 12, have: .004}, 9, ""},
		{precision{wanted: .005, most: 12, have: math.Inf(1)}, 0, ""},
		{precision{wanted: .005, most: 12, have: math.Inf(1)}, 4, "4 of at most 12 samples are too few for an interval; precision asks for ±0.5 %"},
		{precision{wanted: .005, most: 12, have: .0142}, 12, "±1.4 % after 12 of at most 12 samples; precision asks for ±0.5 %"},
	} {
		r := &Run{precision: c.precision, State: Samples{Valid: c.samples}}
		if got := r.PrecisionNotReached(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.precision, got, c.want)
		}
	}
}
