package plan

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// forecasts are the estimates of a plan, one for all runs that load the same
// machine alike: what a run is called, its environment and most options make no
// difference to it.
type forecasts struct {
	b        *builder
	lessons  lessons
	machines map[machineKey]*machine
	known    map[load]*forecast
	list     []*forecast // in the order of the runs
	noted    map[notesKey][]Note
	// notModelled is what runs set that predictions do not account for.
	notModelled map[*Run]map[string]any
	variants    map[variant]*Estimate
}

// A variant is an estimate with what it leaves out.
type variant struct {
	of   *Estimate
	left string
}

// A forecast is one estimate in the making.
type forecast struct {
	load
	scenario estimate.Scenario // without requests
	// The estimate with streaming, and for whole answers.
	streaming, whole *Estimate
	// longer is what was last predicted of more requests.
	longer struct {
		requests int
		seconds  float64
	}
}

func (f *forecast) estimate(r *Run) *Estimate {
	if r.Arguments.Bool("streaming") {
		return f.streaming
	}
	return f.whole
}

// estimateOf is the estimate of a run, with what it leaves out.
func (f *forecasts) estimateOf(r *Run, of *forecast) *Estimate {
	e, left := of.estimate(r), f.notModelled[r]
	if len(left) == 0 {
		return e
	}
	return once(f.variants, variant{e, string(mustJSON(left))}, func() *Estimate {
		own := *e
		own.NotModelled = left
		return &own
	})
}

// A load is what an estimate depends on.
type load struct {
	machine *machine
	data    *requests
	engine
}

// An engine is the part of a scenario that arguments decide.
type engine struct {
	tp, pp, ep, maxBatch, maxTokens, maxSeqLen, concurrency, notModelled int
	kvFraction                                                           float64
	attentionDP, chunked, padding, allToAll                              bool
	graphs                                                               string
	balanced                                                             bool
	balance                                                              estimate.Balance
}

// A machine is the part of a scenario that blocks decide, with what was learned
// of it.
type machine struct {
	workload Workload
	scenario estimate.Scenario
	learned  learned
	ok       bool // the catalogue knows enough
}

type machineKey struct {
	model    *schema.Model
	hardware *schema.Hardware
	image    *schema.Image
	executor ExecutorRef
}

func newForecasts(b *builder, l lessons, list []candidate) *forecasts {
	return &forecasts{
		b: b, lessons: l, machines: map[machineKey]*machine{},
		known: map[load]*forecast{}, noted: map[notesKey][]Note{},
		notModelled: notModelled(list), variants: map[variant]*Estimate{},
	}
}

// notModelled is what each run sets that predictions do not account for, and nil
// for what another run of its benchmark sets otherwise.
func notModelled(list []candidate) map[*Run]map[string]any {
	all := make(map[*Run]map[string]any, len(list))
	first, differs := map[string]map[string]any{}, map[string]map[string]bool{}
	versions := map[string]bool{}
	for _, c := range list {
		version := c.run.Image.TRTLLMVersion
		own := estimate.NotModelled(c.run.Arguments, c.run.LLMAPIOptions, once(versions, version, func() bool { return early(version) }))
		all[c.run] = own
		name := c.cell.Benchmark
		if differs[name] == nil {
			first[name], differs[name] = own, map[string]bool{}
		}
		for _, option := range estimate.Differ(first[name], own) {
			differs[name][option] = true
		}
	}
	for _, c := range list {
		for option := range differs[c.cell.Benchmark] {
			if _, set := all[c.run][option]; !set {
				if all[c.run] == nil {
					all[c.run] = map[string]any{}
				}
				all[c.run][option] = nil
			}
		}
	}
	return all
}

// of is the forecast for a candidate, nil where there is none.
func (f *forecasts) of(c candidate) *forecast {
	m := f.machine(c)
	if !m.ok || c.data.lengthsUnknown {
		return nil
	}
	w := m.workload
	w.Arguments, w.Options = c.run.Arguments, c.run.LLMAPIOptions
	s := w.scenario(m.scenario, c.data.extent)
	s.NotModelled = f.notModelled[c.run]
	key := load{machine: m, data: c.data, engine: engineOf(&s)}
	return once(f.known, key, func() *forecast {
		one := &forecast{load: key, scenario: s}
		f.list = append(f.list, one)
		return one
	})
}

