package estimate

import "sort"

// Metrics are what trtllm-bench reports, by its own definitions
// (bench/dataclasses/statistics.py). Times are in milliseconds.
type Metrics struct {
	TotalLatency, AvgLatency, AvgTTFT, AvgTPOT                    float64
	RequestsPerSecond, OutputTPS, TotalTPS, TPSPerGPU, TPSPerUser float64
	OutputSpeed, AvgConcurrency                                   float64
	Latency, TTFT, TPOT, GenTPS                                   Spread
}

// A Spread describes a quantity over the requests.
type Spread struct{ Min, Max, Avg, P50, P90, P95, P99 float64 }

// Metrics computes the metrics of a run.
func (o *Outcome) Metrics() Metrics {
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
	m := Metrics{
		TotalLatency: o.TotalS * 1e3, RequestsPerSecond: float64(n) / o.TotalS,
		OutputTPS: out / o.TotalS, TotalTPS: (in + out) / o.TotalS, TPSPerGPU: out / o.TotalS / float64(o.gpus),
		TPSPerUser: perUser / float64(n), AvgConcurrency: busy / o.TotalS,
		Latency: SpreadOf(latency), TTFT: SpreadOf(ttft), TPOT: SpreadOf(tpot), GenTPS: SpreadOf(speed),
	}
	m.AvgLatency, m.AvgTTFT, m.AvgTPOT, m.OutputSpeed = m.Latency.Avg, m.TTFT.Avg, m.TPOT.Avg, m.GenTPS.Avg
	return m
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
