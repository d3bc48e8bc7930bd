package executors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// lookAhead is how many jobs are made ready while those before them are submitted, and
// how many attempts of a job at once: making one is waiting for the disk.
const lookAhead = 4

// verdictWait is how many seconds a job of several members waits, after one failed, to
// be told to start the others anyway.
const verdictWait = 30

// A staging is the folders of a job in the making: all that goes into them but the
// intents. Where this process dies it leaves folders that nobody waits for.
type staging struct {
	done     chan struct{}
	tasks    []*task
	prepared []store.Prepared // of the tasks
	attempts []*store.Attempt // of the tasks, nil for those that are not made
	folder   *store.Job
	intent   jobdir.Intent // of the job
	err      error
}

// stage begins to make the folders of a job.
func (c *Campaign) stage(j *job, data []string) {
	tasks := j.in(waiting)
	s := &staging{done: make(chan struct{}), tasks: tasks, attempts: make([]*store.Attempt, len(tasks)), intent: c.intent(tasks[0], j.planned)}
	b, planned, several := j.backend, j.planned, len(tasks) > 1 || tasks[0].run.Shared()
	known := c.noise(tasks[0])
	for i, t := range tasks {
		p := c.prepared(t, planned, data[i])
		p.Intent.Noise = known
		s.prepared = append(s.prepared, p)
	}
	vars := []string{"LLMBENCH_STORE=" + c.Store.Dir(), "LLMBENCH_NONCE=" + s.intent.Nonce}
	if c.canaries(b) {
		vars = append(vars, fmt.Sprintf("LLMBENCH_CANARY=%d", verdictWait))
	}
	j.staging = s
	go func() {
		defer close(s.done)
		if several {
			if s.folder, s.err = c.Store.ReserveJob(b.Cluster, b.Simulated, planned.Name); s.err != nil {
				return
			}
		}
		if s.err = s.makeAttempts(c.Store); s.err != nil {
			return
		}
		if several {
			s.intent.JobName = s.folder.Name + "-" + s.intent.Nonce[:6]
			s.intent.Files, s.err = s.folder.Fill(planned, append(vars, "LLMBENCH_JOB_NAME="+s.intent.JobName), s.attempts)
		} else {
			s.folder, s.intent = s.attempts[0].Alone(), s.prepared[0].Intent
		}
		for i, a := range s.attempts {
			s.intent.Members = append(s.intent.Members, jobdir.Member{Fingerprint: tasks[i].run.Fingerprint, Sample: a.Sample, Attempt: a.Number})
		}
	}()
}

// makeAttempts makes the attempts of a job, each with all but its intent.
func (s *staging) makeAttempts(st *store.Store) error {
	var g errgroup.Group
	g.SetLimit(lookAhead)
	for i, t := range s.tasks {
		p := &s.prepared[i]
		g.Go(func() error {
			a, err := st.Reserve(t.key(), t.sample)
			if err != nil {
				return err
			}
			s.attempts[i], *p = a, forAttempt(*p, a)
			if s.folder != nil {
				p.Intent.JobFolder = s.folder.Name
			}
			var both errgroup.Group
			both.Go(func() (err error) {
				p.Intent, err = a.Fill(*p)
				return err
			})
			both.Go(func() error { return st.LinkAddress(t.run.Address, a) })
			return both.Wait()
		})
	}
	return g.Wait()
}

// staged waits for the folders of a job, making them first where nobody has.
func (c *Campaign) staged(ctx context.Context, j *job) (*staging, error) {
	if s := j.staging; s != nil && !slices.Equal(s.tasks, j.in(waiting)) {
		c.unstage(j) // one of them is not tried any more
	}
	if j.staging == nil {
		var data []string
		for _, t := range j.in(waiting) {
			path, err := c.Dataset(ctx, t.run)
			if err != nil {
				return nil, err
			}
			data = append(data, path)
		}
		c.stage(j, data)
	}
	s := j.staging
	<-s.done
	j.staging = nil
	return s, s.err
}

// unstage removes the attempts that were made ready for a job and not used.
func (c *Campaign) unstage(j *job) {
	if j.staging == nil {
		return
	}
	<-j.staging.done
	var errs []error
	for _, a := range j.staging.attempts {
		if a != nil {
			errs = append(errs, a.Discard())
		}
	}
	if j.staging.folder != nil {
		errs = append(errs, j.staging.folder.Discard())
	}
	if err := errors.Join(errs...); err != nil {
		c.Log.Warn("cannot remove an attempt that was not used", "error", err)
	}
	j.staging = nil
}

