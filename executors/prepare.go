package executors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// prepare makes the tasks: one for each sample that is asked for and not
// stored. Attempts in flight are taken up.
func (c *Campaign) prepare(ctx context.Context) error {
	found, tried := make([][]*task, len(c.Plan.Runs)), make([]bool, len(c.Plan.Runs))
	if err := jobdir.AtOnce(len(found), func(i int) (err error) {
		found[i], tried[i], err = c.lookUp(c.Plan.Runs[i])
		return err
	}); err != nil {
		return err
	}
	byFolder := map[string]*job{}
	for i, tasks := range found {
		if tried[i] {
			c.Backends[c.Plan.Runs[i].Executor].tried = true
		}
		for _, t := range tasks {
			c.tasks = append(c.tasks, t)
			if t.torn != "" {
				c.tell(t, RunState, Event{Text: "a new attempt follows: a crash of the host damaged " + t.torn})
			}
			if t.job != nil {
				c.join(t, byFolder)
			}
		}
	}
	c.open = slices.Clone(c.tasks)
	c.findSiblings()
	c.findJobs()
	if err := errors.Join(c.countEarlier(), c.countSearches()); err != nil {
		return err
	}
	for _, b := range c.backendsInUse() {
		c.takeUpCancels(ctx, b)
	}
	if err := c.preflight(ctx); err != nil {
		return err
	}
	return ctx.Err()
}

// lookUp makes the tasks of a run: one for each sample that is asked for and not stored.
// tried says that there was an attempt at a sample: whoever made it may have died before
// it looked what is left in the queue.
func (c *Campaign) lookUp(run *plan.Run) (tasks []*task, tried bool, err error) {
	b := c.Backends[run.Executor]
	if b == nil {
		return nil, false, fmt.Errorf("%s: no executor %s %q", run.Address, run.Executor.Type, run.Executor.Name)
	}
	if run.Action != plan.Measure && run.Action != plan.Remeasure && run.Action != plan.Wait {
		return nil, false, nil
	}
	samples, err := c.Store.Samples(store.Key{Fingerprint: run.Fingerprint, Cluster: b.Cluster, Simulated: b.Simulated}, run.State.Wanted)
	for _, s := range samples {
		tried = tried || s.Attempt != nil
		if err != nil || !s.State.InFlight() && s.Counts {
			continue
		}
		t := &task{backend: b, run: run, sample: s.Sample}
		if run.Asked.Search != "" {
			t.earlier = len(s.Failed)
		}
		if s.State.InFlight() {
			err = t.takeUp(s)
		}
		tasks = append(tasks, t)
	}
	return tasks, tried, err
}

// takeUp reads what an earlier process left of a sample in flight. Only this user's
// attempts are followed as jobs: of another's each is read by itself. One that a crash
// of the host damaged was given back.
func (t *task) takeUp(s store.Sample) (err error) {
	folder := s.Attempt.Alone()
	if s.Mine {
		if t.torn, err = s.Attempt.DeferTorn(); err != nil {
			return err
		}
		if t.torn != "" {
			if s.SharedJob == "" {
				t.left = Handle(s.Handle)
			}
			return nil
		}
		if folder, err = s.Attempt.Job(); err != nil {
			return err
		}
	}
	j := &job{backend: t.backend, mine: s.Mine, since: time.Now(), phase: active, folder: folder, status: Status{State: plan.Intent}}
	if j.planned, err = folder.Planned(); err != nil {
		return err
	}
	receipt, err := folder.Receipt()
	if receipt != nil {
		j.handle, j.status = Handle(receipt.Handle), Status{State: plan.Submitted, JobID: receipt.JobID}
	}
	t.job, t.phase, t.attempt, t.announced, t.tries = j, active, s.Attempt, s.Handle != "", 1
	jobdir.Sweep(s.Attempt.Dir, folder.Dir)
	return err
}

