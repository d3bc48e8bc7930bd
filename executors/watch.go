package executors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// mostDeferrals is how often a sample gets another job in one campaign because the one
// that it was in did not begin it.
const mostDeferrals = 5

// step does what is due now: submit, read what jobs left, ask the backends.
func (c *Campaign) step(ctx context.Context) error {
	c.open = slices.DeleteFunc(c.open, func(t *task) bool { return t.phase == done || t.phase == skipped })
	c.jobs = slices.DeleteFunc(c.jobs, func(j *job) bool { return j.phase == done })
	for _, find := range c.unnamed {
		if err := find(ctx); err != nil {
			return err
		}
	}
	c.unnamed = nil
	if err := c.submitDue(ctx); err != nil {
		return err
	}
	for _, t := range c.open {
		if t.phase == active {
			if err := c.read(t); err != nil {
				return err
			}
		}
	}
	if err := c.tend(ctx); err != nil {
		return err
	}
	for _, b := range c.backendsInUse() {
		c.poll(ctx, b)
	}
	c.stopStuck(ctx)
	return errors.Join(c.stopQuiet(ctx), c.refused)
}

// read takes the outcome of a task from its attempt folder, if it is there, and
// tells how far the job has come.
func (c *Campaign) read(t *task) error {
	result, state, err := t.attempt.Look()
	if err != nil {
		return err
	}
	if result != nil {
		return c.judged(t, result)
	}
	if t.job.folder.Shared() || !t.job.mine {
		if given, err := c.readMember(t, state); err != nil || given {
			return err
		}
	}
	p, err := t.attempt.Progress()
	if err != nil || p == nil {
		return err
	}
	if now := p.String(); p.Done != t.done || now != t.said {
		t.siblings.started = t.siblings.started || p.Done != t.done
		t.done, t.said = p.Done, now
		if !t.status.State.HasNodes() { // the backend was not asked since
			t.status.State = plan.Running
			c.tell(t, RunState, Event{})
		}
		c.tell(t, RunProgress, Event{Done: p.Done, Total: p.Total, Text: now})
	}
	return nil
}

// readMember takes from its attempt folder where a task stands whose job tells nothing
// of it. given says that the attempt was given back.
func (c *Campaign) readMember(t *task, state plan.State) (given bool, err error) {
	switch {
	case state == plan.Deferred && t.job.mine && t.attempt.Cancelled():
		return true, nil // whoever cancels is about to write it down, or takeUpCancels does
	case state == plan.Deferred:
		return true, c.deferred(t)
	}
	if state.HasNodes() && state != t.status.State {
		t.status = Status{State: state, JobID: t.status.JobID, Nodes: t.status.Nodes}
		c.tell(t, RunState, Event{})
	}
	return false, nil
}

// deferred puts a task back whose attempt was given back.
func (c *Campaign) deferred(t *task) error {
	claim, err := t.attempt.Claim()
	if err != nil || claim == nil {
		return err
	}
	t.again()
	t.deferrals++
	switch {
	case !t.job.mine:
		t.job.phase = done
		c.skip(t, "deferred: "+claim.Deferred+"; apply again packs it again")
	case t.deferrals > mostDeferrals || !c.mayRetry(t):
		c.skip(t, fmt.Sprintf("deferred %d times, last because %s; apply again tries again", t.deferrals, claim.Deferred))
	default:
		c.tell(t, RunState, Event{Text: "deferred: " + claim.Deferred})
	}
	return nil
}

// tend does for the jobs of several members in flight what only their campaign can: it
// gives back what their jobs left, and what waits for a canary that failed.
func (c *Campaign) tend(ctx context.Context) error {
	for _, j := range c.jobs {
		if j.phase != active || !j.folder.Shared() {
			continue
		}
		if j.handle != "" {
			if err := c.announce(j, newJobRecord(j.backend, j.handle)); err != nil {
				return err
			}
		}
		if err := c.skipSiblings(j); err != nil {
			return err
		}
		if err := c.stopAgain(ctx, j); err != nil {
			return err
		}
		if err := c.closeJob(j); err != nil {
			return err
		}
	}
	return c.receipts.Wait()
}

// stopAgain tells a job again of members that it was to stop and that go on: the first
// word may have been lost.
func (c *Campaign) stopAgain(ctx context.Context, j *job) error {
	now := time.Now()
	if j.status.State != plan.Running || now.Sub(j.asked) < j.backend.Pace.Poll {
		return nil
	}
	j.asked = now
	members, err := j.folder.Members()
	if err != nil {
		return err
	}
	for _, a := range members {
		ended, errEnded := a.Ended()
		claim, errClaim := a.Claim()
		exit, errExit := a.ExitRecord()
		if err := errors.Join(errEnded, errClaim, errExit); err != nil {
			return err
		}
		if ended == nil || !a.Cancelled() || exit != nil || claim == nil || claim.Deferred != "" {
			continue
		}
		if err := stop(ctx, j.backend, j.folder, a, j.handle); err != nil {
			c.Log.Warn("cannot stop a run of a job", "attempt", a, "error", err)
		}
	}
	return nil
}

// skipSiblings gives back the tasks whose canary failed to start, and tells the job,
// which waits for it, that a failure was looked at.
func (c *Campaign) skipSiblings(j *job) error {
	if len(j.failed) == 0 {
		return nil
	}
	for _, t := range j.in(active) {
		why := t.siblings.canary.blocksSiblings()
		if t.siblings.started || why == "" || !c.canaries(j.backend) {
			continue
		}
		given, err := t.attempt.Defer(why)
		if err != nil {
			return err
		}
		if given {
			t.again()
			c.skip(t, why)
		}
	}
	numbers, err := j.numbers()
	if err != nil {
		return err
	}
	for _, dir := range j.failed {
		if err := j.folder.MarkJudged(numbers[dir]); err != nil {
			return err
		}
	}
	j.failed = nil
	return nil
}

