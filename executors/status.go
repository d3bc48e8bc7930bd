package executors

import (
	"errors"
	"time"

	"github.com/llmbench/llmbench/plan/failure"
)

// Errors of Submit and Preflight; see Executor.
var (
	ErrRejected = errors.New("the job was refused")
	ErrLimit    = errors.New("the queue is full for this user")
)

// State is where a job stands, in the order in which a job passes through.
type State string

// The states of a job.
const (
	Intent    State = "intent"    // submission not confirmed
	Submitted State = "submitted" // accepted, not yet seen in the queue
	Queued    State = "queued"
	Held      State = "blocked"  // in the queue and will not start as it stands
	Starting  State = "starting" // has nodes; the job script has not begun
	Running   State = "running"
	Finishing State = "finishing"
	Ended     State = "ended" // see Status.End
)

// End is how a job ended, for jobs that left no word of their own.
type End string

// How a job can end.
const (
	Completed End = "completed" // by its own account only: no proof of a result
	Failed    End = "failed"
	TimedOut      = End(failure.TimeLimit)
	OOM           = End(failure.HostOOM)
	Cancelled     = End(failure.Cancelled)
	Preempted     = End(failure.Preempted)
	NodeFail      = End(failure.NodeFail)
	Deadline      = End(failure.Deadline)
	Lost          = End(failure.Lost) // gone, and nothing tells how
)

// Status is what a backend says of one job.
type Status struct {
	State State
	// End is set when State is Ended, and when it is Held for a cause that a job
	// can end by.
	End End
	// Raw is the backend's own word for the state; Reason its own words for
	// why, such as a pending reason. Remedy is ours: what to do about a job
	// that is blocked.
	Raw, Reason, Remedy string
	// Hope is for how long a Held job may still start by itself, 0 for the least.
	Hope time.Duration
	// JobID is the backend's id; Cluster where it runs; Nodes the name of each of its
	// nodes, where known.
	JobID, Cluster string
	Nodes          []string
	// Submitted, Started and Finished are zero when not known.
	Submitted, Started, Finished time.Time
	// ExitCode is the backend's exit code of the job, "" when not known.
	ExitCode string
	// Suspended says that the job was stopped and resumed or is stopped: what
	// it measures is suspect.
	Suspended bool
}

// words are the reason and what to do about it.
func (s Status) words() string {
	if s.Remedy == "" {
		return s.Reason
	}
	return s.Reason + ": " + s.Remedy
}
