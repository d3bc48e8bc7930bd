package executors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// submitDue submits what may be submitted now, in the order of the plan but
// canaries first, as far as the window of each backend allows.
func (c *Campaign) submitDue(ctx context.Context) error {
	c.regroup()
	now := time.Now()
	due, free := c.due(), c.room()
	for i, j := range due {
		if ctx.Err() != nil {
			break
		}
		if now.Before(j.notBefore) {
			continue
		}
		if j.phase == waiting {
			if free[j.backend] <= 0 {
				continue
			}
			for _, t := range j.in(waiting) {
				if changed := c.datasetChanged(t.run); changed != "" {
					c.skip(t, changed)
				}
			}
			if len(j.in(waiting)) == 0 {
				continue // held ends it
			}
			j.render()
			if !c.affords(j) {
				continue
			}
			c.stageAhead(due[i:], free, now)
			free[j.backend]--
		}
		if err := c.submit(ctx, j); err != nil {
			return errors.Join(err, c.receipts.Wait())
		}
		if j.phase == done {
			free[j.backend]++
		}
	}
	return c.receipts.Wait()
}

// due lists the jobs that are to be submitted, or whose submission is to be confirmed.
func (c *Campaign) due() []*job {
	var list []*job
	for _, j := range c.jobs {
		if j.phase == active && j.mine && j.handle == "" || j.phase == waiting && !c.held(j) {
			list = append(list, j)
		}
	}
	slices.SortStableFunc(list, func(a, b *job) int { return a.tasks[0].sample - b.tasks[0].sample })
	return list
}

// queueRoom is how many more jobs the queue of each backend takes.
type queueRoom map[*Backend]int

// room looks how much there is.
func (c *Campaign) room() queueRoom {
	free := queueRoom{}
	for _, b := range c.backendsInUse() {
		free[b] = math.MaxInt
		if b.Pace.MaxInQueue > 0 {
			free[b] = b.Pace.MaxInQueue
		}
	}
	for _, j := range c.jobs {
		if j.phase == active && j.mine {
			free[j.backend]--
		}
	}
	return free
}

// submit submits a job, reserving its attempts first where it has none. Only failures
// of the store are errors.
func (c *Campaign) submit(ctx context.Context, j *job) error {
	resumed := j.phase == active
	for _, t := range j.tasks {
		if t.left == "" {
			continue
		}
		if err := j.backend.Executor.Cancel(ctx, t.left); err != nil {
			c.Log.Warn("cannot cancel", "job", t.left, "error", err)
			j.retryLater()
			return nil
		}
		t.left = ""
	}
	if !resumed {
		if err := c.reserve(ctx, j); err != nil {
			return err
		}
	}
	job, err := c.submission(j, resumed)
	if err != nil {
		return err
	}
	handle, err := j.backend.Executor.Submit(ctx, job)
	switch {
	case err == nil:
		return c.submitted(j, handle)
	case errors.Is(err, ErrRejected):
		return c.giveUp(j, failure.SubmitRejected, trimError(err))
	}
	c.unconfirmed(ctx, j, err)
	return nil
}

// unconfirmed has a submission tried again later and tells the first task why.
func (c *Campaign) unconfirmed(ctx context.Context, j *job, err error) {
	if ctx.Err() != nil {
		return
	}
	t := j.tasks[0]
	j.retryLater()
	if j.limited = errors.Is(err, ErrLimit); j.limited {
		c.tell(t, RunState, Event{Text: "waits: " + trimError(err)})
		return
	}
	c.Log.Warn("submission not confirmed", "address", t.run.Address, "error", err)
	c.tell(t, RunState, Event{Text: "submission not confirmed: " + trimError(err)})
}

// submitted notes the receipt of a job, in its folder and in those of its members.
func (c *Campaign) submitted(j *job, handle Handle) error {
	j.handle, j.backoff = handle, 0
	j.enter(Status{State: plan.Submitted, JobID: JobID(handle)}, time.Now())
	receipt, folder := newJobRecord(j.backend, handle), j.folder.Folder
	c.receipts.Go(func() error { return folder.RecordJob(receipt) })
	return c.announce(j, receipt)
}

func newJobRecord(b *Backend, h Handle) jobdir.JobRecord {
	return jobdir.JobRecord{Handle: string(h), JobID: JobID(h), Cluster: b.Cluster, Submitted: time.Now().UTC()}
}

