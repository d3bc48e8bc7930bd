package executors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan/failure"
)

// mostDeferrals is how often a sample is packed again in one campaign.
const mostDeferrals = 5

// readPacked takes from its attempt folder where a task in a pack stands. given
// says that the attempt was given back.
func (c *Campaign) readPacked(t *task) (given bool, err error) {
	phase, err := t.attempt.Phase()
	if err != nil {
		return false, err
	}
	switch {
	case phase == runs.Deferred && t.mine && t.attempt.Cancelled():
		return true, nil // whoever cancels is about to write it down, or takeUpCancels does
	case phase == runs.Deferred:
		return true, c.deferred(t)
	}
	if s, ok := stateOf[phase]; ok && s != t.status.State {
		t.enter(Status{State: s, JobID: t.status.JobID, Nodes: t.status.Nodes}, time.Now())
		c.tell(t, RunState, Event{})
	}
	return false, nil
}

// stateOf is the state of a task in a pack whose attempt was begun.
var stateOf = map[runs.Phase]State{runs.Starting: Starting, runs.Running: Running, runs.Finishing: Finishing}

// deferred puts a task back whose attempt was given back.
func (c *Campaign) deferred(t *task) error {
	why, err := t.attempt.Deferred()
	if err != nil {
		return err
	}
	mine := t.mine
	t.again()
	t.deferrals++
	switch {
	case !mine:
		c.skip(t, "deferred: "+why+"; apply again packs it again")
	case t.deferrals > mostDeferrals || !c.mayRetry(t):
		c.skip(t, fmt.Sprintf("deferred %d times, last because %s; apply again tries again", t.deferrals, why))
	default:
		c.tell(t, RunState, Event{Text: "deferred: " + why})
	}
	return nil
}

// tendPacks does for the packs in flight what only their campaign can: it gives
// back what their jobs left, and what a canary dooms.
func (c *Campaign) tendPacks(ctx context.Context) error {
	for _, p := range c.packs {
		if p.phase != active {
			continue
		}
		if p.handle != "" {
			if err := c.receive(p, newJobRecord(p.backend, p.handle)); err != nil {
				return err
			}
		}
		if err := c.doom(p); err != nil {
			return err
		}
		if err := c.stopAgain(ctx, p); err != nil {
			return err
		}
		if err := c.closePack(p); err != nil {
			return err
		}
	}
	return nil
}

// stopAgain tells a pack's job again of runs that it was to stop and that go on:
// the first word may have been lost.
func (c *Campaign) stopAgain(ctx context.Context, p *pack) error {
	now := time.Now()
	if p.status.State != Running || now.Sub(p.asked) < p.backend.Pace.Poll {
		return nil
	}
	p.asked = now
	members, err := p.folder.Members()
	if err != nil {
		return err
	}
	for _, a := range members {
		ended, err := a.Ended()
		if err != nil {
			return err
		}
		if ended == nil || !a.Cancelled() {
			continue
		}
		claim, err := a.Claim()
		if err != nil {
			return err
		}
		exit, err := a.Exit()
		if err != nil {
			return err
		}
		if exit != nil || claim == nil || claim.Deferred != "" {
			continue
		}
		if err := p.backend.stop(ctx, a, p.handle, true); err != nil {
			c.Log.Warn("cannot stop a run of a pack", "attempt", a, "error", err)
		}
	}
	return nil
}

