package executors

import (
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
