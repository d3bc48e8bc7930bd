package plan

import (
	"runtime"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// A candidate is a run that was proven, with what a prediction of it needs.
type candidate struct {
	run   *Run
	cell  *schema.Cell
	args  *argumentsPart
	data  *requests
	place Placement
}

// predict gives every run its estimate and its notes. Runs that load an engine
// alike are simulated once, several at a time.
func (b *builder) predict(list []candidate) error {
	lessons, err := b.lessons(list)
	if err != nil {
		return err
	}
	f := newForecasts(b, lessons, list)
	of := make([]*forecast, len(list))
	for i, c := range list {
		of[i] = f.of(c)
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	sent := f.sent()
	for _, one := range f.list {
		g.Go(func() error {
			one.streaming = newEstimate(one.complete(sent), one.machine.learned)
			one.whole = one.streaming.unstreamed()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, c := range list {
		if of[i] != nil {
			e := f.estimateOf(c.run, of[i])
			if c.run.RequestLog {
				e = e.withRecords(c.data.outputTokens(), c.run.Hardware.GPUs)
			}
			c.run.Estimate = e.cutAt(float64(c.run.TimeLimitSeconds), c.run.Hardware.GPUs)
		}
		c.run.Notes = f.notes(c, of[i])
	}
	return nil
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
	shape := Shape(*u.ISL, *u.OSL, deref(u.ISLStdev), deref(u.OSLStdev), deref(d.Seed), d.Lines)
	lengths := make([]trtllm.Length, d.Lines)
	for i := range lengths {
		lengths[i].ISL, lengths[i].OSL = shape.Lengths(i)
	}
	return b.workload(run, lengths)
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

// cutAt is the estimate of a run whose job ends at a time limit: it costs no more.
func (e *Estimate) cutAt(limit float64, gpus int) *Estimate {
	most := fourDigits(limit * float64(gpus) / 3600)
	if e == nil || e.GPUHours == nil || e.GPUHours.High <= most {
		return e
	}
	cut := *e
	cut.GPUHours = ptr(estimate.Interval{Low: min(e.GPUHours.Low, most), Mid: min(e.GPUHours.Mid, most), High: most})
	return &cut
}

// unstreamed is the estimate of the same run without streaming, which measures no
// time to the first token.
func (e Estimate) unstreamed() *Estimate {
	e.AvgTTFT, e.AvgTPOT = nil, nil
	return &e
}

// round leaves four digits: more would say more than is known, and would differ
// between processors.
func (e *Estimate) round() {
	for _, i := range []*estimate.Interval{e.OutputThroughputPerGPU, e.AvgTTFT, e.AvgTPOT, e.StartupSeconds, e.MeasureSeconds, e.RecordsSeconds, e.GPUHours} {
		if i != nil {
			i.Low, i.Mid, i.High = fourDigits(i.Low), fourDigits(i.Mid), fourDigits(i.High)
		}
	}
}

func fourDigits(f float64) float64 {
	g, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
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
	if tp, ok := a.Int("tp"); ok && optionIs(options, true, "enable_attention_dp") {
		return max(1, tp)
	}
	return 1
}
