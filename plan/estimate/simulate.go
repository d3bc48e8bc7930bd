package estimate

import (
	"fmt"
)

// A Timing is when a request was sent, gave its first token and its last, in
// seconds from the first request.
type Timing struct {
	Start, First, End float64
	Request
}

// An Outcome is a simulated run.
type Outcome struct {
	Requests   []Timing
	TotalS     float64
	Iterations int
	Memory     MemoryUse
	gpus       int
}

// A Step is one simulated iteration of rank 0, for logs.
type Step struct {
	Index                          int
	StartS, Seconds                float64
	CtxRequests, CtxTokens, Decode int
	Active                         int
}

// Simulate passes the requests through in-flight batching as TensorRT-LLM's
// pytorch backend does under GUARANTEED_NO_EVICT: requests that generate first,
// then prompts in order of arrival while tokens, slots and cache blocks last.
// Ranks under attention DP run in step. observe may be nil. An error says what
// does not fit.
func Simulate(s Scenario, observe func(Step)) (*Outcome, error) {
	mem := Memory(s)
	if err := mem.fits(); err != nil {
		return nil, err
	}
	e := newEngine(s, mem, observe)
	if err := e.run(); err != nil {
		return nil, err
	}
	return &Outcome{Requests: e.timings(), TotalS: e.now, Iterations: e.steps, Memory: mem, gpus: max(1, s.GPUs)}, nil
}

// An engine is the state of a simulation. Where all requests are equal the
// ranks are alike, and one stands for all.
type engine struct {
	s       Scenario
	roof    *roofline
	ranks   []*rank
	alike   int // how many ranks each stands for
	sent    []Timing
	next    int // of the requests, to be sent
	queue   []int
	flight  int
	limit   int
	now     float64
	steps   int
	observe func(Step)
	record  func(step, int)
	total   int // KV blocks of a rank
}

// A rank is one scheduler with what it has admitted.
type rank struct {
	live   []*cohort
	active int
	blocks int
}

// A cohort is requests that were admitted together and are equal.
type cohort struct {
	ids       []int
	isl       int
	prefilled int
	position  float64
	remaining int
	blocks    int // of each
}

func newEngine(s Scenario, mem MemoryUse, observe func(Step)) *engine {
	e := &engine{s: s, roof: newRoofline(&s), alike: 1, observe: observe, total: int(mem.KVTokens / tokensPerBlock)}
	requests, limit, ranks := s.Requests, s.Concurrency, s.ranks()
	if ranks > 1 && equalLengths(requests) {
		e.alike = ranks
		requests = requests[:(len(requests)+ranks-1)/ranks]
		limit = (limit + ranks - 1) / ranks
		ranks = 1
	}
	if s.Concurrency <= 0 {
		limit = len(requests)
	}
	e.limit = limit
	for range ranks {
		e.ranks = append(e.ranks, &rank{})
	}
	e.sent = make([]Timing, len(requests))
	for i, r := range requests {
		e.sent[i].Request = r
	}
	return e
}

func equalLengths(list []Request) bool {
	for _, r := range list {
		if r != list[0] {
			return false
		}
	}
	return true
}

// timings are those of all requests, in the order in which they were sent.
func (e *engine) timings() []Timing {
	out := make([]Timing, len(e.s.Requests))
	for i := range out {
		out[i] = e.sent[i/e.alike]
	}
	return out
}

func (e *engine) run() error {
	steps := make([]step, len(e.ranks))
	for left := len(e.sent); left > 0; {
		e.send()
		stretch := longestStretch
		busy := false
		for i, r := range e.ranks {
			steps[i] = e.plan(r)
			busy = busy || steps[i].ctxTokens+steps[i].decode > 0
			stretch = min(stretch, r.stretch(steps[i]))
		}
		if !busy {
			return fmt.Errorf("a prompt does not fit into max_num_tokens = %d", e.s.MaxNumTokens)
		}
		seconds, slowest := 0.0, 0
		for i, r := range e.ranks {
			if stretch > 1 {
				e.middle(r, &steps[i], stretch)
			}
			if t := e.roof.seconds(steps[i]); t > seconds {
				seconds, slowest = t, i
			}
		}
		e.tell(steps[0], seconds, stretch)
		if e.record != nil {
			e.record(steps[slowest], stretch)
		}
		e.now += float64(stretch) * seconds
		e.steps += stretch
		for _, r := range e.ranks {
			left -= e.advance(r, stretch)
		}
	}
	return nil
}

// longestStretch bounds how many iterations that only generate are taken
// together: over so few the time of one changes almost linearly.
const longestStretch = 64

