package executors

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"
)

// submitDue submits what may be submitted now, in the order of the plan but
// canaries first, as far as the window of each backend allows.
func (c *Campaign) submitDue(ctx context.Context) error {
	now := time.Now()
	c.families = nil
	due := c.due()
	closed := map[*Backend]bool{}
	for _, t := range due {
		if ctx.Err() != nil {
			return nil
		}
		if now.Before(t.notBefore) || t.phase == waiting && closed[t.backend] {
			continue
		}
		if t.phase == waiting && !c.windowOpen(t.backend) {
			closed[t.backend] = true
			continue
		}
		if err := c.submit(ctx, t); err != nil {
			return err
		}
	}
	c.families = nil
	return c.submitPacks(ctx)
}

// due lists the tasks whose own job is to be submitted, or its submission to be
// confirmed.
func (c *Campaign) due() []*task {
	var list []*task
	for _, t := range c.tasks {
		if t.packed || t.member || t.pack != nil {
			continue
		}
		if t.phase == active && t.mine && t.handle == "" || t.phase == waiting && !c.held(t) {
			list = append(list, t)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].sample < list[j].sample })
	return list
}

// held reports whether a task waits for its family's canary; a task whose
// family failed to start is skipped for good.
func (c *Campaign) held(t *task) bool {
	if !c.canaries(t.backend) {
		return false
	}
	canary, started := c.canary(t.family())
	if started || canary == nil || canary == t {
		return false
	}
	if canary.phase == waiting && canary.inPack() && canary.pack == t.pack {
		return false // it is the first of its family in the pack
	}
	if why := canary.dooms(); why != "" {
		c.skip(t, why)
		return true
	}
	return canary.phase != done
}

// canaries reports whether one run of a family goes first.
func (c *Campaign) canaries(b *Backend) bool { return b.Pace.Canary && !c.Detach && !c.KeepGoing }

// dooms says why the family of a canary is not tried, "" while it is.
func (t *task) dooms() string {
	if t.phase != done || t.ok() || !failsToStart(t.result.Code()) {
		return ""
	}
	return fmt.Sprintf("not tried: %s failed to start (%s); -keep-going tries all the same", t.run.Address, t.result.Code())
}

// skip gives a task up that has no attempt.
func (c *Campaign) skip(t *task, why string) {
	t.phase, t.reason = skipped, why
	c.tell(t, RunErrored, Event{Text: why})
}

// A family is tasks that can fail to start together: the cheapest of them, and
// whether some task has got as far as measuring.
type family struct {
	canary  *task
	started bool
}

// canary is that of a family. Families are looked up again with every look at
// what is due.
func (c *Campaign) canary(name string) (first *task, started bool) {
	if c.families == nil {
		c.families = map[string]*family{}
		for _, t := range c.tasks {
			f := c.families[t.family()]
			if f == nil {
				f = &family{}
				c.families[t.family()] = f
			}
			f.started = f.started || t.progress > 0 || t.phase == done && t.ok()
			if f.canary == nil || t.run.ExpectedGPUHours() < f.canary.run.ExpectedGPUHours() {
				f.canary = t
			}
		}
	}
	f := c.families[name]
	if f == nil {
		return nil, false
	}
	return f.canary, f.started
}

// failsToStart reports whether a failure is one that runs with the same image
// and model share.
func failsToStart(code string) bool {
	switch code {
	case "cli", "container", "model_access", "submit_rejected", "mpi":
		return true
	}
	return false
}

// windowOpen reports whether a backend's queue takes one more job.
func (c *Campaign) windowOpen(b *Backend) bool {
	if b.Pace.MaxInQueue == 0 {
		return true
	}
	n := 0
	for _, t := range c.tasks {
		if t.backend == b && t.inQueue() {
			n++
		}
	}
	for _, p := range c.packs {
		if p.backend == b && p.phase == active {
			n++
		}
	}
	return n < b.Pace.MaxInQueue
}

// submit starts the job of a task, reserving an attempt first where it has
// none. Only failures of the store are errors.
func (c *Campaign) submit(ctx context.Context, t *task) error {
	resumed := t.phase == active
	if t.left != "" {
		if err := t.backend.Executor.Cancel(ctx, t.left); err != nil {
			c.Log.Warn("cannot cancel", "job", t.left, "error", err)
			t.retryLater()
			return nil
		}
		t.left = ""
	}
	if !resumed {
		if err := c.reserve(ctx, t); err != nil {
			return err
		}
	}
	job, err := c.job(t, resumed)
	if err != nil {
		return err
	}
	handle, err := t.backend.Executor.Submit(ctx, job)
	switch {
	case err == nil:
		return c.submitted(t, handle)
	case errors.Is(err, ErrRejected):
		return c.end(t, "submit_rejected", trimError(err))
	}
	c.unconfirmed(ctx, &t.submission, t, err)
	return nil
}

// unconfirmed has a submission tried again later and tells its first task why.
func (c *Campaign) unconfirmed(ctx context.Context, s *submission, t *task, err error) {
	if ctx.Err() != nil {
		return
	}
	s.retryLater()
	if errors.Is(err, ErrLimit) {
		c.tell(t, RunState, Event{Text: "waits: " + trimError(err)})
		return
	}
	c.Log.Warn("submission not confirmed", "address", t.run.Address, "error", err)
	c.tell(t, RunState, Event{Text: "submission not confirmed: " + trimError(err)})
}

func (c *Campaign) submitted(t *task, handle Handle) error {
	t.handle, t.backoff = handle, 0
	t.enter(Status{State: Submitted, JobID: JobID(handle)}, time.Now())
	if err := t.attempt.RecordJob(newJobRecord(t.backend, handle)); err != nil {
		return err
	}
	c.link(t, t.status.JobID)
	c.tell(t, RunSubmitted, Event{})
	return nil
}

// JobID is the part of a handle that people know a job by: the third field of
// executor:cluster:job:name, or the whole.
func JobID(h Handle) string {
	if parts := strings.Split(string(h), ":"); len(parts) >= 3 {
		return parts[2]
	}
	return string(h)
}

// job is what the executor gets: the planned job with sample and attempt
// filled in.
func (c *Campaign) job(t *task, resumed bool) (*Job, error) {
	intent, err := t.attempt.Intent()
	if err != nil {
		return nil, err
	}
	run, err := t.attempt.Run()
	if err != nil || run == nil || intent == nil {
		return nil, fmt.Errorf("%s: the attempt is not complete: %w", t.attempt.Dir, err)
	}
	job := &Job{
		Name: intent.JobName, Dir: t.attempt.Dir, Run: run,
		Sample: t.sample, Attempt: t.attempt.Number,
		Resumed: resumed, NotBefore: intent.Created,
	}
	job.Argv = withMark(run.Job.Argv, strings.TrimPrefix(intent.JobName, run.Job.Name+"-"))
	if t.backend.Avoid != nil {
		if job.Argv, err = c.avoiding(t.backend, job.Argv); err != nil {
			return nil, err
		}
	}
	if run.Job.Script != nil {
		job.Script = []byte(*run.Job.Script)
	}
	return job, nil
}

// attemptMark is what a job's name tells of its attempt. Behind it stands a part
// of the nonce: another store may measure the same run at the same time.
func attemptMark(sample, attempt int) string { return fmt.Sprintf("s%d-a%d", sample, attempt) }

// trimError is the last line of what a command said, without our wrapping of
// the sentinel.
func trimError(err error) string {
	return strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", " "))
}
