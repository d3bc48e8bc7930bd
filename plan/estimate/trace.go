package estimate

import (
	"math"
	"sort"
)

// A Trace is the iterations that a scenario is served in. Under equal lengths
// the scheduler decides by order alone, so a trace can be timed under other
// parameters without simulating again; only Parameters.Workspace moves it.
type Trace struct {
	scenario Scenario
	parts    []part
	requests float64
	output   float64 // tokens
	spaces   float64 // between the tokens of all requests
}

// A part is iterations that are much alike, of which the means are kept: their
// time is nearly linear in what they differ in.
type part struct {
	step                step
	n                   float64
	waiting, generating float64 // requests without and with their first token
}

// likeness is what the iterations of a part have in common: whether they process
// prompts, how many requests generate to 20 %, and the CUDA graph.
func likeness(st step) (l [3]float64) {
	for i, n := range []float64{st.ctxTokens, st.decode} {
		l[i] = math.Round(5 * math.Log1p(n))
	}
	if st.graph {
		l[2] = st.batch
	}
	return l
}

// add takes n iterations into a part.
func (p *part) add(st step, n, waiting, generating float64) {
	p.n += n
	share := n / p.n
	mean := func(to *float64, v float64) { *to += (v - *to) * share }
	mean(&p.step.ctxTokens, st.ctxTokens)
	mean(&p.step.ctxSquares, st.ctxSquares)
	mean(&p.step.ctxRequests, st.ctxRequests)
	mean(&p.step.decode, st.decode)
	mean(&p.step.attended, st.attended)
	mean(&p.step.batch, st.batch)
	mean(&p.step.global, st.global)
	p.step.graph = st.graph
	mean(&p.waiting, waiting)
	mean(&p.generating, generating)
}

// Record simulates s and keeps its iterations.
func Record(s Scenario) (*Trace, error) {
	mem := Memory(s)
	if err := mem.fits(); err != nil {
		return nil, err
	}
	t := &Trace{scenario: s, requests: float64(len(s.Requests))}
	numbers := map[[3]float64]int{}
	e := newEngine(s, mem)
	e.record = func(st step, n int) {
		key := likeness(st)
		i, ok := numbers[key]
		if !ok {
			i = len(t.parts)
			numbers[key] = i
			t.parts = append(t.parts, part{})
		}
		generating := 0
		for _, r := range e.ranks {
			generating += r.size
		}
		t.parts[i].add(st, float64(n), float64((e.flight-generating)*e.alike), float64(generating*e.alike))
	}
	if err := e.run(); err != nil {
		return nil, err
	}
	for _, r := range s.Requests {
		t.output += float64(r.OSL)
		t.spaces += float64(max(0, r.OSL-1))
	}
	return t, nil
}

// Averages times the trace under p. TTFT and TPOT weigh every request alike
// where lengths are equal.
func (t *Trace) Averages(p Parameters) Averages {
	s := t.scenario
	s.Parameters = &p
	roof := newRoofline(&s)
	var a Averages
	for _, part := range t.parts {
		seconds := part.n * roof.seconds(part.step)
		a.TotalS += seconds
		a.TTFT += seconds * part.waiting
		a.TPOT += seconds * part.generating
	}
	a.TPSPerGPU = t.output / a.TotalS / float64(max(1, s.GPUs))
	a.TTFT *= 1e3 / t.requests
	if t.spaces > 0 {
		a.TPOT *= 1e3 / t.spaces
	}
	return a
}

// Metrics are what trtllm-bench reports, by its own definitions
// (bench/dataclasses/statistics.py). Times are in milliseconds.
type Metrics struct {
	TotalLatency, RequestsPerSecond, OutputTPS, TotalTPS float64
	TPSPerGPU, TPSPerUser, AvgConcurrency                float64
	Latency, TTFT, TPOT, GenTPS                          Spread
}

// A Spread describes a quantity over the requests.
type Spread struct{ Min, Max, Avg, P50, P90, P95, P99 float64 }

// Metrics computes the metrics of a run.
func (o *Simulation) Metrics() Metrics {
	n := len(o.Requests)
	latency, ttft, tpot, speed := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	var in, out, perUser, busy float64
	for i, r := range o.Requests {
		e2e, first := r.End-r.Start, r.First-r.Start
		steps := float64(max(1, r.OSL-1))
		latency[i], ttft[i] = e2e*1e3, first*1e3
		tpot[i] = (r.End - r.First) / steps * 1e3
		if r.OSL > 1 && r.End > r.First {
			speed[i] = float64(r.OSL-1) / (r.End - r.First)
		}
		in, out = in+float64(r.ISL), out+float64(r.OSL)
		perUser += float64(r.OSL) / e2e
		busy += e2e
	}
	return Metrics{
		TotalLatency: o.TotalS * 1e3, RequestsPerSecond: float64(n) / o.TotalS,
		OutputTPS: out / o.TotalS, TotalTPS: (in + out) / o.TotalS, TPSPerGPU: out / o.TotalS / float64(o.gpus),
		TPSPerUser: perUser / float64(n), AvgConcurrency: busy / o.TotalS,
		Latency: SpreadOf(latency), TTFT: SpreadOf(ttft), TPOT: SpreadOf(tpot), GenTPS: SpreadOf(speed),
	}
}

// SpreadOf describes list, which it sorts. Percentiles are sorted[int(n*p)], as trtllm-bench takes
// them.
func SpreadOf(list []float64) Spread {
	n := len(list)
	if n == 0 {
		return Spread{}
	}
	sort.Float64s(list)
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	at := func(p float64) float64 { return list[min(n-1, int(float64(n)*p))] }
	return Spread{Min: list[0], Max: list[n-1], Avg: sum / float64(n), P50: at(0.50), P90: at(0.90), P95: at(0.95), P99: at(0.99)}
}
