package plan

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/plan/estimate"
)

// A forecast is the estimate of all runs that load the same machine alike: what a run is
// called, its environment and most options make no difference to it.
type forecast struct {
	scenario estimate.Scenario // without requests
	workload Workload
	data     *requests
	learned  learned
	estimate *Estimate
}

// predict gives every run its estimate and its notes. Runs that load an engine
// alike are simulated once, several at a time.
func (b *builder) predict(list []candidate) error {
	lessons, err := b.lessons(list)
	if err != nil {
		return err
	}
	left := b.notModelled(list)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	of := make([]*forecast, len(list))
	for i, c := range list {
		of[i] = b.forecast(c, lessons, left[i], func(f *forecast) {
			g.Go(func() error {
				s := f.scenario
				s.Requests = estimateRequests(f.data.each())
				f.estimate = newEstimate(s, f.learned)
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, c := range list {
		r, f := c.run, of[i]
		if f == nil {
			r.Notes = Notes(r)
			continue
		}
		r.Estimate = f.estimate.of(r, c.data.outputTokens(), left[i])
		r.Notes = notes(r, b.measures(f), f.unpublished())
	}
	return nil
}

// forecast is the one for a candidate, nil where there is none. A new one is handed to
// simulate.
func (b *builder) forecast(c candidate, lessons lessons, left map[string]any, simulate func(*forecast)) *forecast {
	machine := once(b.memo, [4]any{c.cell.Model, c.cell.Hardware, c.cell.Image, c.place.Ref}, func() *forecast {
		w, ok := b.workload(c.run, nil)
		if !ok {
			return nil // the catalogue knows too little
		}
		return &forecast{workload: w, scenario: w.machine(), learned: lessons.of(c)}
	})
	if machine == nil || c.data.lengthsUnknown {
		return nil
	}
	one := *machine
	one.data = c.data
	one.workload.Arguments, one.workload.Options = c.run.Arguments, c.run.LLMAPIOptions
	one.scenario = one.workload.scenario(machine.scenario, extent{})
	one.scenario.NotModelled = left
	return once(b.memo, [3]any{machine, c.data, loadKey(one.scenario)}, func() *forecast {
		simulate(&one)
		return &one
	})
}

// loadKey has all of a scenario that arguments and options decide.
func loadKey(s estimate.Scenario) string {
	balance, set := estimate.Balance{}, 0
	if s.Balance != nil {
		balance = *s.Balance
	}
	for _, value := range s.NotModelled {
		if value != nil {
			set++
		}
	}
	return fmt.Sprint(s.TP, s.PP, s.EP, s.AttentionDP, s.MaxBatchSize, s.MaxNumTokens, s.MaxSeqLen, s.KVFraction, s.Concurrency,
		s.ChunkedContext, s.GraphSizes, s.GraphPadding, s.AllToAll, s.Balance != nil, balance, set)
}

// notModelled is what each run sets that predictions do not account for, and nil
// for what another run of its benchmark sets otherwise.
func (b *builder) notModelled(list []candidate) []map[string]any {
	all := make([]map[string]any, len(list))
	first, differs := map[string]map[string]any{}, map[string]map[string]bool{}
	for i, c := range list {
		early := once(b.memo, c.cell.Image, func() bool { return early(c.run.Image.TRTLLMVersion) })
		all[i] = estimate.NotModelled(c.run.Arguments, c.run.LLMAPIOptions, early)
		name := c.cell.Benchmark
		if differs[name] == nil {
			first[name], differs[name] = all[i], map[string]bool{}
		}
		for _, option := range estimate.Differ(first[name], all[i]) {
			differs[name][option] = true
		}
	}
	for i, c := range list {
		for option := range differs[c.cell.Benchmark] {
			if _, set := all[i][option]; !set {
				if all[i] == nil {
					all[i] = map[string]any{}
				}
				all[i][option] = nil
			}
		}
	}
	return all
}

// unpublished is what neither a published run nor one of our own has.
func (f *forecast) unpublished() []string {
	if len(f.learned.speed) > 0 {
		return nil
	}
	return f.scenario.Unpublished()
}

// measures predicts for how many seconds a run measures with another number of
// requests, all of mean length.
func (b *builder) measures(f *forecast) func(n int) float64 {
	return func(n int) float64 {
		return once(b.memo, [2]any{f, n}, func() float64 {
			s := f.scenario
			s.Parameters, s.Requests = f.learned.parameters, estimateRequests(f.data.lengths)
			return measures(s, n)
		})
	}
}

// measures predicts for how many seconds s measures when it sends n requests, all of the
// mean length of its own.
func measures(s estimate.Scenario, n int) float64 {
	var isl, osl int
	for _, r := range s.Requests {
		isl, osl = isl+r.ISL, osl+r.OSL
	}
	own := max(1, len(s.Requests))
	s.Requests = slices.Repeat([]estimate.Request{{ISL: max(1, isl/own), OSL: max(1, osl/own)}}, n)
	a, err := estimate.Predict(s)
	if err != nil {
		return math.Inf(1)
	}
	return a.TotalS
}

// foresee estimates all runs and says what is to be expected of them.
func (b *builder) foresee(list []candidate) hcl.Diagnostics {
	if err := b.predict(list); err != nil {
		return hcl.Diagnostics{storeError(err)}
	}
	var diags hcl.Diagnostics
	for _, c := range list {
		if c.run.Estimate == nil {
			continue
		}
		diags = append(diags, c.fits()...)
		if a := c.run.Action; a == Measure || a == Remeasure {
			diags = append(append(diags, c.queues()...), c.endsInTime()...)
		}
	}
	return merge(diags)
}

// fits refuses a run whose weights or longest request the GPUs cannot hold.
func (c candidate) fits() hcl.Diagnostics {
	e := c.run.Estimate
	m := e.MemoryBytesPerGPU
	detail := fmt.Sprintf(
		"Of the %s of a %s, weights take %s and activations, NCCL and the CUDA context about %s. ",
		gigabytes(m.Capacity), c.run.Hardware.GPU, gigabytes(m.Weights), gigabytes(m.Workspace))
	switch {
	case *e.RequestsFitAtOnce > 0:
		return nil
	case m.KVCache <= 0 && m.Workspace > m.Weights:
		return c.refuse("max_num_tokens", "Activations do not fit",
			"%sNothing is left for the KV cache. Lower max_num_tokens: each token of an iteration takes memory for its activations.", detail)
	case m.KVCache <= 0:
		return c.refuse("tp", "Weights do not fit",
			"%sNothing is left for the KV cache. Spread the weights over more GPUs (tp, ep), or take a smaller quantization.", detail)
	}
	return c.refuse("kv_cache_free_gpu_mem_fraction", "KV cache does not hold one request",
		"%sThe KV cache gets %s, which is %d tokens, and the longest request has %d. Raise kv_cache_free_gpu_mem_fraction, or shorten the requests.",
		detail, gigabytes(m.KVCache), *e.KVTokensPerGPU, c.data.longest)
}

// queues warns of a concurrency that the engine does not reach: what waits
// inside it counts as latency without adding throughput.
func (c candidate) queues() hcl.Diagnostics {
	limit, _ := c.run.Arguments.Int("concurrency")
	o, ok := c.run.Occupancy()
	if !ok || limit < 1 || !o.waits() || o.Running() < 1 {
		return nil
	}
	what := fmt.Sprintf("the KV cache holds %s of this length on all ranks (%d per rank)", countOf(o.Fit, "request"), o.Fit/o.Ranks)
	if o.Slots < o.Fit {
		what = fmt.Sprintf("max_batch_size gives %d slots on all ranks", o.Slots)
	}
	return c.warn("concurrency", "Concurrency will not be reached",
		"concurrency is %d, but %s. The others wait inside the engine, where their waiting counts as TTFT and latency. The largest concurrency that really runs is %d.",
		limit, what, o.Running())
}

// endsInTime warns of a time limit that the run may not meet, and refuses it
// where the policy asks for headroom.
func (c candidate) endsInTime() hcl.Diagnostics {
	e := c.run.Estimate
	job, ok := e.JobSeconds()
	if !ok {
		return nil
	}
	limit := float64(c.run.TimeLimitSeconds)
	said := fmt.Sprintf("The job is expected to take %s to %s (%s to %s of it before measuring starts), and time_limit is %s",
		inMinutes(job.Low), inMinutes(job.High), inMinutes(e.StartupSeconds.Low), inMinutes(e.StartupSeconds.High), inMinutes(limit))
	if p := c.b.Definitions.Policy; p != nil && p.RequireHeadroom != nil {
		if need := job.High * (1 + *p.RequireHeadroom); limit < need {
			return c.refuse("time_limit", "Time limit leaves too little headroom",
				"%s. The policy requires %.0f %% above the longest time expected, which is %s. Set time_limit = %q.",
				said, 100**p.RequireHeadroom, inMinutes(need), roundLimit(need))
		}
	}
	if limit > job.High {
		return nil
	}
	summary := "Time limit may be too short"
	if job.Low > limit {
		summary = "Time limit is too short"
	}
	return c.warn("time_limit", summary, "%s. A job that meets its limit is lost with all that it cost. time_limit = %q would do.", said, TimeLimitFor(job))
}

func gigabytes(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }

func inMinutes(seconds float64) string {
	if seconds <= 90 {
		return fmt.Sprintf("%.0f s", seconds)
	}
	return fmt.Sprintf("%.0f min", seconds/60)
}

// TimeLimitFor is a time limit for a job that is expected to take so many seconds,
// with a fifth to spare, as the language writes it.
func TimeLimitFor(job estimate.Interval) string { return roundLimit(1.2 * job.High) }

// roundLimit is a time limit of whole five minutes, as the language writes it.
func roundLimit(seconds float64) string {
	return fmt.Sprintf("%dm", int(math.Ceil(seconds/300))*5)
}
