package executors

import (
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// A job is one or more tasks that a backend gets together and measures one after
// another.
type job struct {
	backend *Backend
	phase   phase          // waiting, active or done
	mine    bool           // this user's: adoption, cancel and retry are ours
	planned *plan.Job      // nil until it is rendered
	folder  *store.Job     // nil until it is reserved
	intent  *jobdir.Intent // of the folder, nil until it is needed
	// tasks are those of this campaign, in the order of the job. One that was given
	// back may be in another job by now.
	tasks   []*task
	staging *staging // its folders in the making, nil while nobody makes them

	handle    Handle // "" until the submission is confirmed
	status    Status
	notBefore time.Time // of the next try to submit
	backoff   time.Duration
	since     time.Time // of the present state
	heldPolls int
	limited   bool // the queue was full at the last try
	// unrecorded is since when the store refuses to take down what became of it.
	unrecorded time.Time

	failed []string  // folders of members that failed and that the job was not told of yet
	asked  time.Time // when the job was last told to stop what goes on
	over   time.Time // since when the job's exit record is there, or the backend's
}

// in lists the job's tasks in a phase.
func (j *job) in(p phase) []*task {
	var list []*task
	for _, t := range j.tasks {
		if t.job == j && t.phase == p {
			list = append(list, t)
		}
	}
	return list
}

func (j *job) enter(status Status, now time.Time) {
	if status.State != j.status.State {
		j.since = now
		j.heldPolls = 0
	}
	j.status = status
}

func (j *job) retryLater() {
	j.backoff = min(max(2*j.backoff, time.Second), time.Minute)
	j.notBefore = time.Now().Add(j.backoff)
}

// stuck says why a job is given up, "" while it is not.
func (j *job) stuck(now time.Time) string {
	p, in := j.backend.Pace, now.Sub(j.since)
	switch {
	case j.status.State == plan.Held && j.heldPolls >= 2 && in >= max(j.status.Hope, min(time.Minute, 4*p.Poll)):
		return fmt.Sprintf("the job will not start: %s. %s", j.status.Reason, j.status.Remedy)
	case j.status.State == plan.Queued && p.MaxPending > 0 && in > p.MaxPending:
		return fmt.Sprintf("the job waited longer than max_pending = %s: %s", p.MaxPending, j.status.Reason)
	case j.status.State == plan.Starting && p.MaxStarting > 0 && in > p.MaxStarting:
		return fmt.Sprintf("the job was starting for longer than max_starting = %s", p.MaxStarting)
	}
	return ""
}

// render renders the job where that was not done, or its runs are others by now.
func (j *job) render() {
	tasks := j.in(waiting)
	same := j.planned != nil && len(j.planned.Runs) == len(tasks)
	for i, t := range tasks {
		same = same && j.planned.Runs[i] == t.run.Address
	}
	if !same {
		j.planned, j.tasks = j.backend.Renderer.Job(runsOf(tasks)...), tasks
	}
}

// gpuHoursLimit is what a job can cost at most, also before it is rendered.
func (j *job) gpuHoursLimit() float64 {
	if j.planned != nil {
		return j.planned.GPUHoursLimit()
	}
	return gpuHoursLimit(append(j.in(waiting), j.in(active)...))
}

// gpuHoursLimit is what a job of tasks of one backend can cost at most.
func gpuHoursLimit(tasks []*task) float64 {
	if len(tasks) == 0 {
		return 0
	}
	var how plan.Packing
	if p := tasks[0].backend.Renderer.Packing(); p != nil {
		how = *p
	}
	return how.GPUHours(runsOf(tasks))
}

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
	siblings *canaryGroup
	sample   int
	phase    phase
	// job is the one that the task is in, or was in last, nil for none yet; shares
	// says that the task shares jobs with others.
	job     *job
	shares  bool
	attempt *store.Attempt
	status  Status // of the attempt: what the job's means for it
	// announced says that the attempt has its receipt and the user knows.
	announced bool
	tries     int           // attempts that this campaign started or took up
	earlier   int           // failed ones of other campaigns, which a search counts: no kill gives it more
	failed    []plan.Failed // those of them that a node may be to blame for
	result    *results.Result
	reason    string // why it was skipped
	left      Handle // a job that Slurm put back into its queue, "" for none

	torn      string // the file that a crash of the host damaged, "" for none
	deferrals int    // how often it was given back
	stopping  bool   // this campaign stops it, for a reason of its own

	done  int    // requests, as told last
	said  string // the progress that was told last
	quiet quiet
}

func (t *task) key() store.Key {
	return store.Key{Fingerprint: t.run.Fingerprint, Cluster: t.backend.Cluster, Simulated: t.backend.Simulated}
}

func (t *task) ok() bool {
	return t.result != nil && t.result.Counts()
}
