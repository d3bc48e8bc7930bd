package estimate

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

// A Step is one simulated iteration, for logs: of rank 0, but for InFlight.
type Step struct {
	Index                          int
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
func Simulate(s Scenario, observe func(Step)) (*Outcome, error) {
	mem := Memory(s)
	e, err := simulate(s, mem, observe)
	if err != nil {
		return nil, err
	}
	return &Outcome{Requests: e.timings(), TotalS: e.now, Iterations: e.steps, Memory: mem, gpus: max(1, s.GPUs)}, nil
}

func simulate(s Scenario, mem MemoryUse, observe func(Step)) (*engine, error) {
	if err := mem.fits(); err != nil {
		return nil, err
	}
	e := newEngine(s, mem)
	e.observe = observe
	return e, e.run()
}
