package results

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// closedLoop is a load of so many places: a request starts when one before it has ended.
// Its latency is what latency says; the first token comes after a tenth of it.
func closedLoop(n, places int, latency func(i int) time.Duration) []trtllm.Request {
	free := make([]time.Duration, places)
	var out []trtllm.Request
	for i := range n {
		at := 0
		for p := range free {
			if free[p] < free[at] {
				at = p
			}
		}
		start, took := free[at]+time.Second, latency(i)
		free[at] += took
		out = append(out, trtllm.Request{Start: start, FirstToken: start + took/10, End: start + took, InputTokens: 128, OutputTokens: 101})
	}
	return out
}

// The window begins when all of the opening burst have ended, ends with the last start,
// and has the requests that end inside it: long and short ones as often as they are sent.
func TestSteadyWindow(t *testing.T) {
	long := func(i int) bool { return i%4 == 0 }
	list := closedLoop(4000, 8, func(i int) time.Duration {
		if i < 8 { // the burst is slow
			return time.Duration(3+min(i, 2)) * time.Second
		}
		if long(i) {
			return 2 * time.Second
		}
		return time.Second / 2
	})
	r := NewRequests(list)
	last := slices.MaxFunc(list, func(a, b trtllm.Request) int { return int(a.Start - b.Start) })
	if r.Window == nil || r.Window.FromS != 5 || r.Window.ToS != (last.Start-time.Second).Seconds() || r.Recorded != 4000 {
		t.Fatalf("%+v", r.Window)
	}
	if mean := r.Latency.Mean; math.Abs(mean.Value-875) > 20 || mean.Low == nil || *mean.Low > 875 || *mean.High < 875 {
		t.Errorf("mean %+v, want about 875: a quarter of the requests are long", mean)
	}
	if r.Latency.P50.Value != 500 || r.Latency.P90.Value != 2000 || r.Latency.P99 == nil || r.Latency.P99.Value != 2000 {
		t.Errorf("%+v: the burst is among them", r.Latency)
	}
	if r.TTFT.P90.Value != 200 || r.TPOT.P90.Value != 18 {
		t.Errorf("%+v, %+v", r.TTFT, r.TPOT)
	}
	if at := r.InFlight[60]; at.Requests != 8 || len(r.InFlight) != 121 || r.InFlight[120].Requests != 0 {
		t.Errorf("%+v", r.InFlight)
	}
}

// Below four requests for each of the burst, and where all are sent at once, there is no
// window; p99 needs 300 requests, and intervals three blocks.
func TestNoSteadyWindow(t *testing.T) {
	steady := func(i int) time.Duration { return time.Second + time.Duration(i%7)*50*time.Millisecond }
	for name, c := range map[string]struct {
		n, places                     int
		window, percentile, intervals bool
	}{
		"all at once":        {4000, 4000, false, true, false},
		"too few":            {399, 100, false, true, false},
		"just enough":        {400, 100, true, false, false},
		"p99 withheld":       {300, 10, true, false, true},
		"enough for p99":     {330, 10, true, true, true},
		"enough of a window": {4000, 100, true, true, true},
	} {
		r := NewRequests(closedLoop(c.n, c.places, steady))
		if (r.Window != nil) != c.window || (r.Latency.P99 != nil) != c.percentile || (r.Latency.Mean.Low != nil) != c.intervals {
			t.Errorf("%s: window %v, p99 %v, low %v of %d", name, r.Window, r.Latency.P99, r.Latency.Mean.Low, r.Judged)
		}
		if !c.window && r.Judged != c.n {
			t.Errorf("%s: %d of all requests judged", name, r.Judged)
		}
	}
}

