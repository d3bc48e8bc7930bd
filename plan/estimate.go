package plan

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// Estimate is what a run should measure, take and cost, before it runs.
// Intervals are null where nothing can be said; the whole estimate is null for
// plans that carry none.
type Estimate struct {
	// ModelVersion is the version of the estimator and its parameters.
	ModelVersion string `json:"model_version"`
	// Coverage is the share of published measurements that lie inside an
	// interval of this width.
	Coverage               float64            `json:"coverage"`
	OutputThroughputPerGPU *estimate.Interval `json:"output_throughput_per_gpu_tok_s"`
	AvgTTFT                *estimate.Interval `json:"avg_ttft_ms"`
	AvgTPOT                *estimate.Interval `json:"avg_tpot_ms"`
	StartupSeconds         *estimate.Interval `json:"startup_s"`
	MeasureSeconds         *estimate.Interval `json:"measure_s"`
	// RecordsSeconds is how long writing the records of requests takes, left out where
	// none are written.
	RecordsSeconds        *estimate.Interval `json:"records_s,omitempty"`
	GPUHours              *estimate.Interval `json:"gpu_hours"`
	MemoryBytesPerGPU     *MemoryPerGPU      `json:"memory_bytes_per_gpu"`
	KVTokensPerGPU        *int64             `json:"kv_tokens_per_gpu"`
	KVBytesPerToken       *int64             `json:"kv_bytes_per_token"`
	RequestsFitAtOnce     *int64             `json:"requests_fit_at_once"`
	MaxNumTokensEffective *int               `json:"max_num_tokens_effective"`
	// NotModelled is what the run sets and no figure accounts for, by the name of
	// the argument or the dotted path of the option; null where it keeps the
	// default and another run of its benchmark does not. Runs that differ in it
	// cannot be ranked by their estimates.
	NotModelled map[string]any `json:"not_modelled"`
}

// MemoryPerGPU is how the memory of one GPU is used, in bytes.
type MemoryPerGPU struct {
	Capacity  int64 `json:"capacity"`
	Weights   int64 `json:"weights"`
	Workspace int64 `json:"workspace"`
	KVCache   int64 `json:"kv_cache"`
}

// LeavesOut names in what runs differ that neither of their estimates accounts for.
func (e *Estimate) LeavesOut(other *Estimate) []string {
	return estimate.Differ(e.NotModelled, other.NotModelled)
}

// NotModelled says in a sentence what estimates do not account for, with the values
// that runs have; "" for nothing. Estimates may be nil.
func NotModelled(list ...*Estimate) string {
	var values []map[string]any
	for _, e := range list {
		if e != nil {
			values = append(values, e.NotModelled)
		}
	}
	text, differ := namesAndValues(values)
	if text == "" {
		return ""
	}
	text = "Predictions do not account for " + text
	if differ {
		text += ", so they do not rank these runs"
	}
	return text + "."
}

// namesAndValues lists the names of maps with the values that they have there: a (1,
// default) and b (set). It reports whether one has several.
func namesAndValues(list []map[string]any) (text string, differ bool) {
	values := map[string][]string{}
	for _, of := range list {
		for name, value := range of {
			word := fmt.Sprint(value)
			switch v := value.(type) {
			case nil:
				word = "default"
			case *string:
				word = cmp.Or(deref(v), "default")
			case map[string]any, []any:
				word = "set"
			}
			if !slices.Contains(values[name], word) {
				values[name] = append(values[name], word)
				differ = differ || len(values[name]) > 1
			}
		}
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		words = append(words, fmt.Sprintf("%s (%s)", name, strings.Join(values[name], ", ")))
	}
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last], differ
	}
	return strings.Join(words, ""), differ
}

// workload is what a run asks of the engine; ok is false where the catalogue
// knows the model or the GPU too little to say.
func (b *builder) workload(run *Run, lengths []trtllm.Length) (w Workload, ok bool) {
	model, checkpoint, okM := b.Catalog.Model(run.Model.Checkpoint)
	gpu, okG := b.Catalog.GPU(run.Hardware.GPU)
	return Workload{
		Model: model, Checkpoint: checkpoint, GPU: gpu, GPUs: run.Hardware.GPUs,
		Arguments: run.Arguments, Options: run.LLMAPIOptions, Lengths: lengths,
		TRTLLMVersion: run.Image.TRTLLMVersion, Catalog: b.Catalog,
	}, okM && okG
}

