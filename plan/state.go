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

// Symbol is the action as one character, as plans print it.
func (a Action) Symbol() string {
	switch a {
	case Measure:
		return "+"
	case Remeasure:
		return "~"
	case Keep:
		return "="
	case Wait:
		return ">"
	case Blocked:
		return "!"
	case Candidate:
		return "-"
	}
	panic("plan: unknown action " + string(a))
}

// State is what the store and the queue hold for a run's fingerprint on the
// run's cluster. Wanted, Valid and Suspect count samples; Valid and Suspect
// both count towards Wanted.
type State struct {
	Wanted   int        `json:"wanted"`
	Valid    int        `json:"valid"`
	Suspect  int        `json:"suspect"`
	InFlight []InFlight `json:"in_flight"`
	Failed   []Failed   `json:"failed"`
	// Earlier are failed attempts before those of Failed, at the same samples. They are
	// not part of the document.
	Earlier []Failed `json:"-"`
	// Observed is what the samples that count were measured on. It is not part
	// of the document.
	Observed []Observation `json:"-"`
}

// Missing is the number of samples that nothing stored or in flight will bring.
func (s State) Missing() int {
	return max(0, s.Wanted-s.Valid-s.Suspect-len(s.InFlight))
}

// InFlight is an attempt whose job has not ended. State is planned, intent,
// submitted, queued, blocked, starting, running or finishing.
type InFlight struct {
	JobID string `json:"job_id"`
	User  string `json:"user"`
	State string `json:"state"`
}

// Failed is why an attempt gave no usable sample: the verdict's code and its
// first cause.
type Failed struct {
	Code   failure.Code `json:"code"`
	Detail string       `json:"detail"`
	// Node is the one that the failure is blamed on, "" for none. It is not part of
	// the document.
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
