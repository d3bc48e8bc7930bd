package estimate

import (
	"cmp"
	"slices"
)

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

// hasContext reports whether a rank could process prompts in this iteration.
func (e *engine) hasContext(r *rank) bool {
	return len(r.begun) > 0 || len(r.waiting) > 0 && e.admissible(r, e.sent[r.waiting[0]].Request, e.s.MaxNumTokens-r.size)
}