// Requests of one batch share their fate. The interval of a share holds the truth about
// as often as it says, where one that took requests for independent would be far too
// narrow.
func TestIntervalsCover(t *testing.T) {
	covered, narrow, worlds := 0, 0, 300
	for seed := range worlds {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		slow := map[int]bool{}
		list := closedLoop(6400, 32, func(i int) time.Duration {
			batch := i / 32
			if _, drawn := slow[batch]; !drawn {
				slow[batch] = rng.Float64() < .2
			}
			if slow[batch] {
				return 1100 * time.Millisecond
			}
			return time.Second
		})
		r := &Result{Verdict: Valid, Hardware: plan.Hardware{GPUs: 4}, Requests: NewRequests(list)}
		most := 1050.0
		r.Score(&plan.SLO{Latency: &most}, func() ([]trtllm.Request, error) { return list, nil })
		within := r.Requests.WithinSLO
		if within.Low == nil {
			t.Fatalf("seed %d: no interval", seed)
		}
		if *within.Low <= 80 && 80 <= *within.High {
			covered++
		}
		if math.Abs(within.Value-80) <= 1.96*math.Sqrt(80*20/float64(r.Requests.Judged)) {
			narrow++
		}
	}
	if share := float64(covered) / float64(worlds); share < .9 || share > .99 {
		t.Errorf("%d of %d intervals hold the truth", covered, worlds)
	}
	if float64(narrow)/float64(worlds) > .6 {
		t.Errorf("%d of %d would hold it if requests were independent: the worlds are too easy", narrow, worlds)
	}
}

// Goodput counts what met all bounds; other bounds take their place, and without records a
// note says so.
func TestScore(t *testing.T) {
	list := closedLoop(4000, 8, func(i int) time.Duration { return time.Duration(1+i%2) * time.Second })
	read := func() ([]trtllm.Request, error) { return list, nil }
	r := &Result{Verdict: Valid, Hardware: plan.Hardware{GPUs: 4}, Requests: NewRequests(list)}
	ms := func(v float64) *float64 { return &v }
	r.Score(&plan.SLO{TTFT: ms(200), Latency: ms(1500)}, read)
	got := r.Requests
	if math.Abs(got.WithinSLO.Value-50) > 2 || math.Abs(*got.GoodputTok-101**got.GoodputReq) > 1e-6 {
		t.Errorf("%+v", got)
	}
	// Eight places, a request in 1.5 s each, half of them good, on four GPUs.
	if want := 8 / 1.5 / 2 / 4; math.Abs(*got.GoodputReq-want) > .03*want {
		t.Errorf("%v requests a second and GPU, want %v", *got.GoodputReq, want)
	}
	r.Score(&plan.SLO{TPOT: ms(18)}, read)
	if v := r.Requests.WithinSLO; v.Value != 100 || v.Low != nil {
		t.Errorf("%+v, and blocks that are alike tell no interval", v)
	}
	if *r.Measure(trtllm.WithinSLO) != 100 || r.Measure(trtllm.GoodputPerGPU) == nil || *r.Measure("steady_ttft_ms_p99") != 200 || r.Measure("steady_ttft_ms") != nil {
		t.Error("measures")
	}
	r.Score(nil, read)
	if r.Requests.WithinSLO != nil || len(r.Caveats) != 0 {
		t.Errorf("%+v, %v", r.Requests.WithinSLO, r.Caveats)
	}
	none := &Result{Verdict: Valid}
	none.Score(&plan.SLO{TPOT: ms(18)}, read)
	none.Score(&plan.SLO{TPOT: ms(19)}, read)
	if len(none.Caveats) != 1 || none.Caveats[0].Code != failure.NoRequestLog {
		t.Errorf("%v", none.Caveats)
	}
	r.Score(&plan.SLO{TPOT: ms(18)}, func() ([]trtllm.Request, error) { return nil, errors.New("gone") })
	if r.Requests != nil || len(r.Caveats) != 1 {
		t.Errorf("%+v, %v", r.Requests, r.Caveats)
	}
}

// What search and bounds judge is of the steady window where there is one.
func TestFigureIsSteady(t *testing.T) {
	spread := trtllm.Spreads{}
	spread.Set(trtllm.AvgTTFT, &trtllm.Percentiles{P99: 9000})
	r := &Result{Percentiles: spread}
	p99 := trtllm.Figures()["ttft_ms_p99"]
	if v, ok := r.Figure(p99); !ok || v != 9000 {
		t.Error(v, ok)
	}
	r.Requests = NewRequests(closedLoop(4000, 8, func(int) time.Duration { return time.Second }))
	if v, ok := r.Figure(p99); !ok || v != 100 {
		t.Error(v, ok)
	}
	r.Requests = NewRequests(closedLoop(40, 40, func(int) time.Duration { return time.Second }))
	if v, ok := r.Figure(p99); !ok || v != 9000 {
		t.Error(v, ok)
	}
}