// workloadOf is the workload of a stored run with a generated data set.
func (b *builder) workloadOf(run *Run) (w Workload, ok bool) {
	u, d := run.UseCase, run.Dataset
	if d.Generator == nil || u.ISL == nil || u.OSL == nil || d.Lines < 1 {
		return Workload{}, false
	}
	q := requests{}
	q.generate(&schema.UseCase{ISL: *u.ISL, OSL: *u.OSL, ISLStdev: deref(u.ISLStdev), OSLStdev: deref(u.OSLStdev), Seed: deref(d.Seed)}, d.Lines)
	return b.workload(run, q.each())
}

// newEstimate simulates the run. One that does not fit has its memory and no
// figures.
func newEstimate(s estimate.Scenario, learned learned) *Estimate {
	s.Parameters = learned.parameters
	memory := estimate.Memory(s)
	e := &Estimate{
		ModelVersion:      learned.version(),
		Coverage:          estimate.Calibrated().Unseen.Coverage,
		MemoryBytesPerGPU: &MemoryPerGPU{Capacity: memory.Capacity, Weights: memory.Weights, Workspace: memory.Workspace, KVCache: memory.KVCache},
		KVTokensPerGPU:    ptr(memory.KVTokens), KVBytesPerToken: ptr(int64(memory.KVBytesPerToken)),
		RequestsFitAtOnce:     ptr(memory.RequestsFit * int64(s.Ranks())),
		MaxNumTokensEffective: ptr(s.MaxNumTokens),
		StartupSeconds:        ptr(learned.startup(s.Model.Bytes())),
	}
	defer e.round()
	m, err := estimate.Predict(s)
	if err != nil {
		return e
	}
	e.OutputThroughputPerGPU = ptr(s.Around(m.TPSPerGPU))
	e.MeasureSeconds = ptr(inverse(*e.OutputThroughputPerGPU, m.TotalS))
	e.AvgTTFT = ptr(within(m.TTFT, ttftWidth))
	if m.TPOT > 0 { // else no request has a token after the first
		e.AvgTPOT = ptr(inverse(*e.OutputThroughputPerGPU, m.TPOT))
	}
	job := sum(*e.StartupSeconds, *e.MeasureSeconds)
	e.GPUHours = ptr(scale(job, float64(s.GPUs)/3600))
	return e
}

// JobSeconds is how long the job takes from its first step to its end where no time
// limit ends it; ok is false where that cannot be said.
func (e *Estimate) JobSeconds() (i estimate.Interval, ok bool) {
	if e == nil || e.StartupSeconds == nil || e.MeasureSeconds == nil {
		return i, false
	}
	return sum(*e.StartupSeconds, e.BusySeconds()), true
}

// BusySeconds is how long the run measures and writes its records; MeasureSeconds must
// be known.
func (e *Estimate) BusySeconds() estimate.Interval {
	if e.RecordsSeconds == nil {
		return *e.MeasureSeconds
	}
	return sum(*e.MeasureSeconds, *e.RecordsSeconds)
}

// of is the estimate of a run that loads an engine so: without streaming no time to the
// first token is measured, records of requests are written while the GPUs are held, and
// a job costs no more than its time limit allows.
func (e Estimate) of(r *Run, outputTokens float64, left map[string]any) *Estimate {
	e.NotModelled = left
	if !r.Arguments.Bool("streaming") {
		e.AvgTTFT, e.AvgTPOT = nil, nil
	}
	if e.GPUHours == nil {
		return &e
	}
	gpus := float64(r.Hardware.GPUs)
	if r.RequestLog {
		most := outputTokens / recordedTokens
		e.RecordsSeconds = &estimate.Interval{Low: most / 10, Mid: most / 2, High: most}
		e.GPUHours = ptr(sum(*e.GPUHours, scale(*e.RecordsSeconds, gpus/3600)))
		e.round()
	}
	most := digits(float64(r.TimeLimitSeconds)*gpus/3600, 4)
	e.GPUHours = &estimate.Interval{Low: min(e.GPUHours.Low, most), Mid: min(e.GPUHours.Mid, most), High: min(e.GPUHours.High, most)}
	return &e
}

