package results

import "github.com/llmbench/llmbench/plan/trtllm"

// metrics are the numbers of one sample; nil is "not measured".
type metrics = trtllm.PerMetric[*float64]

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
	return trtllm.FindMetric(name)
}

// lookup is a metric or measure of the result by its name, nil where it is not known.
func (r *Result) lookup(name string) *float64 {
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
	}
	return r.Metrics.At(name)
}
