package results

import "github.com/llmbench/llmbench/plan/trtllm"

// PerMetric has a value for every metric of trtllm-bench's report, under the
// report's own names.
type PerMetric[T any] struct {
	RequestThroughput       T `json:"request_throughput_req_s"`
	OutputThroughput        T `json:"system_output_throughput_tok_s"`
	TotalThroughput         T `json:"system_total_throughput_tok_s"`
	TotalLatency            T `json:"total_latency_ms"`
	AvgRequestLatency       T `json:"avg_request_latency_ms"`
	OutputThroughputPerUser T `json:"output_throughput_per_user_tok_s"`
	OutputThroughputPerGPU  T `json:"output_throughput_per_gpu_tok_s"`
	AvgTTFT                 T `json:"avg_ttft_ms"`
	AvgTPOT                 T `json:"avg_tpot_ms"`
	OutputSpeed             T `json:"token_output_speed_tok_s"`
}

// Metrics are the numbers of one sample; nil is "not measured". The last three
// need streaming.
type Metrics = PerMetric[*float64]

// A Metric describes one of the metrics.
type Metric struct {
	// Name is the key in JSON documents.
	Name string
	// Unit is for people, GoUnit for Go benchmark lines, where each metric needs
	// a unit of its own.
	Unit, GoUnit string
	// HigherIsBetter is false for times.
	HigherIsBetter bool
	// Streaming says that the metric exists only for streamed responses.
	Streaming bool
}

// All lists the metrics in the order of documents.
var All = []Metric{
	{Name: "request_throughput_req_s", Unit: "req/s", GoUnit: "req/s", HigherIsBetter: true},
	{Name: "system_output_throughput_tok_s", Unit: "tok/s", GoUnit: "tok/s", HigherIsBetter: true},
	{Name: "system_total_throughput_tok_s", Unit: "tok/s", GoUnit: "total-tok/s", HigherIsBetter: true},
	{Name: "total_latency_ms", Unit: "ms", GoUnit: "total-ms"},
	{Name: "avg_request_latency_ms", Unit: "ms", GoUnit: "latency-ms"},
	{Name: "output_throughput_per_user_tok_s", Unit: "tok/s/user", GoUnit: "tok/s/user", HigherIsBetter: true},
	{Name: "output_throughput_per_gpu_tok_s", Unit: "tok/s/gpu", GoUnit: "tok/s/gpu", HigherIsBetter: true},
	{Name: "avg_ttft_ms", Unit: "ms", GoUnit: "ttft-ms", Streaming: true},
	{Name: "avg_tpot_ms", Unit: "ms", GoUnit: "tpot-ms", Streaming: true},
	{Name: "token_output_speed_tok_s", Unit: "tok/s/user", GoUnit: "speed-tok/s/user", HigherIsBetter: true, Streaming: true},
}

// Find returns the metric of a name.
func Find(name string) (Metric, bool) {
	for _, m := range All {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// At returns the value of a metric by its name, the zero value for a name that
// no metric has.
func (p *PerMetric[T]) At(name string) T {
	if f := p.Field(name); f != nil {
		return *f
	}
	var zero T
	return zero
}

// Field is where the value of a metric is kept, nil for a name that no metric
// has.
func (p *PerMetric[T]) Field(name string) *T {
	fields := [...]*T{
		&p.RequestThroughput, &p.OutputThroughput, &p.TotalThroughput, &p.TotalLatency, &p.AvgRequestLatency,
		&p.OutputThroughputPerUser, &p.OutputThroughputPerGPU, &p.AvgTTFT, &p.AvgTPOT, &p.OutputSpeed,
	}
	for i, m := range All {
		if m.Name == name {
			return fields[i]
		}
	}
	return nil
}

// Percentiles describe how a quantity was spread over the requests of one
// sample, in the unit of the quantity.
type Percentiles = trtllm.Percentiles

// Spread holds the percentiles of one sample, nil where not measured. Latency,
// TTFT and TPOT are in milliseconds, GenTPS is in tokens per second and user.
type Spread struct {
	Latency *Percentiles `json:"request_latency_percentiles_ms"`
	TTFT    *Percentiles `json:"ttft_percentiles"`
	TPOT    *Percentiles `json:"tpot_percentiles"`
	GenTPS  *Percentiles `json:"gen_tps_percentiles"`
}