// announce notes a job's receipt in the attempts that have none, and tells their
// tasks.
func (c *Campaign) announce(j *job, receipt jobdir.JobRecord) error {
	var numbers map[string]int
	for _, t := range j.in(active) {
		if t.announced {
			continue
		}
		t.announced, t.status = true, j.status
		if !j.folder.Shared() {
			c.link(t, receipt.JobID)
			c.tell(t, RunSubmitted, Event{})
			continue
		}
		a := t.attempt
		c.receipts.Go(func() error { return a.RecordJob(receipt) })
		if numbers == nil {
			var err error
			if numbers, err = j.numbers(); err != nil {
				return err
			}
		}
		c.link(t, fmt.Sprintf("%s.%d", receipt.JobID, numbers[a.Dir]))
		c.tell(t, RunSubmitted, Event{Text: fmt.Sprintf("in a pack of %d", len(numbers))})
	}
	return nil
}

// link makes the links that a site's own tools expect, with a name for the job
// that no other run has. Their absence loses nothing, so that a failure is only
// logged.
func (c *Campaign) link(t *task, job string) {
	b := t.backend
	if b.Links == nil || b.LinksDir == "" {
		return
	}
	for name, file := range b.Links(t.run, job) {
		at := filepath.Join(b.LinksDir, name)
		err := errors.Join(c.Store.Mkdir(b.LinksDir), c.Store.Mkdir(filepath.Dir(at)))
		if err == nil {
			err = os.Symlink(filepath.Join(t.attempt.Dir, file), at)
		}
		if err != nil && !os.IsExist(err) {
			c.Log.Warn("cannot link", "error", err)
		}
	}
}

// numbers are the places of attempts in the order of the job, from 1, by folder.
func (j *job) numbers() (map[string]int, error) {
	members, err := j.folder.Members()
	numbers := map[string]int{}
	for i, a := range members {
		numbers[a.Dir] = i + 1
	}
	return numbers, err
}

// JobID is the part of a handle that people know a job by: the third field of
// executor:cluster:job:name, or the whole.
func JobID(h Handle) string {
	if parts := strings.Split(string(h), ":"); len(parts) >= 3 {
		return parts[2]
	}
	return string(h)
}

// submission is what the executor gets: the planned job with the attempt filled in.
func (c *Campaign) submission(j *job, resumed bool) (*Job, error) {
	var err error
	if j.intent == nil {
		if j.intent, err = j.folder.Intent(); err != nil {
			return nil, err
		}
	}
	intent := j.intent
	if intent == nil || j.planned == nil {
		return nil, fmt.Errorf("%s: the attempt is not complete", j.folder.Dir)
	}
	job := &Job{
		Name: intent.JobName, Dir: j.folder.Dir, Resumed: resumed, NotBefore: intent.Created,
		Argv: withMark(j.planned.Argv, strings.TrimPrefix(intent.JobName, j.planned.Name+"-")),
	}
	for _, t := range j.in(active) {
		job.Members = append(job.Members, Member{Run: t.run, Dir: t.attempt.Dir})
	}
	if j.backend.Avoid != nil {
		job.Argv, err = c.avoiding(j.backend, job.Argv)
	}
	return job, err
}

// avoiding keeps a submission away from the nodes that failed on its cluster.
func (c *Campaign) avoiding(b *Backend, argv []string) ([]string, error) {
	list, err := c.Store.Excluded(b.Cluster)
	if err != nil {
		return nil, err
	}
	var nodes []string
	for _, e := range list {
		nodes = append(nodes, e.Node)
	}
	return b.Avoid(argv, nodes), nil
}

// trimError is the last line of what a command said, without our wrapping of
// the sentinel.
func trimError(err error) string {
	return strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", " "))
}

// A canaryGroup is tasks that can fail to start together: the cheapest of them, which goes
// first, and whether some task has got as far as measuring.
type canaryGroup struct {
	canary  *task
	started bool
}