// recordedTokens are the output tokens that trtllm-bench decodes and writes to the
// records of requests in a second at least: 4,000 requests of 8,000 tokens in a minute.
const recordedTokens = 4000 * 8000 / 60

// round leaves four digits: more would say more than is known, and would differ
// between processors.
func (e *Estimate) round() {
	for _, i := range []*estimate.Interval{e.OutputThroughputPerGPU, e.AvgTTFT, e.AvgTPOT, e.StartupSeconds, e.MeasureSeconds, e.RecordsSeconds, e.GPUHours} {
		if i != nil {
			i.Low, i.Mid, i.High = digits(i.Low, 4), digits(i.Mid, 4), digits(i.High, 4)
		}
	}
}

func digits(f float64, n int) float64 {
	g, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', n, 64), 64)
	return g
}

// ttftWidth is the relative error of times to the first token: they hang on the
// order of admission and on the host, which is simulated roughly.
const ttftWidth = 0.4

func within(mid, width float64) estimate.Interval {
	return estimate.Interval{Low: mid * (1 - width), Mid: mid, High: mid * (1 + width)}
}

// inverse is the interval of a time around mid that goes with a rate's.
func inverse(rate estimate.Interval, mid float64) estimate.Interval {
	return estimate.Interval{Low: mid * rate.Mid / rate.High, Mid: mid, High: mid * rate.Mid / rate.Low}
}

func sum(a, b estimate.Interval) estimate.Interval {
	return estimate.Interval{Low: a.Low + b.Low, Mid: a.Mid + b.Mid, High: a.High + b.High}
}

func scale(i estimate.Interval, by float64) estimate.Interval {
	return estimate.Interval{Low: i.Low * by, Mid: i.Mid * by, High: i.High * by}
}

// ranksOf is the number of schedulers that share the requests: under attention
// data parallelism each of the tp ranks has its own.
func ranksOf(a trtllm.Arguments, options any) int {
	if tp, ok := a.Int("tp"); ok && optionAt(options, "enable_attention_dp") == true {
		return max(1, tp)
	}
	return 1
}

// An Occupancy is how many requests a run keeps in flight, by what limits them.
type Occupancy struct {
	// Ranks is the number of schedulers that share the requests.
	Ranks int
	// Asked is how many requests the client keeps in flight: the concurrency, or
	// all of them.
	Asked int
	// Slots is max_batch_size and Fit what the KV cache holds, both over all
	// ranks.
	Slots, Fit int
}

// Occupancy computes the occupancy of a run with an estimate; false without.
func (r *Run) Occupancy() (Occupancy, bool) {
	slots, ok := r.Arguments.Int("max_batch_size")
	if r.Estimate == nil || r.Estimate.RequestsFitAtOnce == nil || !ok {
		return Occupancy{}, false
	}
	o := Occupancy{Ranks: ranksOf(r.Arguments, r.LLMAPIOptions), Asked: r.Dataset.Lines, Fit: int(*r.Estimate.RequestsFitAtOnce)}
	o.Slots = slots * o.Ranks
	if c, ok := r.Arguments.Int("concurrency"); ok && c > 0 {
		o.Asked = min(c, o.Asked)
	}
	return o, true
}

// Running is how many requests are really served at once.
func (o Occupancy) Running() int { return min(o.Asked, o.Slots, o.Fit) }

// batch is Running on the fullest rank.
func (o Occupancy) batch() int { return int(math.Ceil(float64(o.Running()) / float64(o.Ranks))) }

// waits reports whether requests that the client has sent wait in the engine.
func (o Occupancy) waits() bool { return o.Asked > min(o.Slots, o.Fit) }
