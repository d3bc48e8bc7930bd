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
	s.AttentionDP = rapid.Bool().Draw(t, "attention DP")
	s.MaxBatchSize = rapid.IntRange(1, 64).Draw(t, "batch")
	for range rapid.IntRange(1, 80).Draw(t, "n") {
		s.Requests = append(s.Requests, Request{rapid.IntRange(1, 1500).Draw(t, "isl"), rapid.IntRange(1, 90).Draw(t, "osl")})
	}
	if rapid.Bool().Draw(t, "balance") {
		s.Balance = &Balance{TimeoutIters: rapid.IntRange(0, 5).Draw(t, "timeout"), BatchingWaitIters: rapid.IntRange(0, 5).Draw(t, "batching")}
	}
	if rapid.Bool().Draw(t, "little memory") {
		s.GPU.MemoryBytes = 0.4 * float64(Memory(s).Weights+Memory(s).Workspace) * rapid.Float64Range(2.51, 2.7).Draw(t, "memory")
	}
	s.MaxSeqLen = 1600
	return s
}

// Every token of every prompt is processed once, and every token of every answer
// but the first, which the prompt brings, is generated in a step of its own.
func TestTokensAreConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		s.GraphPadding = false
		e := newEngine(s, Memory(s))
		got, want := 0.0, 0
		e.record = func(st step, n int) { got += st.global * float64(n) }
		if err := e.run(); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Requests {
			want += r.ISL + r.OSL - 1
		}
		if got != float64(want) {
			t.Fatalf("%v tokens passed the experts, want %d", got, want)
		}
	})
}

// No iteration exceeds what the engine allows, on any rank.
func TestLimitsHoldOnEveryRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		e := newEngine(s, Memory(s))
		e.record = func(step, int) {
			for i, r := range e.ranks {
				if r.active > s.MaxBatchSize || r.blocks > e.blocks || r.size > r.active {
					t.Fatalf("rank %d: %d active of %d, %d blocks of %d", i, r.active, s.MaxBatchSize, r.blocks, e.blocks)
				}
				for _, c := range r.begun {
					if !c.done() && (!s.ChunkedContext || c.prefilled%tokensPerBlock != 0) {
						t.Fatalf("rank %d: %d of %d tokens of a prompt", i, c.prefilled, c.isl)
					}
				}
			}
			if e.flight > e.limit || s.Concurrency > 0 && e.flight*e.alike > s.Concurrency {
				t.Fatalf("%d in flight of %d", e.flight, e.limit)
			}
		}
		if err := e.run(); err != nil {
			t.Fatal(err)
		}
	})
}

// An iteration processes at most max_num_tokens on a rank, chunked or not.
func TestIterationsHoldTheTokenLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		o, err := Simulate(s, func(st Step) {
			if st.CtxTokens+st.Decode > s.MaxNumTokens {
				t.Fatalf("%+v of %d tokens", st, s.MaxNumTokens)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range o.Requests {
			if r.Start >= r.First || r.First > r.End || r.End > o.TotalS || (r.OSL > 1) != (r.End > r.First) {
				t.Fatalf("request %d: %+v of %v s", i, r, o.TotalS)
			}
		}
	})
}

// Prompts go to the rank with the fewest tokens, the longest first.
func TestRanksAreBalanced(t *testing.T) {
	s := maverick(0, 0, 0, -1, 2048, 0.9)
	for n := range 16 {
		s.Requests = append(s.Requests, Request{100 * (n + 1), 10})
	}
	e := newEngine(s, Memory(s))
	e.send()
	e.assign()
	for i, r := range e.ranks {
		if r.tokens != 1700 || r.requests() != 2 {
			t.Errorf("rank %d has %d requests of %d tokens, want 2 of 1700", i, r.requests(), r.tokens)
		}
	}
}

// Prompts that are held back start later, but all together.
func TestBalanceHoldsPromptsBack(t *testing.T) {
	mixed := func() Scenario {
		s := maverick(0, 0, 0, 64, 2048, 0.9)
		for i := range 400 {
			s.Requests = append(s.Requests, Request{200 + i*37%800, 20 + i*53%60})
		}
		return s
	}
	run := func(b *Balance) (iterations int, ttft float64) {
		s := mixed()
		s.Balance = b
		o, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		return o.Iterations, o.Metrics().TTFT.Avg
	}
	free, soon := run(nil)
	held, late := run(&Balance{TimeoutIters: 50, BatchingWaitIters: 10})
	if held <= free || late <= soon {
		t.Errorf("%d iterations and TTFT %.1f ms held back, %d and %.1f without", held, late, free, soon)
	}
	if same, _ := run(&Balance{}); same != free {
		t.Errorf("%d iterations with nothing to wait for, %d without balance", same, free)
	}
}

// Little's law: the mean number in flight is the rate times the mean latency,
// counted by iterations on one side and by requests on the other.
func TestLittlesLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		area := 0.0
		o, err := Simulate(drawn(t), func(st Step) { area += float64(st.InFlight) * st.Seconds })
		if err != nil {
			t.Fatal(err)
		}
		m := o.Metrics()
		if flight, law := area/o.TotalS, m.RequestsPerSecond*m.Latency.Avg/1e3; math.Abs(flight/law-1) > 1e-9 || math.Abs(m.AvgConcurrency/law-1) > 1e-9 {
			t.Fatalf("%v in flight, %v reported, %v by Little's law", flight, m.AvgConcurrency, law)
		}
	})
}

