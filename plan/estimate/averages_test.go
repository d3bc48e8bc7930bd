package estimate

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What is foretold is what the whole simulation says.
func TestForetellIsTheMeanOfSimulate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := maverick(900, 40, 0, 0, 8192, 0.9)
		for range rapid.IntRange(1, 60).Draw(t, "requests") {
			r := Request{ISL: 900, OSL: 40}
			if rapid.Bool().Draw(t, "longer") {
				r.OSL = 80
			}
			s.Requests = append(s.Requests, r)
		}
		s.Concurrency = rapid.IntRange(-1, 30).Draw(t, "concurrency")
		s.AttentionDP = rapid.Bool().Draw(t, "attention DP")
		got, err := Foretell(s)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := out.Metrics()
		for name, pair := range map[string][2]float64{
			"total": {got.TotalS * 1e3, m.TotalLatency}, "TPS": {got.TPSPerGPU, m.TPSPerGPU},
			"TTFT": {got.TTFT, m.AvgTTFT}, "TPOT": {got.TPOT, m.AvgTPOT},
		} {
			if math.Abs(pair[0]-pair[1]) > 1e-9*pair[1] {
				t.Errorf("%s: %g, and the simulation says %g", name, pair[0], pair[1])
			}
		}
	})
}
