package executors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/failure"
)

// read takes the outcome of a task from its attempt folder, if it is there, and
// tells how far the job has come.
func (c *Campaign) read(t *task) error {
	result, err := t.attempt.Result()
	if err != nil {
		return err
	}
	if result != nil {
		return c.judge(t)
	}
	if t.packed {
		if given, err := c.readPacked(t); err != nil || given {
			return err
		}
	}
	p, err := t.attempt.Progress()
	if err != nil || p == nil {
		return err
	}
	if p.Done != t.progress {
		t.progress, t.family.started = p.Done, true
		c.tell(t, RunProgress, Event{Done: p.Done, Total: p.Total, Text: p.Stage})
	}
	return nil
}

// judge ends a task with its result, or gives it a new attempt when the
// infrastructure failed and the budget allows.
func (c *Campaign) judge(t *task) error {
	result, err := t.attempt.Result()
	if err != nil || result == nil {
		return err
	}
	if t.mine && t.pack == nil { // a pack's cost is known when it ends
		c.Budget.Spent += t.cost(result)
	}
	if t.inPack() && !result.Counts() {
		t.pack.failed = append(t.pack.failed, t.attempt.Dir)
	}
	again := result.Code().Entry().Retry == failure.Anywhere
	if result.Code().Entry().Retry == failure.Elsewhere {
		if again, err = c.elsewhere(t, result); err != nil {
			return err
		}
	}
	if result.Counts() || !t.mine || !again {
		c.complete(t, result)
		return nil
	}
	if err := c.blame(t, result); err != nil {
		return err
	}
	if !c.mayRetry(t) {
		c.complete(t, result)
		return nil
	}
	c.tell(t, RunState, Event{Text: fmt.Sprintf("%s: a new attempt follows (%s)", result.Code(), result.Cause())})
	if result.Code() == failure.Requeue {
		t.left = t.handle
	}
	t.again()
	return nil
}

// poll asks a backend about all its jobs, when it is time.
func (c *Campaign) poll(ctx context.Context, b *Backend) {
	now := time.Now()
	if now.Before(c.nextPoll[b]) {
		return
	}
	c.takeUpCancels(ctx, b)
	hears := map[Handle]func(Status){}
	var handles []Handle
	for _, t := range c.open {
		if t.backend == b && t.phase == active && t.mine && t.handle != "" && !t.packed {
			hears[t.handle] = func(s Status) { c.observe(t, s) }
			handles = append(handles, t.handle)
		}
	}
	for _, p := range c.packs {
		if p.backend == b && p.phase == active && p.handle != "" {
			hears[p.handle] = func(s Status) { c.observePack(p, s) }
			handles = append(handles, p.handle)
		}
	}
	if len(handles) == 0 {
		return
	}
	defer func() { c.nextPoll[b] = now.Add(apart(c.pollEvery(b))) }()
	statuses, err := b.Executor.Poll(ctx, handles)
	if err != nil {
		c.slower[b]++
		c.noContact(b, now, err)
		return
	}
	c.contact[b], c.slower[b] = now, 0
	if allQueued(statuses) {
		c.slower[b] = 1
	}
	for _, h := range handles {
		if s, ok := statuses[h]; ok {
			hears[h](s)
		}
	}
}

// pollEvery is how long a backend is left alone between two polls: twice as long
// while all jobs wait, and ever longer while it does not answer.
func (c *Campaign) pollEvery(b *Backend) time.Duration {
	return max(b.Pace.Poll, min(b.Pace.Poll<<min(c.slower[b], 8), 5*time.Minute))
}

// apart is d with up to a fifth of it, by chance: those who poll one cluster do
// not do so at once, and none sooner than it asks for.
func apart(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/5+1))
}

func allQueued(statuses map[Handle]Status) bool {
	for _, s := range statuses {
		if s.State != Queued {
			return false
		}
	}
	return len(statuses) > 0
}

// takeUpCancels finishes the cancels whose wish was written down and that did not
// live to see it done.
func (c *Campaign) takeUpCancels(ctx context.Context, b *Backend) {
	for _, t := range c.open {
		if t.backend != b || t.phase != active || !t.mine || t.stopping || !t.attempt.Cancelled() {
			continue
		}
		f := Flight{Attempt: t.attempt, Handle: t.handle, Backend: b}
		if t.packed && t.pack != nil {
			f.Handle, f.Pack = t.pack.handle, t.pack.folder.Name
		}
		err := Cancel(ctx, c.Store, []Flight{f})
		if err == nil {
			err = c.judge(t)
		}
		if err != nil {
			c.Log.Warn("cannot cancel", "attempt", t.attempt, "error", err)
		}
	}
}