// doom gives back the tasks whose family failed to start, and tells the job,
// which waits for it, that a failure was looked at.
func (c *Campaign) doom(p *pack) error {
	if len(p.failed) == 0 {
		return nil
	}
	for _, t := range p.tasks {
		if t.pack != p || t.phase != active || !c.canaries(p.backend) {
			continue
		}
		why := t.family.canary.dooms()
		if t.family.started || why == "" {
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
	numbers, err := p.numbers()
	if err != nil {
		return err
	}
	for _, dir := range p.failed {
		if err := p.folder.MarkJudged(numbers[dir]); err != nil {
			return err
		}
	}
	p.failed = nil
	return nil
}

// closePack ends a pack whose job has said its last word: what it has not begun
// is given back, what it has begun and not ended is lost.
func (c *Campaign) closePack(p *pack) error {
	exit, err := p.folder.Exit()
	if err != nil {
		return err
	}
	ended, err := p.folder.Ended()
	if err != nil || exit == nil && ended == nil {
		return err
	}
	if p.over.IsZero() {
		p.over = time.Now()
	}
	end := jobdir.EndRecord{Code: string(failure.Lost), Detail: "the pack's job ended and the run left no word of its end", JobID: JobID(p.handle)}
	wait := p.backend.Pace.Grace
	if ended != nil {
		end, wait = *ended, 0
	}
	open, err := settle(p.folder, end, time.Since(p.over) >= wait)
	if err != nil || open {
		return err
	}
	p.phase = done
	c.Budget.Spent += packCost(p, exit, ended)
	if exit == nil && p.status.State != Ended {
		return nil // a script may still write
	}
	members, err := p.folder.Members()
	for _, a := range members {
		err = errors.Join(err, a.Redact())
	}
	return err
}

// settle gives back the attempts of a pack that were never begun and, if it is
// time, records how the others ended that have no outcome. open says that one of
// these is waited for.
func settle(folder *runs.Pack, end jobdir.EndRecord, due bool) (open bool, err error) {
	for a, err := range inFlight(folder) {
		if err != nil {
			return false, err
		}
		given, err := a.Defer("its pack ended before it began: " + string(end.Code))
		switch {
		case err != nil:
			return false, err
		case given:
		case due:
			end.Time = time.Now().UTC()
			if err := a.RecordEnd(end); err != nil {
				return false, err
			}
		default:
			open = true
		}
	}
	return open, nil
}

// packCost is what a pack has cost, in GPU-hours: all that it held, to its end.
func packCost(p *pack, exit *jobdir.Exit, ended *jobdir.EndRecord) float64 {
	gpus := p.tasks[0].run.Hardware.GPUs
	if p.planned != nil {
		gpus = p.planned.GPUs
	}
	start, err := p.folder.Start()
	switch {
	case err != nil || start == nil:
		return p.silentCost(gpus, p.gpuHoursLimit())
	case exit != nil:
		return gpuHours(gpus, start.Time, exit.Ended)
	}
	return min(p.gpuHoursLimit(), gpuHours(gpus, start.Time, ended.Time))
}

// observePack takes in what the backend says of a pack's job.
func (c *Campaign) observePack(p *pack, s Status) {
	p.hear(s)
	for _, t := range p.tasks {
		if t.pack == p && t.phase == active {
			c.observePacked(t, s)
		}
	}
	if !p.speechless() {
		return
	}
	if exit, err := p.folder.Exit(); err != nil || exit != nil {
		return
	}
	if err := c.recordPackEnd(p, endCode(s.End), endDetail(s)); err != nil {
		c.unrecorded(&p.submission, err)
	}
}

// observePacked tells a task of what became of its pack. A task that has not
// begun waits on once its pack runs.
func (c *Campaign) observePacked(t *task, s Status) {
	t.status.Nodes, t.status.Suspended = s.Nodes, s.Suspended
	switch t.status.State {
	case Intent, Submitted, Queued, Held:
	default:
		return
	}
	switch s.State {
	case Finishing, Ended:
		return
	case Starting, Running:
		t.enter(Status{State: Queued, Reason: "in its pack", JobID: s.JobID, Nodes: s.Nodes}, time.Now())
		return
	}
	before := t.status.State
	if t.enter(s, time.Now()) {
		c.tellState(t, before)
	}
}

func (c *Campaign) recordPackEnd(p *pack, code failure.Code, detail string) error {
	return p.folder.RecordEnd(jobdir.EndRecord{
		Code: string(code), Detail: detail, JobID: p.status.JobID, Raw: p.status.Raw,
		Nodes: p.status.Nodes, Suspended: p.status.Suspended, Time: time.Now().UTC(),
	})
}

// endPack ends a pack that no job will run, and all that is in it.
func (c *Campaign) endPack(p *pack, code failure.Code, detail string) error {
	if err := c.recordPackEnd(p, code, detail); err != nil {
		return err
	}
	for _, t := range p.tasks {
		if t.pack == p && t.phase == active {
			if err := c.end(t, code, detail); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopStuckPacks gives up on packs whose jobs will not start.
func (c *Campaign) stopStuckPacks(ctx context.Context) error {
	now := time.Now()
	for _, p := range c.packs {
		if p.phase != active || p.handle == "" {
			continue
		}
		why := p.stuck(now)
		if why == "" {
			continue
		}
		if err := p.folder.MarkCancelled(); err != nil {
			return err
		}
		if err := p.backend.Executor.Cancel(ctx, p.handle); err != nil {
			c.Log.Warn("cannot cancel", "job", p.handle, "error", err)
			continue
		}
		if err := c.endPack(p, p.stuckCode(), why); err != nil {
			return err
		}
	}
	return nil
}
