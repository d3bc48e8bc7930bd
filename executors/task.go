package executors

import (
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
)

// phase is where a task or a job stands in the campaign.
type phase int

const (
	waiting phase = iota // to be submitted
	active               // has an attempt whose outcome is not known
	done                 // has a result, good or bad
	skipped              // not submitted: a failure that it would share
)

// A task is one sample of one run to be had.
type task struct {
	backend  *Backend
	run      *plan.Run
	siblings *siblings
	sample   int
	phase    phase
	// job is the one that the task is in, or was in last, nil for none yet; shares
	// says that the task shares jobs with others.
	job     *job
	shares  bool
	attempt *runs.Attempt
	status  Status // of the attempt: what the job's means for it
	// announced says that the attempt has its receipt and the user knows.
	announced bool
	tries     int           // attempts that this campaign started or took up
	failed    []plan.Failed // those of them that a node may be to blame for
	result    *results.Result
	reason    string // why it was skipped
	left      Handle // a job that Slurm put back into its queue, "" for none

	deferrals int  // how often it was given back
	stopping  bool // this campaign stops it, for a reason of its own

	done  int    // requests, as told last
	said  string // the progress that was told last
	quiet quiet
}

func (t *task) key() runs.Key {
	return runs.Key{Fingerprint: t.run.Fingerprint, Cluster: t.backend.Cluster, Simulated: t.backend.Simulated}
}

func (t *task) ok() bool {
	return t.result != nil && t.result.Counts()
}

// outlives reports whether the task's job goes on when this process ends.
func (t *task) outlives() bool { return t.backend.Adopt }

// followed reports whether the task is in flight in a job that was submitted and
// that this campaign looks after.
func (t *task) followed() bool {
	return t.phase == active && t.job.mine && t.job.handle != ""
}