// findSiblings tells each task what its siblings are.
func (c *Campaign) findSiblings() {
	byName := map[string]*canaryGroup{}
	for _, t := range c.tasks {
		name := t.run.Image.Name + "\x00" + t.run.Model.Checkpoint + "\x00" + t.run.Executor.Type + "." + string(t.run.Executor.Name)
		s := byName[name]
		if s == nil {
			s = &canaryGroup{}
			byName[name] = s
		}
		if s.canary == nil || t.run.ExpectedGPUHours() < s.canary.run.ExpectedGPUHours() {
			s.canary = t
		}
		t.siblings = s
	}
}

// canaries reports whether one of the siblings goes first.
func (c *Campaign) canaries(b *Backend) bool { return b.Pace.Canary && !c.Detach && !c.KeepGoing }

// held reports whether a job waits for a canary. Tasks whose canary failed to start
// are skipped for good, and a job without tasks is done.
func (c *Campaign) held(j *job) bool {
	held := false
	for _, t := range j.in(waiting) {
		held = c.waitsForCanary(t) || held
	}
	if len(j.in(waiting)) == 0 {
		j.phase = done
		c.unstage(j)
	}
	return held || j.phase == done
}

func (c *Campaign) waitsForCanary(t *task) bool {
	canary := t.siblings.canary
	if !c.canaries(t.backend) || t.siblings.started || canary == t {
		return false
	}
	if canary.phase == waiting && canary.job == t.job {
		return false // it goes first in the job
	}
	if why := canary.blocksSiblings(); why != "" {
		c.skip(t, why)
		return false
	}
	return canary.phase != done && canary.phase != skipped
}

// blocksSiblings says why the siblings of a canary are not tried, "" while they are.
func (t *task) blocksSiblings() string {
	if t.phase != done || t.ok() || !t.result.Code().Entry().Siblings {
		return ""
	}
	return fmt.Sprintf("not started: %s failed to start (%s); -keep-going starts it anyway", t.run.Address, t.result.Code())
}

// skip gives a task up that has no attempt.
func (c *Campaign) skip(t *task, why string) {
	t.phase, t.reason = skipped, why
	c.tell(t, RunErrored, Event{Text: why})
}

// WouldTake asks a backend that can say so whether it would take the job of a run:
// nil if it would. It costs the backend a job id: ask once, and not to plan.
func WouldTake(ctx context.Context, b *Backend, run *plan.Run) error {
	p, ok := b.Executor.(Preflighter)
	job := b.Renderer.Job(run)
	if !ok || len(job.Argv) == 0 {
		return errors.New("the executor cannot be asked")
	}
	return p.Preflight(ctx, &Job{Name: job.Name, Argv: withMark(job.Argv, "test"), Members: []Member{{Run: run}}})
}

// preflight asks backends that can say so whether they would take the jobs that
// are to be submitted, once for each shape. A refusal is an error before
// anything is submitted; a backend that does not answer is asked again with the
// job itself.
func (c *Campaign) preflight(ctx context.Context) error {
	asked := map[string]bool{}
	for _, j := range c.jobs {
		p, ok := j.backend.Executor.(Preflighter)
		if !ok || j.phase != waiting {
			continue
		}
		j.render()
		run := j.tasks[0].run
		shape := shapeOf(run, j.planned.Argv)
		if len(j.planned.Argv) == 0 || asked[shape] {
			continue
		}
		asked[shape] = true
		err := p.Preflight(ctx, &Job{Name: j.planned.Name, Argv: withMark(j.planned.Argv, "test"), Members: []Member{{Run: run}}})
		switch {
		case errors.Is(err, ErrRejected):
			return fmt.Errorf("%s would be refused: %w", run.Address, err)
		case err != nil:
			c.Log.Warn("cannot ask whether jobs would be taken", "executor", j.backend.Ref.Type, "error", err)
		}
	}
	return nil
}

// shapeOf is what decides whether a job is taken: all that is asked for but the
// job's name.
func shapeOf(run *plan.Run, argv []string) string {
	var words []string
	for _, w := range argv {
		if !strings.Contains(w, plan.AttemptPlaceholder) {
			words = append(words, w)
		}
	}
	return run.Executor.Type + "." + string(run.Executor.Name) + "\x00" + strings.Join(words, "\x00")
}

// withMark fills in the place of the attempt.
func withMark(argv []string, mark string) []string {
	out := make([]string, len(argv))
	for i, word := range argv {
		out[i] = strings.ReplaceAll(word, plan.AttemptPlaceholder, mark)
	}
	return out
}
