package results

import (
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// Percentiles describe how a quantity was spread over the requests of one
// sample, in the unit of the quantity.
type Percentiles = trtllm.Percentiles

// Spreads holds the percentiles of one sample by the metric that they are of, nil
// where not measured.
type Spreads = trtllm.Spreads

// The measures that are no metrics of trtllm-bench: what was sampled on the GPUs, or
// else what the report says of it from 1.3 on.
const (
	PowerW         = "power_w"
	TokensPerJoule = "tokens_per_joule"
)

// FindMeasure is the metric of a name, or the measure of the GPUs that it names; false
// for neither.
func FindMeasure(name string) (trtllm.Metric, bool) {
	switch name {
	case PowerW:
		return trtllm.Metric{Name: name, Title: "power of one GPU", Unit: "W"}, true
	case TokensPerJoule:
		return trtllm.Metric{Name: name, Title: "output tokens per joule", Unit: "tok/J", HigherIsBetter: true}, true
	}
	if m, ok := trtllm.FindMetric(name); ok {
		return m, true
	}
	f, ok := steadyFigure(name)
	f.Name, f.HigherIsBetter, f.Column = name, false, ""
	return f.Metric, ok
}

// MeasureNames are all names that FindMeasure knows.
func MeasureNames() []string {
	var names []string
	for _, m := range slices.Concat(trtllm.Metrics, trtllm.RecordMetrics) {
		names = append(names, m.Name)
	}
	return slices.Concat(names, steadyNames(), []string{PowerW, TokensPerJoule})
}

// steady is before the names of percentiles that are of the steady window:
// steady_ttft_ms_p99.
const steady = "steady_"

func steadyFigure(name string) (trtllm.Figure, bool) {
	of, ok := strings.CutPrefix(name, steady)
	f, known := trtllm.Figures()[of]
	return f, ok && known && f.Percentile != "" && f.Spread.Unit == "ms"
}

func isRecordMetric(name string) bool {
	return slices.ContainsFunc(trtllm.RecordMetrics, func(m trtllm.Metric) bool { return m.Name == name })
}

// steadyNames are the names of the percentiles of the steady window.
func steadyNames() []string {
	var names []string
	for _, m := range trtllm.Metrics {
		for _, p := range trtllm.PercentileNames[:4] {
			if name := steady + m.Spread.CSV + p; m.Spread.Unit == "ms" {
				names = append(names, name)
			}
		}
	}
	return names
}

// Figure is a figure of the report, or of the steady window where it is one of requests
// and the records tell it; false where it is not known.
func (r *Result) Figure(f trtllm.Figure) (float64, bool) {
	if b := r.Requests.Spread(f.Name); b != nil && r.Requests.Window != nil {
		if v := b.At(f.Percentile); v != nil {
			return v.Value, true
		}
	}
	return f.Of(r.Metrics, r.Percentiles)
}

// Measure is a metric or measure of the result by its name, nil where it is not known.
func (r *Result) Measure(name string) *float64 {
	sampled, reported := r.Telemetry, r.Energy
	if sampled == nil {
		sampled = &Telemetry{}
	}
	if reported == nil {
		reported = &trtllm.Energy{}
	}
	switch {
	case name == PowerW && sampled.PowerW > 0:
		return &sampled.PowerW
	case name == PowerW:
		return reported.GPUPowerW
	case name == TokensPerJoule && sampled.TokensPerJoule != nil:
		return sampled.TokensPerJoule
	case name == TokensPerJoule:
		return reported.TokensPerJoule
	case r.Requests == nil:
	case name == trtllm.GoodputPerGPU:
		return r.Requests.GoodputTok
	case name == trtllm.GoodputRequestsPerGPU:
		return r.Requests.GoodputReq
	case name == trtllm.WithinSLO && r.Requests.WithinSLO != nil:
		return &r.Requests.WithinSLO.Value
	case r.Requests.Window != nil && strings.HasPrefix(name, steady):
		if f, ok := steadyFigure(name); ok && r.Requests.Spread(f.Name) != nil {
			if b := r.Requests.Spread(f.Name).At(f.Percentile); b != nil {
				return &b.Value
			}
		}
	}
	return r.Metrics.At(name)
}
