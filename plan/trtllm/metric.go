package trtllm

import (
	"errors"
	"reflect"
	"slices"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// The names of the metrics that code asks for by name.
const (
	OutputThroughputPerGPU  = "output_throughput_per_gpu_tok_s"
	OutputThroughputPerUser = "output_throughput_per_user_tok_s"
	AvgTTFT                 = "avg_ttft_ms"
	AvgTPOT                 = "avg_tpot_ms"
	AvgRequestLatency       = "avg_request_latency_ms"
	RequestThroughput       = "request_throughput_req_s"
	OutputThroughput        = "system_output_throughput_tok_s"
	TotalThroughput         = "system_total_throughput_tok_s"
	TotalLatency            = "total_latency_ms"
	OutputSpeed             = "token_output_speed_tok_s"
)

// A Metric is one number of trtllm-bench's report. All that is known of it
// stands in Metrics: readers, tables, documents and plots follow from there.
type Metric struct {
	// Name is the key in the JSON report, in every document and in CSV. Labels are
	// those of the text report, the newest first.
	Name   string
	Labels []string
	// Title names the metric in words. Column heads its column in tables, "" for a
	// metric that has none; Rank is the column's place from the left.
	Title, Column string
	Rank          int
	// Unit is for people, GoUnit for Go benchmark lines, where each metric needs
	// a unit of its own.
	Unit, GoUnit string
	// HigherIsBetter is false for times.
	HigherIsBetter bool
	// Streaming says that the metric exists only for streamed responses, AfterFirst
	// that it also needs an output token after the first.
	Streaming, AfterFirst bool
	// Waits says that the metric holds the time that requests wait where
	// concurrency is unlimited.
	Waits bool
	// Headline says that comparisons show the metric unless asked otherwise.
	Headline bool
	// Optional says that a whole report may lack the metric.
	Optional bool
	// Spread says how the metric is spread over requests; the zero value where that
	// is not reported.
	Spread Distribution
}

// A Distribution is how the percentiles of a metric are called.
type Distribution struct {
	// Name is the key in the JSON report and in documents, Tag and Title stand in
	// the text report, CSV before the percentile in names of columns.
	Name, Tag, Title, CSV string
	// Unit is that of the percentiles.
	Unit string
	// Rank is where it stands in the text report.
	Rank int
	// Optional says that a whole report may lack them.
	Optional bool
}

// Metrics are the metrics in the order of trtllm-bench's text report and of
// documents.
var Metrics = []Metric{
	{
		Name: RequestThroughput, Labels: []string{"Request Throughput (req/sec)"},
		Title: "requests per second", Column: "req/s", Rank: 6, Unit: "req/s", GoUnit: "req/s", HigherIsBetter: true,
	},
	{
		Name: OutputThroughput, Labels: []string{"Total Output Throughput (tokens/sec)", firstThroughput},
		Title: "output tokens per second", Unit: "tok/s", GoUnit: "tok/s", HigherIsBetter: true,
	},
	{
		Name: TotalThroughput, Labels: []string{"Total Token Throughput (tokens/sec)"},
		Title: "input and output tokens per second", Unit: "tok/s", GoUnit: "total-tok/s", HigherIsBetter: true, Optional: true,
	},
	{
		Name: TotalLatency, Labels: []string{"Total Latency (ms)"},
		Title: "time for all requests", Unit: "ms", GoUnit: "total-ms",
	},
	{
		Name: AvgRequestLatency, Labels: []string{"Average request latency (ms)"},
		Title: "request latency", Column: "request latency", Rank: 5, Unit: "ms", GoUnit: "latency-ms", Waits: true,
		Spread: Distribution{
			Name: "request_latency_percentiles_ms", Tag: latencyTag, Title: "Request Latency Breakdown (ms) -----------------------",
			CSV: "request_latency_ms_", Unit: "ms", Rank: 4,
		},
	},
	{
		Name:   OutputThroughputPerUser,
		Labels: []string{"Per User Output Throughput [w/ ctx] (tps/user)", "Per User Output Throughput (tokens/sec/user)"},
		Title:  "output tokens per second and user", Column: "tok/s/user", Rank: 2, Unit: "tok/s/user", GoUnit: "tok/s/user",
		HigherIsBetter: true, Waits: true, Headline: true,
	},
	{
		Name: OutputThroughputPerGPU, Labels: []string{"Per GPU Output Throughput (tps/gpu)", "Per GPU Output Throughput (tokens/sec/gpu)"},
		Title: "output tokens per second and GPU", Column: "output tok/s/GPU", Rank: 1, Unit: "tok/s/GPU", GoUnit: "tok/s/gpu",
		HigherIsBetter: true, Headline: true,
	},
	{
		Name: AvgTTFT, Labels: []string{"Average time-to-first-token [TTFT] (ms)"},
		Title: "time to first token", Column: "TTFT", Rank: 3, Unit: "ms", GoUnit: "ttft-ms", Streaming: true, Waits: true, Headline: true,
		Spread: Distribution{
			Name: "ttft_percentiles", Tag: "TTFT", Title: "Per-Request Time-to-First-Token [TTFT] Breakdown (ms) ",
			CSV: "ttft_ms_", Unit: "ms", Rank: 2,
		},
	},
	{
		Name: AvgTPOT, Labels: []string{"Average time-per-output-token [TPOT] (ms)"},
		Title: "time per output token", Column: "TPOT", Rank: 4, Unit: "ms", GoUnit: "tpot-ms", Streaming: true, AfterFirst: true, Headline: true,
		Spread: Distribution{
			Name: "tpot_percentiles", Tag: "TPOT", Title: "Per-Request Time-per-Output-Token [TPOT] Breakdown (ms)",
			CSV: "tpot_ms_", Unit: "ms", Rank: 1,
		},
	},
	{
		Name: OutputSpeed, Labels: []string{"Per User Output Speed (tps/user)", "Per User Output Speed [1/TPOT] (tokens/sec/user)"},
		Title: "output tokens per second and user after the first", Unit: "tok/s/user", GoUnit: "speed-tok/s/user",
		HigherIsBetter: true, Streaming: true, AfterFirst: true,
		Spread: Distribution{
			Name: "gen_tps_percentiles", Tag: "GTPS", Title: "Per-Request Generation Throughput [GTPS] Breakdown (tps/user)",
			CSV: "gen_tps_", Unit: "tok/s/user", Rank: 3, Optional: true,
		},
	},
}

// The names of what the records of requests tell of a run with an SLO.
const (
	GoodputPerGPU         = "goodput_per_gpu_tok_s"
	GoodputRequestsPerGPU = "goodput_per_gpu_req_s"
	WithinSLO             = "within_slo_pct"
)

// RecordMetrics are those that no report of trtllm-bench has: llmbench computes them from
// the records of requests, for runs with an SLO.
var RecordMetrics = []Metric{
	{
		Name: GoodputPerGPU, Title: "output tokens per second and GPU of the requests within the SLO", Column: "goodput tok/s/GPU",
		Unit: "tok/s/GPU", GoUnit: "good-tok/s/gpu", HigherIsBetter: true,
	},
	{
		Name: GoodputRequestsPerGPU, Title: "requests within the SLO per second and GPU",
		Unit: "req/s/GPU", GoUnit: "good-req/s/gpu", HigherIsBetter: true,
	},
	{Name: WithinSLO, Title: "share of requests within the SLO", Column: "within SLO", Unit: "%", GoUnit: "within-slo-%", HigherIsBetter: true},
}

// Columns are the metrics that tables show, in the order of their columns.
func Columns() []Metric { return ranked(func(m Metric) int { return m.Rank }) }

// distributions are the metrics that are reported with percentiles, in the order
// of the text report.
func distributions() []Metric { return ranked(func(m Metric) int { return m.Spread.Rank }) }

// ranked are the metrics that have a rank, lowest first.
func ranked(rank func(Metric) int) []Metric {
	list := slices.DeleteFunc(slices.Clone(Metrics), func(m Metric) bool { return rank(m) == 0 })
	slices.SortFunc(list, func(a, b Metric) int { return rank(a) - rank(b) })
	return list
}

// firstThroughput is the label of the output throughput in 0.17, latencyTag that
// of the percentiles which end the figures from 0.18 on.
const (
	firstThroughput = "Token Throughput (tokens/sec)"
	latencyTag      = "Latency"
)

// FindMetric returns the metric of a name, of Metrics or of RecordMetrics.
func FindMetric(name string) (Metric, bool) {
	for _, m := range slices.Concat(Metrics, RecordMetrics) {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

func metricNumber(name string) int {
	return slices.IndexFunc(Metrics, func(m Metric) bool { return m.Name == name })
}

// PerMetric has a value for every metric. The zero value holds zero values. As
// JSON it is an object with all metrics by name.
type PerMetric[T any] []T

// Measured are the values of some metrics, by name.
func Measured(values map[string]float64) PerMetric[*float64] {
	var p PerMetric[*float64]
	for name, v := range values {
		p.Set(name, &v)
	}
	return p
}

// At returns the value of a metric by its name, the zero value for a name that
// no metric has.
func (p PerMetric[T]) At(name string) T {
	if i := metricNumber(name); i >= 0 && p != nil {
		return p[i]
	}
	var zero T
	return zero
}

// Set sets the value of a metric. It panics for a name that no metric has.
func (p *PerMetric[T]) Set(name string, v T) {
	i := metricNumber(name)
	if i < 0 {
		panic("trtllm: no metric is called " + name)
	}
	if *p == nil {
		*p = make(PerMetric[T], len(Metrics))
	}
	(*p)[i] = v
}

// MarshalJSON and UnmarshalJSON are for encoding/json, the methods below for its version 2.
func (p PerMetric[T]) MarshalJSON() ([]byte, error) {
	return jsonv2.Marshal(p, jsonv1.DefaultOptionsV1())
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *PerMetric[T]) UnmarshalJSON(b []byte) error { return jsonv2.Unmarshal(b, p) }

// MarshalJSONTo writes an object with all metrics by name.
func (p PerMetric[T]) MarshalJSONTo(enc *jsontext.Encoder) error {
	return p.encode(enc, func(m Metric) string { return m.Name })
}

// UnmarshalJSONFrom reads what MarshalJSONTo wrote. Keys that no metric has are ignored.
func (p *PerMetric[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return p.decode(dec, func(m Metric) string { return m.Name })
}

// encode writes the value of each metric that has a key.
func (p PerMetric[T]) encode(enc *jsontext.Encoder, key func(Metric) string) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range Metrics {
		if key(m) == "" {
			continue
		}
		if err := errors.Join(enc.WriteToken(jsontext.String(key(m))), jsonv2.MarshalEncode(enc, p.At(m.Name))); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

func (p *PerMetric[T]) decode(dec *jsontext.Decoder, key func(Metric) string) error {
	*p = nil
	var all map[string]T
	err := jsonv2.UnmarshalDecode(dec, &all)
	for _, m := range Metrics {
		if v := all[key(m)]; !reflect.ValueOf(&v).Elem().IsZero() { // what is written as null is the zero value
			p.Set(m.Name, v)
		}
	}
	return err
}

// Spreads are the percentiles of metrics, nil where not measured. As JSON they
// are an object with all distributions by name.
type Spreads struct{ PerMetric[*Percentiles] }

// MarshalJSON implements json.Marshaler.
func (s Spreads) MarshalJSON() ([]byte, error) { return jsonv2.Marshal(s, jsonv1.DefaultOptionsV1()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Spreads) UnmarshalJSON(b []byte) error { return jsonv2.Unmarshal(b, s) }

// MarshalJSONTo writes an object with all distributions by name.
func (s Spreads) MarshalJSONTo(enc *jsontext.Encoder) error {
	return s.encode(enc, func(m Metric) string { return m.Spread.Name })
}

// UnmarshalJSONFrom reads what MarshalJSONTo wrote.
func (s *Spreads) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return s.decode(dec, func(m Metric) string { return m.Spread.Name })
}

// A Figure is a number of a report that has a name: a metric, or a percentile of one.
type Figure struct {
	Metric
	// Percentile is p50, p90, p95 or p99, "" for the metric itself.
	Percentile string
}

// Figures are the metrics, then their percentiles: output_throughput_per_gpu_tok_s,
// ttft_ms_p99. The map is not to be changed.
var Figures = sync.OnceValue(func() map[string]Figure {
	out := map[string]Figure{}
	for _, m := range Metrics {
		out[m.Name] = Figure{Metric: m}
		for _, p := range PercentileNames[:4] {
			if m.Spread.Name != "" {
				out[m.Spread.CSV+p] = Figure{m, p}
			}
		}
	}
	return out
})

// Of is the figure among metrics and percentiles of one report; ok is false where it was
// not measured.
func (f Figure) Of(metrics PerMetric[*float64], spreads Spreads) (value float64, ok bool) {
	if f.Percentile == "" {
		v := metrics.At(f.Name)
		if v == nil {
			return 0, false
		}
		return *v, true
	}
	p := spreads.At(f.Name)
	if p == nil {
		return 0, false
	}
	return *p.At(f.Percentile), true
}
