package plan

import "github.com/llmbench/llmbench/plan/failure"

// Action is what apply would do with a run.
type Action string

// The actions of a plan.
const (
	Measure   Action = "measure"   // nothing usable is stored
	Remeasure Action = "remeasure" // something was measured here under other arguments, or is measured again on request
	Keep      Action = "keep"      // all wanted samples are stored
	Wait      Action = "wait"      // jobs in flight will bring what is missing
	Blocked   Action = "blocked"   // failed for a reason that repeats
	Candidate Action = "candidate" // of a search that does not measure it now
)

// Symbol is the action as one character, as plans print it; "" for none of the actions.
func (a Action) Symbol() string {
	return map[Action]string{Measure: "+", Remeasure: "~", Keep: "=", Wait: ">", Blocked: "!", Candidate: "-"}[a]
}

// Samples are what the store and the queue hold for a run's fingerprint on the
// run's cluster. Wanted, Valid and Suspect count samples; Valid and Suspect
// both count towards Wanted.
type Samples struct {
	Wanted   int        `json:"wanted"`
	Valid    int        `json:"valid"`
	Suspect  int        `json:"suspect"`
	InFlight []InFlight `json:"in_flight"`
	Failed   []Failed   `json:"failed"`
	// Earlier are failed attempts before those of Failed, at the same samples.
	Earlier []Failed `json:"-"`
	// Tries is the most failed attempts at one sample of those that lack a result.
	Tries int `json:"-"`
	// Observed is what the samples that count were measured on.
	Observed []Observation `json:"-"`
}

// Missing is the number of samples that nothing stored or in flight will bring.
func (s Samples) Missing() int {
	return max(0, s.Wanted-s.Valid-s.Suspect-len(s.InFlight))
}

// A State is where a sample stands: its newest attempt, and the job of that.
type State string

// The states, in the order in which an attempt passes through them.
const (
	Planned   State = "planned"   // nothing was tried
	Vacant    State = "vacant"    // reserved and not prepared to the end: no job can exist
	Intent    State = "intent"    // submission not confirmed
	Submitted State = "submitted" // has a receipt, and was not yet seen in the queue
	Queued    State = "queued"
	Held      State = "blocked"   // in the queue, and will not start as it stands
	Starting  State = "starting"  // has nodes, or was claimed by its job
	Running   State = "running"   // the benchmark was started
	Finishing State = "finishing" // trtllm-bench has ended, or the report is still arriving
	Ended     State = "ended"     // can be judged
	Done      State = "done"      // all samples that are wanted count
	// Lost attempts were in flight in a process that is gone.
	Lost State = "lost"
	// Deferred attempts were given back before a job began them: they count for
	// nothing, as vacant ones.
	Deferred State = "deferred"
)

// InFlight reports whether a job of an attempt in this state may bring a result.
func (s State) InFlight() bool {
	return s == Intent || s == Submitted || s == Queued || s == Held || s.HasNodes()
}

// HasNodes reports whether a job in this state holds its nodes.
func (s State) HasNodes() bool { return s == Starting || s == Running || s == Finishing }

// InFlight is an attempt whose job has not ended.
type InFlight struct {
	JobID string `json:"job_id"`
	User  string `json:"user"`
	State State  `json:"state"`
}

// Failed is why an attempt gave no usable sample: the verdict's code and its
// first cause.
type Failed struct {
	Code   failure.Code `json:"code"`
	Detail string       `json:"detail"`
	// Node is the one that the failure is blamed on, "" for none.
	Node string `json:"-"`
}

// Change is one argument that differs between what is declared and what was
// measured last at the same address. Range is where it is declared now.
type Change struct {
	Argument string `json:"argument"`
	Before   any    `json:"before"`
	After    any    `json:"after"`
	Range    *Range `json:"range"`
}