func (c *Campaign) noContact(b *Backend, now time.Time, err error) {
	since, ok := c.contact[b]
	if !ok {
		c.contact[b] = now
		since = now
	}
	c.Log.Warn("no contact", "executor", b.Ref.Type, "error", err)
	c.tell(nil, Message, Event{Text: fmt.Sprintf("no contact with %s for %s, jobs go on: %s", b.Ref.Type, now.Sub(since).Round(time.Second), trimError(err))})
}

// tellState tells where a task's job stands now. Why jobs wait is told once for
// each cause, not once for each run.
func (c *Campaign) tellState(t *task, before State) {
	s := t.status
	cause, _, _ := strings.Cut(s.words(), ":")
	known := s.State == Queued && c.waitsTold[cause]
	if s.State == Queued {
		if c.waitsTold == nil {
			c.waitsTold = map[string]bool{}
		}
		c.waitsTold[cause] = true
	}
	switch {
	case !known:
		c.tell(t, RunState, Event{Text: s.words()})
	case s.State != before:
		c.tell(t, RunState, Event{})
	}
}

// observe takes in what the backend says of a task. A job that ended is given
// its grace to leave its own word.
func (c *Campaign) observe(t *task, s Status) {
	before := t.status.State
	if t.hear(s) && s.State != Ended {
		c.tellState(t, before)
	}
	if !t.speechless() {
		return
	}
	a := t.attempt
	if result, err := a.Result(); err == nil && result == nil {
		if err := c.end(t, endCode(s.End), endDetail(s)); err != nil {
			c.unrecorded(&t.submission, err)
		}
		if err := a.Redact(); err != nil {
			c.Log.Warn("cannot remove secrets from logs", "attempt", a, "error", err)
		}
	}
}

// recordTime is for how long the store may refuse to take down how a job ended. The
// polls in between try again.
const recordTime = 2 * time.Minute

// unrecorded notes that the store did not take down what became of a job. Where it goes
// on to refuse, the campaign ends.
func (c *Campaign) unrecorded(s *submission, err error) {
	c.Log.Error("cannot record how a job ended", "job", JobID(s.handle), "error", err)
	if s.unrecorded.IsZero() {
		s.unrecorded = time.Now()
	}
	if time.Since(s.unrecorded) >= recordTime {
		c.refused = fmt.Errorf("cannot record how job %s ended: %w. What was written before is whole and jobs go on. Free space in %s or make it writable, then run apply again: it takes up what is left", JobID(s.handle), err, c.Store.Dir())
	}
}

// grace is how long a job's own word may take. A job that was killed from
// outside is not likely to leave one.
func (b *Backend) grace(end End) time.Duration {
	switch end {
	case Completed, Failed, TimedOut:
		return b.Pace.Grace
	}
	return min(b.Pace.Grace, 5*time.Second)
}

func endCode(e End) failure.Code {
	switch e {
	case Completed, Failed, Lost:
		return failure.Lost
	}
	return failure.Code(e)
}

func endDetail(s Status) string {
	d := s.Raw
	if s.Reason != "" && s.Reason != "None" {
		d = strings.TrimPrefix(d+", "+s.Reason, ", ")
	}
	if s.ExitCode != "" {
		d += ", exit code " + s.ExitCode
	}
	switch s.End {
	case Completed, Failed, Lost:
		d += ": the job left no word of its end"
	}
	return d
}

// end writes down how an attempt ended that cannot say so itself, and judges
// it.
func (c *Campaign) end(t *task, code failure.Code, detail string) error {
	err := t.attempt.RecordEnd(jobdir.EndRecord{
		Code: string(code), Detail: detail, JobID: t.status.JobID, Raw: t.status.Raw,
		Nodes: t.status.Nodes, Suspended: t.status.Suspended, Time: time.Now().UTC(),
	})
	if err != nil {
		return err
	}
	return c.judge(t)
}

// stopStuck gives up on jobs that will not start.
func (c *Campaign) stopStuck(ctx context.Context) {
	now := time.Now()
	for _, t := range c.open {
		if t.phase != active || !t.mine || t.handle == "" || t.packed {
			continue
		}
		why := t.stuck(now)
		if why == "" {
			continue
		}
		t.stopping = true
		if err := t.attempt.MarkCancelled(); err != nil {
			c.unrecorded(&t.submission, err)
			continue
		}
		if err := t.backend.Executor.Cancel(ctx, t.handle); err != nil {
			c.Log.Warn("cannot cancel", "job", t.handle, "error", err)
			continue
		}
		if err := c.end(t, t.stuckCode(), why); err != nil {
			c.unrecorded(&t.submission, err)
		}
	}
}
