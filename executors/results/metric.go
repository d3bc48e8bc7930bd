package results

import (
	"cmp"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// The measures that are no metrics of trtllm-bench: what was sampled on the GPUs, or
// else what the report says of it from 1.3 on.
const (
	PowerW         = "power_w"
	TokensPerJoule = "tokens_per_joule"
)

var gpuMeasures = []trtllm.Metric{
	{Name: PowerW, Title: "power of one GPU", Unit: "W"},
	{Name: TokensPerJoule, Title: "output tokens per joule", Unit: "tok/J", HigherIsBetter: true},
}

// FindMeasure is the metric of a name, or the measure of the GPUs that it names; false
// for neither.
func FindMeasure(name string) (trtllm.Metric, bool) {
	if i := slices.IndexFunc(gpuMeasures, func(m trtllm.Metric) bool { return m.Name == name }); i >= 0 {
		return gpuMeasures[i], true
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
	names := namesOf(slices.Concat(trtllm.Metrics, trtllm.RecordMetrics))
	return slices.Concat(names, steadyNames(), namesOf(gpuMeasures))
}

func namesOf(list []trtllm.Metric) []string {
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
	}
	return names
}

// steady is before the names of percentiles that are of the steady window:
// steady_ttft_ms_p99.
const steady = "steady_"

func steadyFigure(name string) (trtllm.Figure, bool) {
	of, ok := strings.CutPrefix(name, steady)
	if !ok {
		return trtllm.Figure{}, false
	}
	f, known := trtllm.Figures()[of]
	return f, known && f.Percentile != "" && f.Spread.Unit == "ms"
}

func isRecordMetric(name string) bool {
	return slices.Contains(namesOf(trtllm.RecordMetrics), name)
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
	if r.Requests != nil && r.Requests.Window != nil {
		if v := r.Requests.Spread(f.Name).At(f.Percentile); v != nil {
			return v.Value, true
		}
	}
	return f.Of(r.Metrics, r.Percentiles)
}

// Measure is a metric or measure of the result by its name, nil where it is not known.
func (r *Result) Measure(name string) *float64 {
	switch name {
	case PowerW:
		if sampled := value(r.Telemetry); sampled.PowerW > 0 {
			return &sampled.PowerW
		}
		return value(r.Energy).GPUPowerW
	case TokensPerJoule:
		return cmp.Or(value(r.Telemetry).TokensPerJoule, value(r.Energy).TokensPerJoule)
	case trtllm.GoodputPerGPU:
		return value(r.Requests).GoodputTok
	case trtllm.GoodputRequestsPerGPU:
		return value(r.Requests).GoodputReq
	case trtllm.WithinSLO:
		if share := value(r.Requests).WithinSLO; share != nil {
			return &share.Value
		}
		return nil
	}
	if f, ok := steadyFigure(name); ok && r.Requests != nil && r.Requests.Window != nil {
		if b := r.Requests.Spread(f.Name).At(f.Percentile); b != nil {
			return &b.Value
		}
	}
	return r.Metrics.At(name)
}
