package executors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// submitDue submits what may be submitted now, in the order of the plan but
// canaries first, as far as the window of each backend allows.
func (c *Campaign) submitDue(ctx context.Context) error {
	now := time.Now()
	due, free := c.due(), c.room()
	for i, t := range due {
		if ctx.Err() != nil {
			break
		}
		if now.Before(t.notBefore) {
			continue
		}
		if t.phase == waiting {
			if free[t.backend] <= 0 || !c.affords(t.run.GPUHoursLimit(), t) {
				continue
			}
			if why := c.datasetChanged(t.run); why != "" {
				c.skip(t, why)
				continue
			}
			c.stageAhead(due[i:], free, now)
			free[t.backend]--
		}
		if err := c.submit(ctx, t); err != nil {
			return errors.Join(err, c.receipts.Wait())
		}
		if t.phase == done {
			free[t.backend]++
		}
	}
	if err := c.receipts.Wait(); err != nil || ctx.Err() != nil {
		return err
	}
	return c.submitPacks(ctx)
}

// due lists the tasks whose own job is to be submitted, or its submission to be
// confirmed.
func (c *Campaign) due() []*task {
	var list []*task
	for _, t := range c.open {
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

// room is how many more jobs the queue of each backend takes.
type room map[*Backend]int

// room looks how much there is.
func (c *Campaign) room() room {
	free := room{}
	for _, b := range c.backendsInUse() {
		free[b] = math.MaxInt
		if b.Pace.MaxInQueue > 0 {
			free[b] = b.Pace.MaxInQueue
		}
	}
	for _, t := range c.open {
		if t.inQueue() {
			free[t.backend]--
		}
	}
	for _, p := range c.packs {
		if p.phase == active {
			free[p.backend]--
		}
	}
	return free
}

// windowOpen reports whether a backend's queue takes one more job.
func (c *Campaign) windowOpen(b *Backend) bool { return c.room()[b] > 0 }

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
	job, err := c.job(ctx, t, resumed)
	if err != nil {
		return err
	}
	handle, err := t.backend.Executor.Submit(ctx, job)
	switch {
	case err == nil:
		return c.submitted(t, handle)
	case errors.Is(err, ErrRejected):
		return c.end(t, failure.SubmitRejected, trimError(err))
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
	if s.limited = errors.Is(err, ErrLimit); s.limited {
		c.tell(t, RunState, Event{Text: "waits: " + trimError(err)})
		return
	}
	c.Log.Warn("submission not confirmed", "address", t.run.Address, "error", err)
	c.tell(t, RunState, Event{Text: "submission not confirmed: " + trimError(err)})
}

func (c *Campaign) submitted(t *task, handle Handle) error {
	t.handle, t.backoff = handle, 0
	t.enter(Status{State: Submitted, JobID: JobID(handle)}, time.Now())
	receipt, a := newJobRecord(t.backend, handle), t.attempt
	c.receipts.Go(func() error { return a.RecordJob(receipt) })
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

// job is what the executor gets: the planned job with sample and attempt filled
// in. A task that has no attempt is given one.
func (c *Campaign) job(ctx context.Context, t *task, resumed bool) (*Job, error) {
	look := c.reserve
	if resumed {
		look = stored
	}
	run, intent, err := look(ctx, t)
	if err != nil {
		return nil, err
	}
	job := &Job{
		Name: intent.JobName, Dir: t.attempt.Dir, Run: run,
		Sample: t.sample, Attempt: t.attempt.Number,
		Resumed: resumed, NotBefore: intent.Created,
	}
	job.Argv = withMark(run.Job.Argv, strings.TrimPrefix(intent.JobName, run.Job.Name+"-"))
	if run.Job.Script != nil {
		job.Script = []byte(*run.Job.Script)
	}
	if t.backend.Avoid != nil {
		job.Argv, err = c.avoiding(t.backend, job.Argv)
	}
	return job, err
}

// stored is what an earlier process prepared.
func stored(_ context.Context, t *task) (*plan.Run, *jobdir.Intent, error) {
	intent, err := t.attempt.Intent()
	if err != nil {
		return nil, nil, err
	}
	run, err := t.attempt.Run()
	if err != nil || run == nil || intent == nil {
		return nil, nil, fmt.Errorf("%s: the attempt is not complete: %w", t.attempt.Dir, err)
	}
	return run, intent, nil
}

// attemptMark is what a job's name tells of its attempt. Behind it stands a part
// of the nonce: another store may measure the same run at the same time.
func attemptMark(sample, attempt int) string { return fmt.Sprintf("s%d-a%d", sample, attempt) }

// trimError is the last line of what a command said, without our wrapping of
// the sentinel.
func trimError(err error) string {
	return strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", " "))
}
