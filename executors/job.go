package executors

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
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

// change reports whether a status tells something new.
func change(from, to Status) bool { return from.State != to.State || from.Reason != to.Reason }

func (j *job) enter(status Status, now time.Time) {
	if status.State != j.status.State {
		j.since = now
		j.heldPolls = 0
	}
	j.status = status
}

// roomMayBe has a submission tried at once for which the queue was full.
func (j *job) roomMayBe() {
	if j.limited {
		j.limited, j.backoff, j.notBefore = false, 0, time.Time{}
	}
}

func (j *job) retryLater() {
	j.backoff = min(max(2*j.backoff, time.Second), time.Minute)
	j.notBefore = time.Now().Add(j.backoff)
}

// overdue reports whether the job has ended and its grace to leave an exit record is
// over.
func (j *job) overdue() bool {
	return j.status.State == plan.Ended && time.Since(j.since) >= j.backend.grace(j.status.End)
}

// stuckCode is how a job ends that is given up.
func (j *job) stuckCode() failure.Code {
	return cmp.Or(endCode(j.status.End), failure.Blocked)
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

// findJobs puts waiting tasks into the jobs that were planned.
func (c *Campaign) findJobs() {
	free := map[string][]*task{} // by address, by sample
	for _, t := range c.tasks {
		if t.phase == waiting {
			free[t.run.Address] = append(free[t.run.Address], t)
		}
	}
	for _, planned := range c.Plan.Jobs {
		var list []*task
		for _, address := range planned.Runs {
			if some := free[address]; len(some) > 0 { // else somebody else's by now
				list, free[address] = append(list, some[0]), some[1:]
			}
		}
		for _, address := range planned.Runs {
			for _, t := range free[address] {
				t.shares = true
			}
		}
		for _, t := range list {
			t.shares = true
		}
		if len(list) > 0 {
			c.addJob(planned, list...)
		}
	}
	c.regroup()
}

// addJob puts waiting tasks of one backend into a job of their own.
func (c *Campaign) addJob(planned *plan.Job, tasks ...*task) {
	j := &job{backend: tasks[0].backend, mine: true, planned: planned, tasks: tasks, since: time.Now()}
	for _, t := range tasks {
		t.job = j
	}
	c.jobs = append(c.jobs, j)
}

// A stored sample is what an earlier process left of it.
type stored struct {
	store.Sample
	// torn is the file that a crash of the host damaged, for which the attempt in flight
	// was given back; "" for none.
	torn string
	// job is that of the attempt in flight. Only this user's are followed as jobs: of
	// another's each attempt is read by itself.
	job *job
}

// lookUp looks for the samples that a run asks for.
func (c *Campaign) lookUp(run *plan.Run) ([]stored, error) {
	b := c.Backends[run.Executor]
	if b == nil {
		return nil, fmt.Errorf("%s: no executor %s %q", run.Address, run.Executor.Type, run.Executor.Name)
	}
	if run.Action != plan.Measure && run.Action != plan.Remeasure && run.Action != plan.Wait {
		return nil, nil
	}
	samples, err := c.Store.Samples(store.Key{Fingerprint: run.Fingerprint, Cluster: b.Cluster, Simulated: b.Simulated}, run.State.Wanted)
	out := make([]stored, len(samples))
	for i, sample := range samples {
		out[i].Sample = sample
		if err == nil && sample.State.InFlight() {
			err = out[i].takeUp(b)
		}
	}
	return out, err
}

// takeUp reads what an earlier process left of a sample in flight.
func (s *stored) takeUp(b *Backend) (err error) {
	folder := s.Attempt.Alone()
	if s.Mine {
		if s.torn, err = s.Attempt.DeferTorn(); err != nil || s.torn != "" {
			return err
		}
		if folder, err = s.Attempt.Job(); err != nil {
			return err
		}
	}
	j := &job{backend: b, mine: s.Mine, since: time.Now(), phase: active, folder: folder, status: Status{State: plan.Intent}}
	if j.planned, err = folder.Planned(); err != nil {
		return err
	}
	receipt, err := folder.Receipt()
	if receipt != nil {
		j.handle, j.status = Handle(receipt.Handle), Status{State: plan.Submitted, JobID: receipt.JobID}
	}
	s.job = j
	jobdir.Sweep(s.Attempt.Dir, folder.Dir)
	return err
}

// join puts a task in flight into its job, of which other tasks may be members.
func (c *Campaign) join(t *task, s stored, byFolder map[string]*job) {
	dir := s.job.folder.Dir
	j := byFolder[dir]
	if j == nil {
		j = s.job
		c.jobs, byFolder[dir] = append(c.jobs, j), j
	}
	t.job, t.shares, t.status = j, j.folder.Shared(), j.status
	j.tasks = append(j.tasks, t)
}

// regroup gives jobs to waiting tasks that have none, or whose job has ended.
func (c *Campaign) regroup() {
	var list []*task
	for _, t := range c.open {
		if t.phase == waiting && (t.job == nil || t.job.phase == done) {
			list = append(list, t)
		}
	}
	for _, members := range jobsOf(list) {
		c.addJob(nil, members...)
	}
}

// jobsOf puts tasks without a job into as few as their backends let: those that the plan
// put together share jobs again. One that fits into none, since a job may no longer take
// as long, gets a job for itself.
func jobsOf(tasks []*task) [][]*task {
	var out [][]*task
	of, order := map[*Backend][]*task{}, []*Backend{}
	for _, t := range tasks {
		if !t.shares && !t.run.Shared() || t.backend.Renderer.Packing() == nil {
			out = append(out, []*task{t})
			continue
		}
		if of[t.backend] == nil {
			order = append(order, t.backend)
		}
		of[t.backend] = append(of[t.backend], t)
	}
	for _, b := range order {
		alone := slices.Clone(of[b])
		for _, indexes := range b.Renderer.Packing().Arrange(runsOf(of[b])) {
			var members []*task
			for _, i := range indexes {
				members = append(members, of[b][i])
				alone[i] = nil
			}
			out = append(out, members)
		}
		for _, t := range alone {
			if t != nil {
				out = append(out, []*task{t})
			}
		}
	}
	return out
}

func runsOf(tasks []*task) []*plan.Run {
	list := make([]*plan.Run, len(tasks))
	for i, t := range tasks {
		list[i] = t.run
	}
	return list
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

	deferrals int  // how often it was given back
	stopping  bool // this campaign stops it, for a reason of its own

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

// outlives reports whether the task's job goes on when this process ends.
func (t *task) outlives() bool { return t.backend.Adopt }

// followed reports whether the task is in flight in a job that was submitted and
// that this campaign looks after.
func (t *task) followed() bool {
	return t.phase == active && t.job.mine && t.job.handle != ""
}
