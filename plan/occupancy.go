package plan

import "math"

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