func (f *forecasts) machine(c candidate) *machine {
	key := machineKey{c.cell.Model, c.cell.Hardware, c.cell.Image, c.place.Ref}
	return once(f.machines, key, func() *machine {
		m := &machine{learned: f.lessons.of(c)}
		if m.workload, m.ok = f.b.workload(c.run, nil); m.ok {
			m.scenario = m.workload.machine()
		}
		return m
	})
}

func engineOf(s *estimate.Scenario) engine {
	var graphs []byte
	for _, n := range s.GraphSizes {
		graphs = binary.AppendVarint(graphs, int64(n))
	}
	e := engine{
		tp: s.TP, pp: s.PP, ep: s.EP, maxBatch: s.MaxBatchSize, maxTokens: s.MaxNumTokens, maxSeqLen: s.MaxSeqLen,
		concurrency: s.Concurrency, kvFraction: s.KVFraction,
		attentionDP: s.AttentionDP, chunked: s.ChunkedContext, padding: s.GraphPadding, allToAll: s.AllToAll,
		graphs: string(graphs), balanced: s.Balance != nil,
	}
	for _, value := range s.NotModelled {
		if value != nil {
			e.notModelled++
		}
	}
	if s.Balance != nil {
		e.balance = *s.Balance
	}
	return e
}

// sent are the requests of data sets in which all are alike, by what they are
// like: a shorter data set is the beginning of a longer one.
func (f *forecasts) sent() map[trtllm.Length][]estimate.Request {
	out := map[trtllm.Length][]estimate.Request{}
	for _, one := range f.list {
		if d := one.data; d.alike() && d.Lines > len(out[d.lengths[0]]) {
			out[d.lengths[0]] = estimateRequests(d.each())
		}
	}
	return out
}

// complete is the scenario with its requests.
func (f *forecast) complete(sent map[trtllm.Length][]estimate.Request) estimate.Scenario {
	s := f.scenario
	if d := f.data; d.alike() {
		s.Requests = sent[d.lengths[0]][:d.Lines]
	} else {
		s.Requests = estimateRequests(d.lengths)
	}
	return s
}

// notesKey is what the notes of a run depend on.
type notesKey struct {
	estimate *Estimate
	args     *argumentsPart
	data     *requests
	model    *schema.Model
	image    *schema.Image
	wanted   int
}

// notes are those of a run that has its estimate.
func (f *forecasts) notes(c candidate, of *forecast) []Note {
	key := notesKey{c.run.Estimate, c.args, c.data, c.cell.Model, c.cell.Image, c.run.State.Wanted}
	return once(f.noted, key, func() []Note {
		if of == nil {
			return Notes(c.run)
		}
		return notes(c.run, of.measures(), of.unpublished())
	})
}

// unpublished is what neither a published run nor one of our own has.
func (f *forecast) unpublished() []string {
	if len(f.machine.learned.speed) > 0 {
		return nil
	}
	return f.scenario.Unpublished()
}

// measures predicts for how many seconds a run measures with another number of
// requests.
func (f *forecast) measures() func(n int) float64 {
	return func(n int) float64 {
		if f.longer.requests != n {
			s := f.scenario
			s.Parameters = f.machine.learned.parameters
			f.longer.requests, f.longer.seconds = n, measures(s, estimateRequests(f.data.lengths))(n)
		}
		return f.longer.seconds
	}
}

// measures predicts for how many seconds s measures when it sends n requests
// like these, all of mean length.
func measures(s estimate.Scenario, like []estimate.Request) func(n int) float64 {
	var isl, osl int
	for _, r := range like {
		isl, osl = isl+r.ISL, osl+r.OSL
	}
	mean := estimate.Request{ISL: max(1, isl/max(1, len(like))), OSL: max(1, osl/max(1, len(like)))}
	return func(n int) float64 {
		s.Requests = slices.Repeat([]estimate.Request{mean}, n)
		a, err := estimate.Predict(s)
		if err != nil {
			return math.Inf(1)
		}
		return a.TotalS
	}
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
		rules := []func(candidate) hcl.Diagnostics{fits}
		if a := c.run.Action; a == Measure || a == Remeasure {
			rules = append(rules, queues, b.endsInTime)
		}
		for _, rule := range rules {
			diags = append(diags, about(c.cell, rule(c))...)
		}
	}
	return merge(diags)
}

