// Package executors measures what a plan says is to be measured.
//
// An [Executor] starts, watches and stops jobs; package slurm drives a cluster,
// package simulate needs none, and package executortest is the contract that
// both pass. A [Campaign] is the loop of apply over them:
//
//  1. It reserves an attempt folder in the store for each missing sample,
//     writes everything the job needs and an intent, and submits.
//  2. It watches the attempt folders for the word that each job leaves as its
//     last act, and asks the backend about all jobs at once, seldom.
//  3. A job that ended without a word gets a grace for slow file systems; then
//     the backend's word on it is written down.
//     Samples that are packed share one job, which runs them one after another;
//     each has its own attempt folder, and what the job did not begin is given
//     back and packed again.
//  4. Failures of the infrastructure get a new attempt, within a budget; others
//     are final, and a failure to start blocks the runs that would share it.
//
// Results are always derived from the attempt folders, never from what the
// loop remembers: a process killed at any moment loses nothing, and the next
// one resumes what it left.
package executors

import (
	"context"
	"errors"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// An Executor runs jobs somewhere and says what became of them. Jobs write
// their own outcome into their attempt folder (see package jobdir); an executor
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

// WouldTake asks a backend that can say so whether it would take the job of a run:
// nil if it would. It costs the backend a job id: ask once, and not to plan.
func WouldTake(ctx context.Context, b *Backend, run *plan.Run) error {
	job := b.Renderer.Job(run)
	if b.Preflight == nil || len(job.Argv) == 0 {
		return errors.New("the executor cannot be asked")
	}
	return b.wouldTake(ctx, job, run)
}

func (b *Backend) wouldTake(ctx context.Context, job *plan.Job, run *plan.Run) error {
	return b.Preflight(ctx, &Job{Name: job.Name, Argv: withMark(job.Argv, "test"), Members: []Member{{Run: run}}})
}

// A Queue is what more an executor can do whose jobs wait in the queue of a cluster.
type Queue interface {
	// List returns the jobs of this user that llmbench named and that have not
	// ended, by name. An error means that nothing is known.
	List(ctx context.Context) (map[string][]Handle, error)
	// Gone returns those of handles that the backend and its records answer not to
	// know, where Poll would rather wait. An error means that nothing is known.
	Gone(ctx context.Context, handles []Handle) ([]Handle, error)
	// Nudge makes a job of several members look whether the one that it is measuring
	// was cancelled. The job stops that one and goes on with the next. Nudging a job
	// that ended is not an error.
	Nudge(ctx context.Context, handle Handle) error
	// Diagnose returns what can be had of the processes and GPUs of a running job on
	// nodes, or on all that it has for none: stacks, nvidia-smi. It takes no longer than
	// a minute.
	Diagnose(ctx context.Context, handle Handle, nodes []string) (string, error)
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

// ManualPaths are where a manual script finds and leaves things, absolute.
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

// Status is what a backend says of one job.
type Status struct {
	State plan.State
	// End is what ended the job where State is Ended, "" where it ended by itself: what
	// came of it is in its exit record. failure.Lost is a job that is gone, and nothing
	// tells how. A Held job has the cause that it would end by, if there is one.
	End failure.Code
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

// A Backend is an executor as one executor block configures it.
type Backend struct {
	Ref      plan.ExecutorRef
	Executor Executor
	// Cluster is where results count: part of the key in the store.
	Cluster string
	// Simulated says that nothing real is measured.
	Simulated bool
	Pace      Pace
	// Adopt says that attempts of another process on another host may be
	// followed; false for executors whose jobs die with their process.
	Adopt bool
	// Preflight returns an error that wraps ErrRejected where job would be refused, and
	// submits nothing; nil where the executor cannot be asked.
	Preflight func(ctx context.Context, job *Job) error
	// Avoid adds to a submission that nodes are not to be used; nil where there
	// are none to choose from.
	Avoid func(argv, nodes []string) []string
	// Renderer renders the jobs.
	Renderer plan.JobRenderer
	// Links names further links to an attempt's files, relative to LinksDir: the
	// names that a site's own tools expect. Either may be empty.
	LinksDir string
	Links    func(run *plan.Run, jobID string) map[string]string
	// Startup is how long a job runs before it measures, 0 where the block does not
	// say.
	Startup time.Duration
	// Scheduler is the cluster whose queue takes the jobs, nil where there is none.
	Scheduler Scheduler

	preflighted map[string]bool // the shapes of jobs that Preflight was asked about
	tried       bool            // something was, or may have been, submitted
	nextPoll    time.Time
	slower      int       // how often the time between polls is doubled
	contact     time.Time // when it answered last
}

// A Scheduler is what plan, prepare and doctor ask of a cluster, beyond its jobs.
type Scheduler interface {
	// PackUpTo makes jobs of up to n runs, whatever the executor's block says; it says
	// why there can be none.
	PackUpTo(n int) (why string)
	// CanPack reports whether the executor could run several runs in a job and was not
	// told how.
	CanPack() bool

	// ManualScript is the whole job of a run in one script that people submit
	// themselves, with the options of its submission inside. It reserves an attempt in
	// the store when it starts and then is like any other job.
	ManualScript(run *plan.Run, at ManualPaths) string
	// Observe finds what is behind the names of a run now.
	Observe(run *plan.Run) plan.Observation
	// Domain says whether the nodes of a run of several are kept in one NVLink domain,
	// and how that is known.
	Domain() string

	// ImageFile is the file of an image, "" where jobs run without a container.
	ImageFile(image string) string
	// UnusableStore says why jobs cannot have their folders in a store, "" where they
	// can.
	UnusableStore(dir string) string
	// Unmountable says why jobs cannot see a path, "" where they can.
	Unmountable(path string) string
	// Fetch runs a command as a job and waits for its end. A job that an earlier call
	// submitted is followed; when ctx ends the job goes on. It is nil where this host
	// runs such commands itself.
	Fetch() func(ctx context.Context, c Command, say Say) error
	// Ask runs a script of bash inside an image, in a job without GPUs, and returns what
	// it prints. path is where the answer is left, on a file system that nodes share.
	Ask(ctx context.Context, image, script, path string, say Say) ([]byte, error)

	// Available says why jobs cannot be submitted from this host, nil if they can.
	Available(ctx context.Context) error
	// Check holds the executor's block, the longest time limit and the most nodes of a
	// job against what is known of the cluster; again asks the cluster anew.
	Check(ctx context.Context, again bool, longest time.Duration, nodes int) []Check
	// Profile is what is known of the cluster, to be written as JSON and handed to a
	// later process; nil for nothing.
	Profile() any
	// CheckNodes submits a job that looks at its nodes, waits for it, and judges what it
	// saw. The job is cancelled when ctx ends, and whenever it fails.
	CheckNodes(ctx context.Context, n NodeCheck, say Say) ([]Check, error)
}

// Say is told, in the form of fmt.Printf and without a line end, what a long call does
// meanwhile.
type Say = func(format string, args ...any)

// A Command fetches something to Path, on this host or as a job.
type Command struct {
	Path string
	Argv []string
	// Env is NAME=VALUE: what the command needs of the user's environment. It may hold
	// secrets: only its owner may read it.
	Env []string
	// Clean is called before the command starts, Look while it goes on.
	Clean, Look func()
}

// A NodeCheck is what a job of a run's shape is to look at on its nodes.
type NodeCheck struct {
	// Dir is a folder of Store that the nodes should share. It is made.
	Store, Dir string
	// Run is one run of the shape.
	Run *plan.Run
	// Weights are the folders that runs of the shape read.
	Weights []string
	// Files are the files and folders that their flags and options name.
	Files []string
	// MemoryBytes is the GPU's memory as its driver reports it, 0 if not known.
	// Domain says that the GPUs of several nodes share one NVLink domain.
	MemoryBytes int64
	Domain      bool
	// Shared says that runs of the shape share an engine.
	Shared bool
}

// Pace is how often a backend is asked and how much it is given.
type Pace struct {
	// Look is how often attempt folders are read; it costs the backend nothing.
	Look time.Duration
	// Poll is how often the backend is asked about all jobs.
	Poll time.Duration
	// MaxInQueue bounds the jobs that are submitted and not ended; 0 is no bound.
	MaxInQueue int
	// MaxPending and MaxStarting give up on a job that waits or starts longer;
	// 0 waits for ever.
	MaxPending, MaxStarting time.Duration
	// MaxQuiet gives up on a running job whose files do not grow for so long; 0 never
	// does.
	MaxQuiet time.Duration
	// Grace is how long after a job's end its exit record may take to appear.
	Grace time.Duration
	// Retries is how many new attempts a failure of the infrastructure gets.
	Retries int
	// Canary sends the cheapest run of each image and model first and the others
	// once it measures.
	Canary bool
}