// join puts a task in flight into its job, of which other tasks may be members.
func (c *Campaign) join(t *task, byFolder map[string]*job) {
	dir := t.job.folder.Dir
	if byFolder[dir] == nil {
		c.jobs, byFolder[dir] = append(c.jobs, t.job), t.job
	}
	j := byFolder[dir]
	t.job, t.shares, t.status = j, j.folder.Shared(), j.status
	j.tasks = append(j.tasks, t)
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
			some := free[address]
			for _, t := range some {
				t.shares = true
			}
			if len(some) > 0 { // else somebody else's by now
				list, free[address] = append(list, some[0]), some[1:]
			}
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

// countEarlier adds what jobs of earlier applies of the same saved plan have cost
// that this campaign does not follow.
func (c *Campaign) countEarlier() error {
	if c.Saved == "" || c.Budget.counted {
		return nil
	}
	c.Budget.counted = true
	followed := c.followed(c.Budget)
	for _, run := range c.Plan.Runs {
		b := c.Backends[run.Executor]
		k := store.Key{Fingerprint: run.Fingerprint, Cluster: b.Cluster, Simulated: b.Simulated}
		err := c.Store.Intents(k, func(a *store.Attempt, intent *jobdir.Intent) error {
			if intent.Plan != c.Saved {
				return nil
			}
			folder, err := a.Job()
			if err != nil {
				return err
			}
			gpus, limit := run.Hardware.GPUs, run.GPUHoursLimit()
			if planned, err := folder.Planned(); err != nil {
				return err
			} else if planned != nil {
				gpus, limit = planned.GPUs, planned.GPUHoursLimit()
			}
			if !followed[folder.Dir] {
				c.Budget.Spent += folder.Cost(gpus, limit)
				followed[folder.Dir] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// countSearches gives each search of the plan its budget, with what attempts have cost,
// or may cost, that this campaign does not follow for it.
func (c *Campaign) countSearches() error {
	for _, s := range c.Plan.Searches {
		b := &Budget{Search: s.Name(), Max: s.MaxGPUHours}
		c.searches = append(c.searches, b)
		followed := c.followed(b)
		rounds, err := c.Store.Rounds(s.Benchmark, s.Label, s.Simulated)
		if err != nil {
			return err
		}
		err = c.Store.Charges(rounds, s.Simulated, func(job string, _ int, gpuHours float64) {
			if !followed[job] {
				b.Spent += gpuHours
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// followed are the folders of the jobs that concern a budget.
func (c *Campaign) followed(b *Budget) map[string]bool {
	folders := map[string]bool{}
	for _, j := range c.jobs {
		if j.folder != nil && b.concerns(j.run()) {
			folders[j.folder.Dir] = true
		}
	}
	return folders
}

// takeUpCancels finishes the cancels whose wish was written down and that did not
// live to see it done.
func (c *Campaign) takeUpCancels(ctx context.Context, b *Backend) {
	for _, t := range c.open {
		if t.backend != b || t.phase != active || !t.job.mine || t.stopping || !t.attempt.Cancelled() {
			continue
		}
		err := Cancel(ctx, []CancelRequest{{Attempt: t.attempt, Handle: t.job.handle, Backend: b}})
		if err == nil {
			err = c.judge(t)
		}
		if err != nil {
			c.Log.Warn("cannot cancel", "attempt", t.attempt, "error", err)
		}
	}
}

// preflight asks backends that can say so whether they would take the jobs that
// are to be submitted, once for each shape. A refusal is an error before
// anything is submitted; a backend that does not answer is asked again with the
// job itself.
func (c *Campaign) preflight(ctx context.Context) error {
	for _, j := range c.jobs {
		b := j.backend
		if b.Preflight == nil || j.phase != waiting {
			continue
		}
		j.render()
		shape := shapeOf(j.planned.Argv)
		if len(j.planned.Argv) == 0 || b.preflighted[shape] {
			continue
		}
		if b.preflighted == nil {
			b.preflighted = map[string]bool{}
		}
		b.preflighted[shape] = true // each question costs a job id and runs the site's plugins
		err := b.wouldTake(ctx, j.planned, j.run())
		switch {
		case errors.Is(err, ErrRejected):
			return fmt.Errorf("%s would be refused: %w", j.run().Address, err)
		case err != nil:
			c.Log.Warn("cannot ask whether jobs would be taken", "executor", b.Ref.Type, "error", err)
		}
	}
	return nil
}

// shapeOf is what decides whether a backend takes a job: all that is asked for but the
// job's name.
func shapeOf(argv []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(argv), func(word string) bool {
		return strings.Contains(word, plan.AttemptPlaceholder)
	}), "\x00")
}

// withMark fills in the place of the attempt.
func withMark(argv []string, mark string) []string {
	out := make([]string, len(argv))
	for i, word := range argv {
		out[i] = strings.ReplaceAll(word, plan.AttemptPlaceholder, mark)
	}
	return out
}
