package results

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"

	"golang.org/x/perf/benchmath"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/noise"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// confidence is the level of the intervals of summaries.
const confidence = 0.95

// A Summary is what samples say together about a metric: their median, and the
// interval that holds the true median with confidence. No distribution is
// assumed. Low and High are nil where there are too few samples for an
// interval.
type Summary struct {
	Median float64  `json:"median"`
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
	N      int      `json:"n"`
	// Warnings say in words what is wrong with the interval.
	Warnings []string `json:"-"`
}

// Summarise sums the values of a metric up; nil for no values.
func Summarise(values []float64) *Summary {
	switch len(values) {
	case 0:
		return nil
	case 1:
		return &Summary{Median: values[0], N: 1, Warnings: oneWarnings()}
	}
	return summarise(values)
}

// oneWarnings are the warnings of a single value, which are the same for all.
var oneWarnings = sync.OnceValue(func() []string { return slices.Clip(summarise([]float64{1}).Warnings) })

func summarise(values []float64) *Summary {
	sample := benchmath.NewSample(append([]float64(nil), values...), &benchmath.DefaultThresholds)
	got := benchmath.AssumeNothing.Summary(sample, confidence)
	s := &Summary{Median: got.Center, N: len(values)}
	if !math.IsInf(got.Lo, 0) && !math.IsInf(got.Hi, 0) {
		low, high := got.Lo, got.Hi
		s.Low, s.High = &low, &high
	}
	for _, w := range append(sample.Warnings, got.Warnings...) {
		s.Warnings = append(s.Warnings, w.Error())
	}
	return s
}

// samples are the results that count. Identical simulations are one: a
// simulation has no noise, however often it is repeated.
func samples(list []*Result) []*Result {
	var out []*Result
	for _, r := range list {
		again := func(other *Result) bool {
			return r.Simulated && other.Simulated && slices.EqualFunc(r.Metrics, other.Metrics, func(a, b *float64) bool {
				return a == b || a != nil && b != nil && *a == *b
			})
		}
		if r.Counts() && !slices.ContainsFunc(out, again) {
			out = append(out, r)
		}
	}
	return out
}

// A RunSummary sums up the samples of one run on one cluster. Verdict is the
// worst among the samples that count; without any it is that of the result that
// came closest.
type RunSummary struct {
	Address     string                     `json:"address"`
	Fingerprint string                     `json:"fingerprint"`
	Verdict     Verdict                    `json:"verdict"`
	Samples     int                        `json:"samples"`
	Summary     trtllm.PerMetric[*Summary] `json:"summary"`
	// Declared says whether the run is what its address stands for now, nil where that
	// was not looked at.
	Declared *bool `json:"declared"`
	// Results are the results that the summary is of, counting or not. They are
	// in the document on their own.
	Results []*Result `json:"-"`
}

// Unranked names the options that simulations do not account for and in which
// simulated runs differ: what they report does not tell which run is faster.
func Unranked(runs []RunSummary) []string {
	var names []string
	var first *plan.Estimate
	for _, run := range runs {
		r := run.Results[0]
		switch {
		case !r.Simulated || r.Estimate == nil:
			continue
		case first == nil:
			first = r.Estimate
		}
		names = append(names, first.LeavesOut(r.Estimate)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// summariseRun sums up results of one run, at least one.
func summariseRun(results []*Result) RunSummary {
	s := RunSummary{Address: results[0].Address, Fingerprint: results[0].Fingerprint, Results: results}
	byVerdict := func(a, b *Result) int { return cmp.Compare(rank(a.Verdict), rank(b.Verdict)) }
	s.Verdict = slices.MinFunc(results, byVerdict).Verdict
	if counting := samples(results); len(counting) > 0 {
		s.Samples, s.Verdict = len(counting), slices.MaxFunc(counting, byVerdict).Verdict
	}
	for _, m := range trtllm.Metrics {
		s.Summary.Set(m.Name, Summarise(s.values(m.Name)))
	}
	return s
}

// Of sums up a metric or another measure, nil where no sample has it.
func (s RunSummary) Of(name string) *Summary {
	if sum := s.Summary.At(name); sum != nil {
		return sum
	}
	return Summarise(s.values(name))
}

// TiedWith returns what reports whether another run cannot be told from the best in a
// metric that both have: whether they are equal, or less apart than the noise explains
// that the samples on the cluster and image of the best show together. Simulations have
// none.
func (s *Set) TiedWith(best RunSummary, metric string) func(RunSummary) bool {
	var pool noise.Pool
	first := best.Results[0]
	for _, run := range s.Runs {
		if r := run.Results[0]; r.Cluster == first.Cluster && r.Image.Name == first.Image.Name {
			pool.Add(run.values(metric))
		}
	}
	sd, most := pool.SD(), best.Of(metric)
	if first.Simulated {
		sd = 0
	}
	return func(run RunSummary) bool {
		have := run.Of(metric)
		return have != nil && math.Abs(most.Median-have.Median) <= most.Median*noise.Explains(sd, most.N, have.N)
	}
}

// values are those of the samples that count.
func (s RunSummary) values(name string) []float64 { return Values(samples(s.Results), name) }

// Values are the values of a metric that are independent: those of the results that
// count, but of one shared engine the mean alone.
func Values(list []*Result, name string) []float64 {
	var out []float64
	for _, group := range Independent(list) {
		sum, n := 0.0, 0.0
		for _, r := range group {
			if v := r.Measure(name); v != nil {
				sum, n = sum+*v, n+1
			}
		}
		if n > 0 {
			out = append(out, sum/n)
		}
	}
	return out
}

// Independent groups the results that count: those of one shared engine are together.
func Independent(list []*Result) [][]*Result {
	var out [][]*Result
	at := map[string]int{}
	for _, r := range list {
		if !r.Counts() {
			continue
		}
		if e := r.SharedEngine; e != nil {
			if i, again := at[e.ID]; again {
				out[i] = append(out[i], r)
				continue
			}
			at[e.ID] = len(out)
		}
		out = append(out, []*Result{r})
	}
	return out
}

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
