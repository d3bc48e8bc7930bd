package estimate

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawn is a scenario of mixed lengths that fits.
func drawn(t *rapid.T) Scenario {
	s := maverick(100, 50, 0, rapid.IntRange(-1, 60).Draw(t, "concurrency"), 2048, 0.9)
	s.ChunkedContext = rapid.Bool().Draw(t, "chunked")
	s.MaxBatchSize = rapid.IntRange(1, 64).Draw(t, "batch")
	for range rapid.IntRange(1, 80).Draw(t, "n") {
		s.Requests = append(s.Requests, Request{rapid.IntRange(1, 1500).Draw(t, "isl"), rapid.IntRange(1, 90).Draw(t, "osl")})
	}
	s.MaxSeqLen = 1600
	return s
}

// Every token of every prompt is processed once, and every token of every answer
// but the first, which the prompt brings, is generated in a step of its own.
func TestTokensAreConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		s.AttentionDP = false // one scheduler, whose steps are all seen
		var in, out, wantIn, wantOut int
		if _, err := Simulate(s, func(st Step) { in, out = in+st.CtxTokens, out+st.Decode }); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Requests {
			wantIn, wantOut = wantIn+r.ISL, wantOut+r.OSL-1
		}
		if in != wantIn || out != wantOut {
			t.Fatalf("%d tokens in and %d out, want %d and %d", in, out, wantIn, wantOut)
		}
	})
}

// Little's law: the mean number in flight is the rate times the mean latency.
func TestLittlesLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, err := Simulate(drawn(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		m := o.Metrics()
		if want := m.RequestsPerSecond * m.AvgLatency / 1e3; math.Abs(m.AvgConcurrency/want-1) > 1e-9 {
			t.Fatalf("%v in flight, %v by Little's law", m.AvgConcurrency, want)
		}
	})
}

func TestMoreMemoryNeverHoldsFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		less := Memory(s)
		s.GPU.MemoryBytes *= rapid.Float64Range(1, 3).Draw(t, "more")
		if more := Memory(s); more.RequestsFit < less.RequestsFit || more.KVTokens < less.KVTokens {
			t.Fatalf("%+v with more memory than %+v", more, less)
		}
	})
}

// The same scenario gives the same outcome, whatever ran before.
func TestDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		a, errA := Simulate(s, nil)
		b, errB := Simulate(s, func(Step) {})
		if errA != nil || errB != nil || a.TotalS != b.TotalS || a.Metrics() != b.Metrics() {
			t.Fatalf("%v %v", errA, errB)
		}
	})
}

// A trace times a scenario as its simulation does.
func TestTraceAgreesWithSimulation(t *testing.T) {
	for _, s := range []Scenario{
		maverick(1000, 1000, 4000, -1, 8192, 0.9), maverick(128, 128, 4000, 512, 8192, 0.9), maverick(512, 8000, 1000, -1, 2048, 0.9),
	} {
		trace, err := Record(s)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := trace.TPSPerGPU(Shipped()), o.Metrics().TPSPerGPU; math.Abs(got/want-1) > 0.005 {
			t.Errorf("%.1f tok/s/GPU by trace, %.1f by simulation", got, want)
		}
	}
}

func TestRefitFollowsMeasurements(t *testing.T) {
	var measured []Measured
	for _, s := range []Scenario{
		maverick(1000, 1000, 4000, -1, 8192, 0.9), maverick(128, 128, 4000, 512, 8192, 0.9), maverick(512, 8000, 1000, -1, 2048, 0.9),
	} {
		o, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		measured = append(measured, Measured{s, 0.8 * o.Metrics().TPSPerGPU})
	}
	few, err := Refit(measured[:2])
	if err != nil || few != Shipped() {
		t.Errorf("two measurements moved the parameters (%v)", err)
	}
	p, err := Refit(measured)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range measured {
		s := m.Scenario
		s.Parameters = &p
		o, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if ratio := o.Metrics().TPSPerGPU / m.TPSPerGPU; math.Abs(ratio-1) > 0.12 {
			t.Errorf("%.2f times the measurement after refitting, 1.25 before", ratio)
		}
	}
}