// stretch is for how many iterations a rank does the same: until a request ends
// while it only generates, else one.
func (r *rank) stretch(st step) int {
	if st.ctxTokens > 0 {
		return 1
	}
	n := longestStretch
	for _, c := range r.live {
		n = min(n, c.remaining)
	}
	return n
}

// middle makes st the iteration in the middle of a stretch.
func (e *engine) middle(r *rank, st *step, stretch int) {
	st.attended = 0
	for _, c := range r.live {
		st.attended += float64(len(c.ids)) * e.s.attended(c.position+float64(stretch-1)/2)
	}
}

func (e *engine) tell(st step, seconds float64, stretch int) {
	if e.observe == nil {
		return
	}
	for i := range stretch {
		e.observe(Step{
			Index: e.steps + i, StartS: e.now + float64(i)*seconds, Seconds: seconds, CtxRequests: int(st.ctxRequests),
			CtxTokens: int(st.ctxTokens), Decode: int(st.decode), Active: e.ranks[0].active,
		})
	}
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

// plan admits what fits into the next iteration of a rank and returns its work.
func (e *engine) plan(r *rank) step {
	var st step
	for _, c := range r.live {
		if c.prefilled >= c.isl {
			st.decode += float64(len(c.ids))
			st.attended += float64(len(c.ids)) * e.s.attended(c.position)
		}
	}
	budget := e.s.MaxNumTokens - int(st.decode)
	for _, c := range r.live {
		if c.prefilled < c.isl {
			budget -= e.prefill(c, budget, &st)
		}
	}
	e.admit(r, budget, &st)
	return st
}

// admit takes requests from the queue while they fit.
func (e *engine) admit(r *rank, budget int, st *step) {
	taken := 0
	fair := e.share()
	for _, id := range e.queue {
		q := e.sent[id].Request
		need := blocks(q.ISL + q.OSL)
		fits := q.ISL <= budget || e.s.ChunkedContext && budget >= tokensPerBlock
		if !fits || r.active >= min(e.s.MaxBatchSize, fair) || r.blocks+need > e.total {
			break
		}
		taken++
		c := r.join(q, need)
		c.ids = append(c.ids, id)
		r.active++
		r.blocks += need
		if len(c.ids) > 1 {
			budget -= q.ISL
			st.ctxTokens += float64(q.ISL)
			st.ctxSquares += e.s.prefillSquares(float64(q.ISL))
			st.ctxRequests++
			continue
		}
		budget -= e.prefill(c, budget, st)
	}
	e.queue = e.queue[taken:]
}

// share is how many requests a rank may hold so that the ranks stay balanced.
func (e *engine) share() int {
	active := len(e.queue)
	most := 0
	for _, r := range e.ranks {
		active += r.active
		most = max(most, r.active)
	}
	return max(most, (active+len(e.ranks)-1)/len(e.ranks))
}

// join finds the cohort that was begun in this iteration for equal requests, or
// begins one.
func (r *rank) join(q Request, need int) *cohort {
	if n := len(r.live); n > 0 {
		c := r.live[n-1]
		if c.position == 0 && c.isl == q.ISL && c.remaining == q.OSL && c.prefilled == c.isl {
			return c
		}
	}
	c := &cohort{isl: q.ISL, remaining: q.OSL, blocks: need}
	r.live = append(r.live, c)
	return c
}

// prefill processes as much of a cohort's prompt as budget allows and returns
// the tokens taken.
func (e *engine) prefill(c *cohort, budget int, st *step) int {
	take := min(c.isl-c.prefilled, budget)
	if take <= 0 {
		return 0
	}
	before := e.s.prefillSquares(float64(c.prefilled))
	c.prefilled += take
	st.ctxTokens += float64(take)
	st.ctxSquares += e.s.prefillSquares(float64(c.prefilled)) - before
	if c.prefilled == c.isl {
		st.ctxRequests++
	}
	return take
}

// advance gives n tokens to every request whose prompt is done and returns how
// many requests ended.
func (e *engine) advance(r *rank, n int) int {
	ended := 0
	kept := r.live[:0]
	for _, c := range r.live {
		if c.prefilled < c.isl {
			kept = append(kept, c)
			continue
		}
		if c.position == 0 {
			c.position = float64(c.isl)
			for _, id := range c.ids {
				e.sent[id].First = e.now
			}
		}
		c.position += float64(n)
		c.remaining -= n
		if c.remaining > 0 {
			kept = append(kept, c)
			continue
		}
		for _, id := range c.ids {
			e.sent[id].End = e.now
		}
		ended += len(c.ids)
		r.active -= len(c.ids)
		r.blocks -= len(c.ids) * c.blocks
		e.flight -= len(c.ids)
	}
	clear(r.live[len(kept):])
	r.live = kept
	return ended
}
