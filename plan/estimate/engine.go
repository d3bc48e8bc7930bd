package estimate

import (
	"fmt"
	"math"
	"slices"
)

// An engine is the state of a simulation. Where all requests are equal and
// divide evenly the ranks are alike, and one stands for all.
type engine struct {
	s      Scenario
	roof   *roofline
	ranks  []*rank
	alike  int // how many ranks each stands for
	sent   []timing
	next   int   // of the requests, to be sent
	queue  []int // sent, on no rank yet
	flight int
	limit  int
	now    float64
	steps  int
	// missing and batching count the iterations for which prompts are held back.
	missing, batching int
	observe           func(Step)
	record            func(step, int)
	blocks            int // of the KV cache, per rank
	// longest bounds how many iterations are taken together, and apart keeps
	// equal requests apart: a simulation of every request and iteration.
	longest int
	apart   bool
}

func newEngine(s Scenario, mem MemoryUse) *engine {
	e := &engine{s: s, roof: newRoofline(&s), alike: 1, blocks: int(mem.KVTokens / tokensPerBlock), longest: math.MaxInt}
	requests, limit, ranks := s.Requests, s.Concurrency, s.Ranks()
	if limit <= 0 {
		limit = len(requests)
	}
	unequal := func(r Request) bool { return r != requests[0] }
	if len(requests)%ranks == 0 && limit%ranks == 0 && !slices.ContainsFunc(requests, unequal) {
		e.alike = ranks
		requests, limit, ranks = requests[:len(requests)/ranks], limit/ranks, 1
	}
	e.limit = limit
	e.populate(requests, ranks)
	return e
}

func (e *engine) populate(requests []Request, ranks int) {
	e.ranks = make([]*rank, ranks)
	for i := range e.ranks {
		e.ranks[i] = &rank{}
	}
	e.sent = make([]timing, len(requests))
	for i, r := range requests {
		e.sent[i].Request = r
	}
}

// timings are those of all requests, in the order in which they were sent.
func (e *engine) timings() []timing {
	out := make([]timing, len(e.s.Requests))
	for i := range out {
		out[i] = e.sent[i/e.alike]
	}
	return out
}

func (e *engine) run() error {
	steps := make([]step, len(e.ranks))
	for left := len(e.sent); left > 0; {
		e.send()
		e.assign()
		held := e.held()
		busy := false
		for i, r := range e.ranks {
			e.plan(r, held, &steps[i])
			busy = busy || steps[i].ctxTokens+steps[i].decode > 0
		}
		if !busy {
			return fmt.Errorf("a prompt does not fit into max_num_tokens = %d", e.s.MaxNumTokens)
		}
		left -= e.iterate(steps, held)
	}
	return nil
}

// iterate runs the steps of all ranks, several times over while nothing else
// happens, and returns how many requests ended. Ranks meet in every layer, so
// that the slowest decides.
func (e *engine) iterate(steps []step, held bool) int {
	e.meet(steps)
	stretch := e.stretch(steps, held)
	if stretch > 1 {
		for i, r := range e.ranks {
			steps[i].attended = r.mean(stretch)
		}
	}
	slowest, seconds := e.roof.slowest(steps)
	if stretch > 1 {
		seconds = e.roof.mean(steps[slowest], seconds, stretch, e.ranks[slowest].slope)
	}
	for i := 0; e.observe != nil && i < stretch; i++ {
		st := steps[0]
		e.observe(Step{
			Number: e.steps + i, StartS: e.now + float64(i)*seconds, Seconds: seconds, CtxRequests: int(st.ctxRequests),
			CtxTokens: int(st.ctxTokens), Decode: int(st.decode), Active: e.ranks[0].active, InFlight: e.flight * e.alike,
		})
	}
	if e.record != nil {
		e.record(steps[slowest], stretch)
	}
	e.now += float64(stretch) * seconds
	e.steps += stretch
	ended := 0
	for _, r := range e.ranks {
		ended += e.advance(r, stretch)
	}
	return ended
}

// meet completes the steps of ranks by what they share: the CUDA graph of the
// largest batch, where none processes prompts, and the tokens that meet in the
// experts. Without padding all batches have to be of the graph's size.
func (e *engine) meet(steps []step) {
	context, most, least, global := false, 0.0, math.Inf(1), 0.0
	for _, st := range steps {
		context = context || st.ctxTokens > 0
		most, least = max(most, st.decode), min(least, st.decode)
	}
	graph := 0.0
	if !context && (e.s.GraphPadding || most == least) {
		graph = e.s.graph(most)
	}
	for i := range steps {
		st := &steps[i]
		st.graph = graph > 0
		st.batch = max(st.decode, graph)
		global += st.ctxTokens + st.batch
	}
	for i := range steps {
		steps[i].global = global * float64(e.alike)
	}
}

// graph is the size of the CUDA graph that a batch runs as, 0 for none: without
// padding only a batch of just that size does.
func (s *Scenario) graph(batch float64) float64 {
	for _, g := range s.GraphSizes {
		if float64(g) == batch || s.GraphPadding && float64(g) > batch {
			return float64(g)
		}
	}
	return 0
}

