package executors

import (
	"context"
	"errors"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// An Executor runs jobs somewhere and says what became of them. Jobs write
// their own outcome into their attempt folder (see package runs); an executor
// only starts, watches and stops them.
type Executor interface {
	// Submit starts job; the handle outlives this process. A job that is
	// already known (same Name) returns its handle instead of starting twice.
	// An error that wraps ErrRejected means that no job exists; ErrLimit, that
	// the queue is full for this user and a later try may succeed; any other
	// error leaves open whether a job exists, and Submit may be called again.
	Submit(ctx context.Context, job *Job) (Handle, error)
	// Poll reports on all handles with one query to the backend. An error means
	// "unknown", never "gone". A handle missing from the answer is unknown too.
	Poll(ctx context.Context, handles []Handle) (map[Handle]Status, error)
	// Cancel stops the job. Cancelling a finished job is not an error.
	Cancel(ctx context.Context, handle Handle) error
}

// A Preflighter can say before anything is submitted whether a job would be
// taken.
type Preflighter interface {
	// Preflight returns an error that wraps ErrRejected when the backend would
	// refuse job; nothing is submitted.
	Preflight(ctx context.Context, job *Job) error
}

// A Lister knows the jobs in its queue by name.
type Lister interface {
	// List returns the jobs of this user that llmbench named and that have not
	// ended, by name. An error means that nothing is known.
	List(ctx context.Context) (map[string][]Handle, error)
}

// A Knower can say of jobs at once that they are gone, where Poll would rather wait.
type Knower interface {
	// Gone returns those of handles that the backend and its records answer not to
	// know. An error means that nothing is known.
	Gone(ctx context.Context, handles []Handle) ([]Handle, error)
}

// A Diagnoser can look into a running job that makes no progress.
type Diagnoser interface {
	// Diagnose returns what can be had of the job's processes and GPUs on nodes, or
	// on all that it has for none: stacks, nvidia-smi. It takes no longer than a
	// minute.
	Diagnose(ctx context.Context, handle Handle, nodes []string) (string, error)
}

// A Nudger can stop one member of a job that has several.
type Nudger interface {
	// Nudge makes a job look whether the member that it is measuring was cancelled.
	// The job stops that one and goes on with the next. Nudging a job that ended is
	// not an error.
	Nudge(ctx context.Context, handle Handle) error
}

// A NodeFinder knows how the nodes of its cluster are.
type NodeFinder interface {
	// Down returns those of a job's nodes, as a Status has them, that are down or do
	// not answer, each by its name.
	Down(ctx context.Context, nodes []string) ([]string, error)
}

// A Handle is the receipt of a submitted job: opaque, printable, one line, and
// meaningful to a later process on the same host or another.
type Handle string

// A Job is one or more members, measured one after another, ready to be started.
type Job struct {
	// Name is unique to the job.
	Name string
	// Dir is the folder of the job, absolute: its working directory. It is that of
	// the member where there is one.
	Dir string
	// Argv is the submission command with the attempt filled in; nil where the
	// executor submits nothing.
	Argv    []string
	Members []Member
	// Resumed says that an earlier process may have submitted this very job.
	Resumed bool
	// NotBefore is when the intent was written: no such job can be older.
	NotBefore time.Time
}

// A Member is an attempt that a job makes at a run, in the folder Dir, absolute.
type Member struct {
	Run *plan.Run
	Dir string
}

// ManualScripter is a plan.Target whose jobs people can submit themselves.
type ManualScripter interface {
	// ManualScript is the whole job of a run in one script, with the options of
	// its submission inside. It reserves an attempt in the store when it starts
	// and then is like any other job.
	ManualScript(run *plan.Run, at ManualPaths) string
}

// ManualPaths are where a manual script finds and leaves
// things. All paths are absolute.
type ManualPaths struct {
	// Folder holds the samples of the run in the store, Files what an attempt
	// starts with, Dataset is the file of the requests.
	Folder, Files, Store, Dataset string
	Cluster                       string
}

// Errors of Submit and Preflight; see Executor.
var (
	ErrRejected = errors.New("the job was refused")
	ErrLimit    = errors.New("the queue is full for this user")
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
	State plan.State
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

// A Check is one thing that was looked at before money is spent. Node is "" for
// what concerns no single node, Remedy where there is nothing to do.
type Check struct {
	Name, Node, Result, Detail, Remedy string
}

// The results of checks.
const (
	CheckOK      = "ok"
	CheckWarn    = "warn"
	CheckFail    = "fail"
	CheckSkipped = "skipped"
)
