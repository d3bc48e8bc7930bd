package executors

import (
	"time"

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
	run     *plan.Run
	backend *Backend
	sample  int

	phase   phase
	attempt *runs.Attempt
	handle  Handle // "" until the submission is confirmed
	mine    bool   // submitted by this user: adoption, cancel and retry are ours
	status  Status
	tries   int // attempts that this campaign started
	result  *results.Result
	reason  string // why it was skipped

	notBefore time.Time // of the next try to submit
	backoff   time.Duration
	since     time.Time // of the present state
	heldPolls int
	progress  int
	quiet     quiet
}

func (t *task) key() runs.Key {
	return runs.Key{Fingerprint: t.run.Fingerprint, Cluster: t.backend.Cluster, Simulated: t.backend.Simulated}
}

// family is what runs share that can fail to start together.
func (t *task) family() string {
	return t.run.Image.Name + "\x00" + t.run.Model.Checkpoint + "\x00" + t.run.Executor.Type + "." + string(t.run.Executor.Name)
}

func (t *task) ok() bool {
	return t.result != nil && t.result.Counts()
}

// inQueue reports whether the task takes a place in the submit window.
func (t *task) inQueue() bool { return t.phase == active && t.mine }

func (t *task) enter(s Status, now time.Time) (changed bool) {
	changed = s.State != t.status.State || s.Reason != t.status.Reason
	if s.State != t.status.State {
		t.since = now
		t.heldPolls = 0
	}
	t.status = s
	return changed
}
