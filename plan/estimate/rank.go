package estimate

import (
	"cmp"
	"slices"
)

// A rank is one scheduler with the requests that were given to it: those that
// wait, those whose prompts are in work, and those that generate.
type rank struct {
	waiting []int
	begun   []*cohort
	generation
	active int // begun or generating
	blocks int
	tokens int // of the prompts of all
}

// requests is how many requests were given to a rank.
func (r *rank) requests() int { return r.active + len(r.waiting) }

// A cohort is requests that were admitted together and are equal. While it generates
// it goes on from its last turn to the next, a bend in what it attends to, or its end.
type cohort struct {
	ids             []int
	isl, osl        int
	prefilled       int
	blocks          int     // of each
	from, turn, end int     // on the clock of its generation
	position        int     // of its next token, at from
	attended, slope float64 // of one of its requests, at from
}

func (c *cohort) done() bool { return c.prefilled == c.isl }

// plan sets st to what a rank does in the next iteration. Unless prompts are held back, it
// first admits the requests that fit.
func (e *engine) plan(r *rank, held bool, st *step) {
	*st = step{decode: float64(r.size), attended: r.attended}
	if held || len(r.begun)+len(r.waiting) == 0 {
		return
	}
	budget := e.s.MaxNumTokens - r.size
	for _, c := range r.begun {
		budget -= e.prefill(c, budget, st)
	}
	e.admit(r, budget, st)
}

// admit takes a rank's waiting requests in order while they fit. One that does not fit
// blocks those behind it.
func (e *engine) admit(r *rank, budget int, st *step) {
	for len(r.waiting) > 0 {
		q := e.sent[r.waiting[0]].Request
		if !e.admissible(r, q, budget) {
			return
		}
		c := e.join(r, q, budget)
		if c.ids == nil {
			c.ids = r.waiting[:1:1]
		} else {
			c.ids = append(c.ids, r.waiting[0])
		}
		r.waiting = r.waiting[1:]
		r.active++
		r.blocks += c.blocks
		if len(c.ids) == 1 {
			budget -= e.prefill(c, budget, st)
			continue
		}
		budget -= q.ISL
		st.ctxTokens += float64(q.ISL)
		st.ctxSquares += e.s.prefillSquares(float64(q.ISL))
		st.ctxRequests++
	}
}

// admissible reports whether a rank can begin a request with budget tokens left.
// GUARANTEED_NO_EVICT reserves the blocks of its whole length.
func (e *engine) admissible(r *rank, q Request, budget int) bool {
	fits := q.ISL <= budget || e.s.ChunkedContext && budget >= tokensPerBlock
	return fits && r.active < e.s.MaxBatchSize && r.blocks+blocks(q.ISL+q.OSL) <= e.blocks
}

// join finds the cohort of equal requests whose prompts are done in this
// iteration, or begins one.
func (e *engine) join(r *rank, q Request, budget int) *cohort {
	if n := len(r.begun); n > 0 && q.ISL <= budget && !e.apart {
		if c := r.begun[n-1]; c.isl == q.ISL && c.osl == q.OSL && c.done() {
			return c
		}
	}
	c := &cohort{isl: q.ISL, osl: q.OSL, blocks: blocks(q.ISL + q.OSL)}
	r.begun = append(r.begun, c)
	return c
}

// prefill processes as much of a cohort's prompt as budget allows and returns
// the tokens taken. A chunk that is not the last is whole blocks.
func (e *engine) prefill(c *cohort, budget int, st *step) int {
	take := c.isl - c.prefilled
	if take > budget {
		take = budget / tokensPerBlock * tokensPerBlock
	}
	if take <= 0 {
		return 0
	}
	before := e.s.prefillSquares(float64(c.prefilled))
	c.prefilled += take
	st.ctxTokens += float64(take)
	st.ctxSquares += e.s.prefillSquares(float64(c.prefilled)) - before
	if c.done() {
		st.ctxRequests++
	}
	return take
}

