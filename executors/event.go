package executors

import (
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// An EventType says what an Event tells.
type EventType string

// The events of a campaign, with the names that the JSON stream uses.
const (
	RunSubmitted EventType = "run_submitted"
	RunState     EventType = "run_state"
	RunProgress  EventType = "run_progress"
	RunComplete  EventType = "run_complete"
	RunErrored   EventType = "run_errored"
	Message      EventType = "diagnostic"
)

// An Event is something that happened to a run, or to the campaign when Run is
// nil.
type Event struct {
	Type            EventType
	Time            time.Time
	Run             *plan.Run
	Sample, Attempt int
	JobID           string
	State           State
	// Started is when the run's job began, zero where that is not known.
	Started time.Time
	// Text is for people: a reason, a remedy, a notice.
	Text string
	// Done and Total count requests, or rows of a data set.
	Done, Total int
	// Result is set on RunComplete, and on RunErrored where there is one.
	Result *results.Result
}