// fits refuses a run whose weights or longest request the GPUs cannot hold.
func fits(c candidate) hcl.Diagnostics {
	e := c.run.Estimate
	m := e.MemoryBytesPerGPU
	if *e.RequestsFitAtOnce > 0 {
		return nil
	}
	detail := fmt.Sprintf(
		"Of the %s of a %s, weights take %s and activations, NCCL and the CUDA context about %s. ",
		gigabytes(m.Capacity), c.run.Hardware.GPU, gigabytes(m.Weights), gigabytes(m.Workspace))
	if m.KVCache <= 0 && m.Workspace > m.Weights {
		return hcl.Diagnostics{cellError(c.cell, "max_num_tokens", "Activations do not fit", detail+
			"Nothing is left for the KV cache. Lower max_num_tokens: each token of an iteration takes memory for its activations.")}
	}
	if m.KVCache <= 0 {
		return hcl.Diagnostics{cellError(c.cell, "tp", "Weights do not fit", detail+
			"Nothing is left for the KV cache. Spread the weights over more GPUs (tp, ep), or take a smaller quantization.")}
	}
	return hcl.Diagnostics{cellError(c.cell, "kv_cache_free_gpu_mem_fraction", "KV cache does not hold one request", detail+fmt.Sprintf(
		"The KV cache gets %s, which is %d tokens, and the longest request has %d. Raise kv_cache_free_gpu_mem_fraction, or shorten the requests.",
		gigabytes(m.KVCache), *e.KVTokensPerGPU, c.data.longest))}
}

// queues warns of a concurrency that the engine does not reach: what waits
// inside it counts as latency without adding throughput.
func queues(c candidate) hcl.Diagnostics {
	limit, _ := c.run.Arguments.Int("concurrency")
	o, ok := c.run.Occupancy()
	if !ok || limit < 1 || !o.waits() || o.Running() < 1 {
		return nil
	}
	what := fmt.Sprintf("the KV cache holds %s of this length on all ranks (%d per rank)", countOf(o.Fit, "request"), o.Fit/o.Ranks)
	if o.Slots < o.Fit {
		what = fmt.Sprintf("max_batch_size gives %d slots on all ranks", o.Slots)
	}
	d := cellError(c.cell, "concurrency", "Concurrency will not be reached", fmt.Sprintf(
		"concurrency is %d, but %s. The others wait inside the engine, where their waiting counts as TTFT and latency. The largest concurrency that really runs is %d.",
		limit, what, o.Running()))
	d.Severity = hcl.DiagWarning
	return hcl.Diagnostics{d}
}

// endsInTime warns of a time limit that the run may not meet, and refuses it
// where the policy asks for headroom.
func (b *builder) endsInTime(c candidate) hcl.Diagnostics {
	e := c.run.Estimate
	job, ok := e.JobSeconds()
	if !ok {
		return nil
	}
	limit := float64(c.run.TimeLimitSeconds)
	headroom, required := 0.0, false
	if p := b.Definitions.Policy; p != nil && p.RequireHeadroom != nil {
		headroom, required = *p.RequireHeadroom, true
	}
	if limit >= job.High*(1+headroom) && limit > job.High {
		return nil
	}
	said := fmt.Sprintf("The job is expected to take %s to %s (%s to %s of it before measuring starts), and time_limit is %s",
		inMinutes(job.Low), inMinutes(job.High), inMinutes(e.StartupSeconds.Low), inMinutes(e.StartupSeconds.High), inMinutes(limit))
	if need := job.High * (1 + headroom); required && limit < need {
		return hcl.Diagnostics{cellError(c.cell, "time_limit", "Time limit leaves too little headroom", fmt.Sprintf(
			"%s. The policy requires %.0f %% above the longest time expected, which is %s. Set time_limit = %q.",
			said, 100*headroom, inMinutes(need), roundLimit(need)))}
	}
	summary := "Time limit may be too short"
	if job.Low > limit {
		summary = "Time limit is too short"
	}
	d := cellError(c.cell, "time_limit", summary, fmt.Sprintf(
		"%s. A job that meets its limit is lost with all that it cost. time_limit = %q would do.", said, TimeLimitFor(job)))
	d.Severity = hcl.DiagWarning
	return hcl.Diagnostics{d}
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