// advance gives n tokens to every request that generates, and one to those whose
// prompts are done now, and returns how many requests ended.
func (e *engine) advance(r *rank, n int) int {
	ended := 0
	for _, c := range r.generation.advance(&e.s, n) {
		ended += e.end(r, c)
	}
	left := r.begun[:0]
	for _, c := range r.begun {
		switch {
		case !c.done():
			left = append(left, c)
			continue
		case c.osl > 1:
			r.generation.add(&e.s, c)
		}
		for _, id := range c.ids {
			e.sent[id].First = e.now
		}
		if c.osl <= 1 {
			ended += e.end(r, c)
		}
	}
	clear(r.begun[len(left):])
	r.begun = left
	e.flight -= ended
	return ended
}

func (e *engine) end(r *rank, c *cohort) int {
	n := len(c.ids)
	for _, id := range c.ids {
		e.sent[id].End = e.now
	}
	r.active -= n
	r.blocks -= n * c.blocks
	r.tokens -= n * c.isl
	return n
}

// assign gives requests from the queue to ranks, as many as these have slots:
// the longest prompts first, each to the rank with the fewest prompt tokens that
// holds less than its share (executor_request_queue.py of TensorRT-LLM).
func (e *engine) assign() {
	held, most := 0, 0
	for _, r := range e.ranks {
		held += r.requests()
		most = max(most, r.requests())
	}
	n := min(len(e.queue), len(e.ranks)*e.s.MaxBatchSize-held)
	if n <= 0 {
		return
	}
	fresh := e.queue[:n]
	e.queue = e.queue[n:]
	if len(e.ranks) == 1 {
		e.give(e.ranks[0], fresh...)
		return
	}
	share := max(most, (held+n+len(e.ranks)-1)/len(e.ranks))
	slices.SortStableFunc(fresh, func(a, b int) int { return cmp.Compare(e.sent[b].ISL, e.sent[a].ISL) })
	for _, id := range fresh {
		var least *rank
		for _, r := range e.ranks {
			if r.requests() < share && (least == nil || r.lighter(least)) {
				least = r
			}
		}
		e.give(least, id)
	}
}

func (e *engine) give(r *rank, ids ...int) {
	r.waiting = append(r.waiting, ids...)
	for _, id := range ids {
		r.tokens += e.sent[id].ISL
	}
}

// lighter orders ranks by the prompt tokens that they hold, then by requests.
func (r *rank) lighter(than *rank) bool {
	if r.tokens != than.tokens {
		return r.tokens < than.tokens
	}
	return r.requests() < than.requests()
}

// A Balance is attention_dp_config with enable_balance: prompts are held back
// until all ranks have some.
type Balance struct {
	// TimeoutIters is for how many iterations prompts wait for the other ranks,
	// BatchingWaitIters for how many more while all ranks generate.
	TimeoutIters, BatchingWaitIters int
}

// held reports whether prompts are held back in this iteration
// (_balance_adp_requests in py_executor.py of TensorRT-LLM).
func (e *engine) held() bool {
	if e.s.Balance == nil || e.s.Ranks() == 1 {
		return false
	}
	ready, generate := true, true
	for _, r := range e.ranks {
		ready = ready && r.size < e.s.MaxBatchSize && e.hasContext(r)
		generate = generate && r.size > 0
	}
	if !ready {
		e.missing++
		if generate && e.missing < e.s.Balance.TimeoutIters {
			return true
		}
		e.missing = 0
		return false
	}
	e.missing = 0
	if generate && e.batching < e.s.Balance.BatchingWaitIters {
		e.batching++
		return true
	}
	if generate {
		e.batching = 0
	}
	return false
}

// hasContext reports whether a rank has prompts to process in this iteration.
func (e *engine) hasContext(r *rank) bool {
	return len(r.begun) > 0 || len(r.waiting) > 0 && e.admissible(r, e.sent[r.waiting[0]].Request, e.s.MaxNumTokens-r.size)
}