// A faster part of the GPU makes no request later.
func TestFasterIsNeverSlower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		slow, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		factor := rapid.Float64Range(1, 4).Draw(t, "factor")
		switch rapid.SampledFrom([]string{"bandwidth", "flops", "nvlink"}).Draw(t, "part") {
		case "bandwidth":
			s.GPU.Bandwidth *= factor
		case "flops":
			s.GPU.BF16, s.GPU.FP8, s.GPU.FP4 = factor*s.GPU.BF16, factor*s.GPU.FP8, factor*s.GPU.FP4
		default:
			s.GPU.NVLink *= factor
		}
		fast, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if fast.TotalS > slow.TotalS*(1+1e-9) {
			t.Fatalf("%v s, %v s with %v times the rate", slow.TotalS, fast.TotalS, factor)
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
		got, want := trace.Averages(Shipped()), o.Metrics()
		for name, pair := range map[string][2]float64{
			"tok/s/GPU": {got.TPSPerGPU, want.TPSPerGPU}, "ms to the first token": {got.TTFT, want.TTFT.Avg}, "ms between tokens": {got.TPOT, want.TPOT.Avg},
		} {
			if math.Abs(pair[0]/pair[1]-1) > 0.01 {
				t.Errorf("%.4g %s by trace, %.4g by simulation", pair[0], name, pair[1])
			}
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
	if none, err := Refit(nil); err != nil || none != Shipped() {
		t.Errorf("no measurement moved the parameters (%v)", err)
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

// Equal requests taken together, one rank for all and many iterations at once, with
// the slowest rank found by what it does, end when they do one by one: so do
// requests of all lengths, whoever decides, host or GPU.
func TestCohortsAgreeWithSingleRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		isl, osl := rapid.IntRange(1, 9000).Draw(t, "isl"), rapid.IntRange(1, 300).Draw(t, "osl")
		n, concurrency := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(-1, 60).Draw(t, "concurrency")
		if rapid.Bool().Draw(t, "even") {
			n, concurrency = 8*n, 8*concurrency
		}
		s := maverick(isl, osl, n, concurrency, 2048, 0.9)
		s.ChunkedContext = rapid.Bool().Draw(t, "chunked")
		s.AttentionDP = rapid.Bool().Draw(t, "attention DP")
		s.AllToAll = rapid.Bool().Draw(t, "all-to-all")
		s.MaxBatchSize = rapid.IntRange(1, 20).Draw(t, "batch")
		if rapid.Bool().Draw(t, "without graphs") {
			s.GraphSizes = nil
		}
		if rapid.Bool().Draw(t, "stages") {
			s.PP = 2
		}
		s = spread(s, rapid.SampledFrom([]float64{0, 0.1, 0.5}).Draw(t, "stdev"))
		if rapid.Bool().Draw(t, "window") {
			s.Model.AttentionChunk, s.Model.Window, s.Model.WindowLayers = 0, 128, 24
		}
		together, err := Simulate(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		single := singly(s)
		if err := single.run(); err != nil {
			t.Fatal(err)
		}
		for i, want := range single.timings() {
			got := together.Requests[i]
			if !nearly(got.Start, want.Start) || !nearly(got.First, want.First) || !nearly(got.End, want.End) {
				t.Fatalf("request %d: %+v together, %+v singly", i, got, want)
			}
		}
	})
}

// Where host and GPU take about as long, time is not linear in what is attended to:
// iterations taken together last as long as one by one.
func TestLongStretchesAgreeWithIterations(t *testing.T) {
	for pp := range 2 {
		s := maverick(512, 8000, 1024, 512, 2048, 0.9)
		s.GraphSizes, s.PP = nil, pp+1
		together, err := Predict(s)
		if err != nil {
			t.Fatal(err)
		}
		single := newEngine(s, Memory(s))
		single.longest = 1
		if err := single.run(); err != nil {
			t.Fatal(err)
		}
		if !nearly(together.TotalS, single.now) {
			t.Errorf("%d stages: %v s together, %v s one by one", s.PP, together.TotalS, single.now)
		}
	}
}

// The step that is found is the slowest, though most are not timed.
func TestSlowestStepIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := maverick(1000, 1000, 1, 0, 8192, 0.9)
		s.AllToAll, s.GPU.NVLink = rapid.Bool().Draw(t, "all-to-all"), rapid.Float64Range(1e9, 1e12).Draw(t, "link")
		roof := newRoofline(&s)
		steps := make([]step, rapid.IntRange(1, 8).Draw(t, "ranks"))
		for i := range steps {
			decode, ctx := rapid.IntRange(0, 600).Draw(t, "decode"), rapid.IntRange(0, 4).Draw(t, "prompts")
			steps[i] = step{
				ctxTokens: float64(1000 * ctx), ctxSquares: float64(1e6 * ctx), ctxRequests: float64(ctx), decode: float64(decode), batch: float64(decode),
				attended: float64(decode * rapid.IntRange(1, 9000).Draw(t, "attended")), global: 5000,
			}
		}
		want := 0.0
		for _, st := range steps {
			want = max(want, roof.seconds(st))
		}
		if i, got := roof.slowest(steps); got != roof.seconds(steps[i]) || got < want*(1-1.1e-3) {
			t.Fatalf("step %d of %v s, want %v s", i, got, want)
		}
	})
}

// singly is a simulation of every rank, request and iteration.
func singly(s Scenario) *engine {
	e := newEngine(s, Memory(s))
	e.alike, e.apart, e.longest, e.limit = 1, true, 1, len(s.Requests)
	if s.Concurrency > 0 {
		e.limit = s.Concurrency
	}
	e.populate(s.Requests, s.Ranks())
	return e
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Max(a, b)) }

// nearly allows for what the mean of a stretch of iterations leaves out.
func nearly(a, b float64) bool { return math.Abs(a-b) <= 1e-4*math.Max(1e-3, math.Max(a, b)) }