// reserve gives a waiting job its folder and its tasks their attempts, with everything
// that the job needs. The job's intent is written before those of the members that
// have their own: what is cut off here leaves attempts that were never prepared to the
// end, which the job passes over.
func (c *Campaign) reserve(ctx context.Context, j *job) error {
	s, err := c.staged(ctx, j)
	if err != nil {
		return err
	}
	now := time.Now()
	j.folder, j.intent, j.phase, j.tasks = s.folder, &s.intent, active, s.tasks
	j.enter(Status{State: plan.Intent}, now)
	j.backend.tried = true
	for i, t := range s.tasks {
		t.attempt, t.phase, t.status = s.attempts[i], active, j.status
		t.tries++
	}
	s.intent.Created = now.UTC()
	if err := s.folder.Intend(s.intent); err != nil || !j.folder.Shared() {
		return err
	}
	var g errgroup.Group
	g.SetLimit(lookAhead)
	for i, a := range s.attempts {
		intent := s.prepared[i].Intent
		intent.Created = now.UTC()
		g.Go(func() error { return a.Intend(intent) })
	}
	return g.Wait()
}

// intent is what is recorded of a task's run before it is submitted, with a nonce of
// its own.
func (c *Campaign) intent(t *task, planned *plan.Job) jobdir.Intent {
	sum := ""
	if planned.Script != "" {
		sum = jobdir.SumOf([]byte(planned.Script)).SHA256
	}
	return jobdir.Intent{
		Search: t.run.Asked.Search, Round: t.run.Asked.Round,
		Cluster: t.backend.Cluster, Executor: t.run.Executor.Type + "." + string(t.run.Executor.Name),
		ScriptSHA256: sum, User: store.UserName(), Host: hostName(), Nonce: jobdir.NewNonce(),
		LLMBenchVersion: c.Plan.LLMBenchVersion, Git: gitText(c.Plan.Git), ChecksSkipped: c.ChecksSkipped, Directory: c.Directory, Plan: c.Saved,
	}
}

// noise is what the store tells of the noise of runs that share an engine, by one of
// them; 0 for others, and where nothing can be read.
func (c *Campaign) noise(t *task) float64 {
	if !t.run.Shared() {
		return 0
	}
	k := t.key()
	if c.seen == nil {
		c.seen = c.Store.View(c.Plan.LLMBenchVersion)
	}
	sd, err := c.seen.Noise(t.run.Image.Name, k.Cluster, k.Simulated)
	if err != nil {
		c.Log.Warn("cannot read the noise of stored samples", "error", err)
		return 0
	}
	return sd
}

// prepared is what goes into the folders of a task's attempts.
func (c *Campaign) prepared(t *task, planned *plan.Job, data string) store.Prepared {
	run := t.run
	p := store.Prepared{
		Run: run, Job: planned, Identity: plan.NewIdentity(run, run.Settings).Canonical(), Dataset: data, Intent: c.intent(t, planned),
	}
	p.Intent.Address, p.Intent.Fingerprint = run.Address, run.Fingerprint
	p.Vars = []string{
		"LLMBENCH_STORE=" + c.Store.Dir(),
		"LLMBENCH_DATASETS=" + filepath.Dir(data),
		"LLMBENCH_MODEL_PATH=" + modelPath(run),
		"LLMBENCH_NONCE=" + p.Intent.Nonce,
		"LLMBENCH_GPU=" + run.Hardware.GPU,
		"LLMBENCH_TRTLLM_VERSION=" + run.Image.TRTLLMVersion,
	}
	if c.Secrets != nil && planned.Script != "" { // what is simulated here needs none
		p.Secrets, p.Hidden = c.Secrets(run.Address), c.Hidden
	}
	return p
}

// forAttempt is p with what only the attempt's number tells. In a job's name a part of
// the nonce stands behind it: another store may measure the same run at the same time.
func forAttempt(p store.Prepared, a *store.Attempt) store.Prepared {
	name := fmt.Sprintf("%s-s%d-a%d-%s", p.Job.Name, a.Sample, a.Number, p.Intent.Nonce[:6])
	p.Intent.JobName, p.Intent.Sample, p.Intent.Attempt = name, a.Sample, a.Number
	p.Vars = append([]string{"LLMBENCH_ATTEMPT=" + a.Dir, "LLMBENCH_JOB_NAME=" + name}, p.Vars...)
	return p
}

func gitText(g *plan.Git) string {
	if g == nil {
		return ""
	}
	if g.Dirty {
		return g.Commit + "-dirty"
	}
	return g.Commit
}

func modelPath(run *plan.Run) string {
	if run.Model.Path == nil {
		return ""
	}
	return *run.Model.Path
}

func hostName() string {
	h, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return h
}