// stretch is for how many iterations all ranks do the same: until a request ends
// while they only generate, else one.
func (e *engine) stretch(steps []step, held bool) int {
	if held {
		return 1
	}
	n := e.longest
	for i, r := range e.ranks {
		if steps[i].ctxTokens > 0 {
			return 1
		}
		n = min(n, r.calm())
	}
	return n
}

// send lets requests out as far as the concurrency allows.
func (e *engine) send() {
	for e.next < len(e.sent) && e.flight < e.limit {
		e.sent[e.next].Start = e.now
		e.queue = append(e.queue, e.next)
		e.next++
		e.flight++
	}
}

// A timing is when a request was sent, gave its first token and its last, in
// seconds from the first request.
type timing struct {
	Start, First, End float64
	Request
}

// A Simulation is a simulated run: each request with its times, and how long all took,
// in seconds.
type Simulation struct {
	Requests   []timing
	TotalS     float64
	Iterations int
	Memory     MemoryUse
	gpus       int
}

// A Step is one simulated iteration, for logs: of rank 0, but for InFlight.
type Step struct {
	Number                         int
	StartS, Seconds                float64
	CtxRequests, CtxTokens, Decode int
	Active                         int
	InFlight                       int // requests sent and not ended, of all ranks
}

// Simulate passes the requests through in-flight batching as TensorRT-LLM's
// pytorch backend does under GUARANTEED_NO_EVICT: requests that generate first,
// then prompts in order of arrival while tokens, slots and cache blocks last.
// Ranks under attention DP run in step. observe may be nil. An error says what
// does not fit.
func Simulate(s Scenario, observe func(Step)) (*Simulation, error) {
	mem := Memory(s)
	e, err := simulate(s, mem, observe)
	if err != nil {
		return nil, err
	}
	return &Simulation{Requests: e.timings(), TotalS: e.now, Iterations: e.steps, Memory: mem, gpus: max(1, s.GPUs)}, nil
}

func simulate(s Scenario, mem MemoryUse, observe func(Step)) (*engine, error) {
	if err := mem.fits(); err != nil {
		return nil, err
	}
	e := newEngine(s, mem)
	e.observe = observe
	return e, e.run()
}

// A Request is tokens in and tokens out.
type Request struct{ ISL, OSL int }

// A Scenario is all that a prediction depends on.
type Scenario struct {
	Model          Model
	GPU            GPU
	GPUs           int
	TP, PP, EP     int
	AttentionDP    bool
	MaxBatchSize   int // a rank under attention DP
	MaxNumTokens   int // likewise
	MaxSeqLen      int
	KVFraction     float64
	Concurrency    int // 0 or less: no limit
	ChunkedContext bool
	// Balance holds prompts back until all ranks under attention DP have some; nil
	// does not.
	Balance *Balance
	// GraphSizes are the batch sizes with a CUDA graph, ascending; GraphPadding
	// rounds a batch up to the next.
	GraphSizes   []int
	GraphPadding bool
	// AllToAll says that experts are reached by all-to-all (WIDEEP) rather than
	// by gathering all tokens.
	AllToAll bool
	// Version is that of TensorRT-LLM, major and minor, "" for the newest. Early
	// says that it is older than 1.2.
	Version string
	Early   bool
	// NotModelled is what the run sets that predictions do not account for (see
	// the function); nil where other runs set it and this one does not.
	NotModelled map[string]any
	// Parameters replace the shipped ones unless nil.
	Parameters *Parameters
	// Requests are in the order in which they are sent.
	Requests []Request
}

// Ranks is the number of schedulers that share the requests.
func (s *Scenario) Ranks() int {
	if s.AttentionDP {
		return max(1, s.TP)
	}
	return 1
}

// split is over how many GPUs attention and dense layers are cut.
func (s *Scenario) split() float64 {
	if s.AttentionDP {
		return 1
	}
	return float64(max(1, s.TP))
}

func (s *Scenario) pp() float64 { return float64(max(1, s.PP)) }

func (s *Scenario) parameters() Parameters {
	if s.Parameters != nil {
		return *s.Parameters
	}
	return Shipped()
}

// Averages are what a plan predicts of a run: how long it measures, in seconds,
// and means over the requests, times in milliseconds.
type Averages struct{ TotalS, TPSPerGPU, TTFT, TPOT float64 }

// Predict simulates s as Simulate does and keeps no request. An error says what
// does not fit.
func Predict(s Scenario) (Averages, error) {
	e, err := simulate(s, Memory(s), nil)
	if err != nil {
		return Averages{}, err
	}
	a := Averages{TotalS: e.now}
	var tokens, n float64
	for i := range e.sent {
		r := &e.sent[i]
		// The last one may stand for fewer.
		weight := float64(min(e.alike, len(s.Requests)-i*e.alike))
		n += weight
		tokens += weight * float64(r.OSL)
		a.TTFT += weight * (r.First - r.Start)
		a.TPOT += weight * (r.End - r.First) / float64(max(1, r.OSL-1))
	}
	a.TPSPerGPU = tokens / a.TotalS / float64(max(1, s.GPUs))
	a.TTFT, a.TPOT = a.TTFT/n*1e3, a.TPOT/n*1e3
	return a, nil
}