// poll asks a backend about all its jobs, when it is time.
func (c *Campaign) poll(ctx context.Context, b *Backend) {
	now := time.Now()
	if now.Before(b.nextPoll) {
		return
	}
	c.takeUpCancels(ctx, b)
	asked := map[Handle]*job{}
	var handles []Handle
	for _, j := range c.jobs {
		if j.backend == b && j.phase == active && j.mine && j.handle != "" {
			asked[j.handle] = j
			handles = append(handles, j.handle)
		}
	}
	if len(handles) == 0 {
		return
	}
	defer func() { b.nextPoll = now.Add(b.pollEvery()) }()
	statuses, err := b.Executor.Poll(ctx, handles)
	if err != nil {
		b.slower++
		if b.contact.IsZero() {
			b.contact = now
		}
		c.Log.Warn("no contact", "executor", b.Ref.Type, "error", err)
		c.tell(nil, Message, Event{Text: fmt.Sprintf("%s has not answered for %s, jobs keep running: %s", b.Ref.Type, now.Sub(b.contact).Round(time.Second), trimError(err))})
		return
	}
	b.contact, b.slower = now, min(1, len(statuses))
	for _, h := range handles {
		s, ok := statuses[h]
		if !ok {
			continue
		}
		if s.State != plan.Queued {
			b.slower = 0
		}
		c.observe(asked[h], s)
	}
}

// pollEvery is how long a backend is left alone between two polls: twice as long while
// all jobs wait, ever longer while it does not answer, and up to a fifth more by chance,
// so that those who poll one cluster do not do so at once.
func (b *Backend) pollEvery() time.Duration {
	d := max(b.Pace.Poll, min(b.Pace.Poll<<min(b.slower, 8), 5*time.Minute))
	return d + time.Duration(rand.Int64N(int64(d)/5+1))
}

// tellState tells where a task's job stands now. Why jobs wait is told once for
// each cause, not once for each run.
func (c *Campaign) tellState(t *task, before plan.State) {
	s := t.status
	cause, _, _ := strings.Cut(s.words(), ":")
	switch {
	case s.State != plan.Queued || !c.waitsTold[cause]:
		c.tell(t, RunState, Event{Text: s.words()})
	case s.State != before:
		c.tell(t, RunState, Event{})
	}
	if s.State == plan.Queued {
		if c.waitsTold == nil {
			c.waitsTold = map[string]bool{}
		}
		c.waitsTold[cause] = true
	}
}

// observe takes in what the backend says of a job. One that ended is given its grace
// to leave its exit record.
func (c *Campaign) observe(j *job, s Status) {
	j.enter(s, time.Now())
	if s.State == plan.Held {
		j.heldPolls++
	}
	for _, t := range j.in(active) {
		c.observeTask(t, s)
	}
	if s.State != plan.Ended || time.Since(j.since) < j.backend.grace(s.End) {
		return
	}
	if exit, err := j.folder.ExitRecord(); err != nil || exit != nil {
		return
	}
	if err := c.endJob(j, cmp.Or(s.End, failure.Lost), endDetail(s)); err != nil {
		c.unrecorded(j, err)
	}
}

// observeTask tells a task of what became of its job. One among several waits on for
// its turn once the job runs, and then speaks for itself.
func (c *Campaign) observeTask(t *task, s Status) {
	before := t.status
	if t.job.folder.Shared() {
		t.status.Nodes, t.status.Suspended = s.Nodes, s.Suspended
		switch t.status.State {
		case plan.Intent, plan.Submitted, plan.Queued, plan.Held:
		default:
			return
		}
		switch s.State {
		case plan.Finishing, plan.Ended:
			return
		case plan.Starting, plan.Running:
			t.status = Status{State: plan.Queued, Reason: "in its pack", JobID: s.JobID, Nodes: s.Nodes}
			return
		}
	}
	t.status = s
	if (before.State != s.State || before.Reason != s.Reason) && s.State != plan.Ended {
		c.tellState(t, before.State)
	}
}

// stopStuck gives up on jobs that will not start.
func (c *Campaign) stopStuck(ctx context.Context) {
	now := time.Now()
	for _, j := range c.jobs {
		if j.phase != active || !j.mine || j.handle == "" {
			continue
		}
		why := j.stuck(now)
		if why == "" {
			continue
		}
		for _, t := range j.in(active) {
			t.stopping = true
		}
		if err := j.folder.MarkCancelled(); err != nil {
			c.unrecorded(j, err)
			continue
		}
		if err := j.backend.Executor.Cancel(ctx, j.handle); err != nil {
			c.Log.Warn("cannot cancel", "job", j.handle, "error", err)
			continue
		}
		if err := c.giveUp(j, cmp.Or(j.status.End, failure.Blocked), why); err != nil {
			c.unrecorded(j, err)
		}
	}
}

// giveUp ends a job that will not be run, and all its members with it.
func (c *Campaign) giveUp(j *job, code failure.Code, detail string) error {
	for _, t := range j.in(active) {
		if err := t.attempt.RecordEnd(j.endRecord(j.status, code, detail)); err != nil {
			return err
		}
	}
	return c.endJob(j, code, detail)
}
