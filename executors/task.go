package executors

import (
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
)

// phase is where a task stands in the campaign.
type phase int

const (
	waiting phase = iota // to be submitted
	active               // has an attempt whose outcome is not known
	done                 // has a result, good or bad
	skipped              // not submitted: a failure that it would share
)

// A task is one sample of one run to be had.
type task struct {
	submission
	run     *plan.Run
	family  *family
	sample  int
	phase   phase
	attempt *runs.Attempt
	mine    bool          // submitted by this user: adoption, cancel and retry are ours
	tries   int           // attempts that this campaign started or took up
	failed  []plan.Failed // those of them that a node may be to blame for
	result  *results.Result
	reason  string   // why it was skipped
	staging *staging // its next attempt, nil while nobody makes one
	left    Handle   // a job that Slurm put back into its queue, "" for none

	// pack is the pack that the task is in, or was in last, nil for none; packed
	// says that its attempt is in one, another user's perhaps.
	pack   *pack
	packed bool
	// member says that the run was planned to be run in packs: it has no job of
	// its own.
	member    bool
	deferrals int  // how often it was given back
	stopping  bool // this campaign stops it, for a reason of its own

	progress int
	quiet    quiet
}

func (t *task) key() runs.Key {
	return runs.Key{Fingerprint: t.run.Fingerprint, Cluster: t.backend.Cluster, Simulated: t.backend.Simulated}
}

func (t *task) ok() bool {
	return t.result != nil && t.result.Counts()
}

// outlives reports whether the task's job goes on when this process ends.
func (t *task) outlives() bool { return t.backend.Adopt }

// inQueue reports whether the task's own job takes a place in the submit window.
func (t *task) inQueue() bool { return t.phase == active && t.mine && !t.packed }
