package executors

import (
	"context"
	"time"

	"github.com/llmbench/llmbench/plan"
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
	// Avoid adds to a submission that nodes are not to be used; nil where there
	// are none to choose from.
	Avoid func(argv, nodes []string) []string
	// Target renders the jobs.
	Target plan.Target
	// Links names further links to an attempt's files, relative to LinksDir: the
	// names that a site's own tools expect. Either may be empty.
	LinksDir string
	Links    func(run *plan.Run, jobID string) map[string]string
	// Startup is how long a job runs before it measures, 0 where the block does not
	// say.
	Startup time.Duration
	// Scheduler is the cluster whose queue takes the jobs, nil where there is none.
	Scheduler Scheduler
}

// A Scheduler is what plan, prepare and doctor ask of a cluster, beyond its jobs.
type Scheduler interface {
	// PackUpTo makes jobs of up to n runs, whatever the executor's block says; it says
	// why there can be none.
	PackUpTo(n int) (why string)
	Observer
	Preparer
	Checker
}

// An Observer tells what runs meet on the cluster, as far as it is seen from this host.
type Observer interface {
	// Observe finds what is behind the names of a run now.
	Observe(run *plan.Run) plan.Observation
	// Domain says whether the nodes of a run of several are kept in one NVLink domain,
	// and how that is known.
	Domain() string
	// Packs reports whether the executor could run several runs in a job and was not
	// told how.
	Packs() bool
}

// A Preparer brings what runs read to where jobs find it.
type Preparer interface {
	// ImageFile is the file of an image, "" where jobs run without a container.
	ImageFile(image string) string
	// UnusableStore says why jobs cannot have their folders in a store, "" where they
	// can.
	UnusableStore(dir string) string
	// Unmountable says why jobs cannot see a path, "" where they can.
	Unmountable(path string) string
	// Bring runs a command as a job and waits for its end. A job that an earlier call
	// submitted is followed; when ctx ends the job goes on. It is nil where this host
	// runs such commands itself.
	Bring() func(ctx context.Context, c Command, say Say) error
	// Ask runs a script of bash inside an image, in a job without GPUs, and returns what
	// it prints. path is where the answer is left, on a file system that nodes share.
	Ask(ctx context.Context, image, script, path string, say Say) ([]byte, error)
}

// A Checker compares what runs need with what the cluster has.
type Checker interface {
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

// Say is told what happens meanwhile.
type Say = func(format string, args ...any)

// A Command brings something to Path, on this host or as a job.
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
	// Grace is how long after a job's end its last word may take to appear.
	Grace time.Duration
	// Retries is how many new attempts a failure of the infrastructure gets.
	Retries int
	// Canary sends the cheapest run of each image and model first and the others
	// once it measures.
	Canary bool
}
