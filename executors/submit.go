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
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
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

// room is how many more jobs the queue of each backend takes.
func (c *Campaign) room() map[*Backend]int {
	free := map[*Backend]int{}
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

// stageAhead begins to make the folders of the next jobs of a list, as many as may be
// submitted and whose data sets were checked.
func (c *Campaign) stageAhead(list []*job, free map[*Backend]int, now time.Time) {
	taken := map[*Backend]int{}
	for _, j := range list[:min(len(list), lookAhead)] {
		if j.phase != waiting || now.Before(j.notBefore) || j.planned == nil || len(j.planned.Runs) != len(j.in(waiting)) {
			continue
		}
		if taken[j.backend]++; taken[j.backend] > free[j.backend] || j.staging != nil {
			continue
		}
		var data []string
		for _, t := range j.in(waiting) {
			d, ok := c.FindDataset(t.run)
			if path, err := filepath.Abs(d.Path); ok && err == nil && c.Store.DatasetChecked(d) {
				data = append(data, path)
			}
		}
		if len(data) == len(j.in(waiting)) {
			c.stage(j, data)
		}
	}
}

// datasetChanged says why a data set of the user's own cannot be sent, "" where it is
// what was planned, or is not of the user's own.
func (c *Campaign) datasetChanged(run *plan.Run) string {
	if run.Dataset.Generator != nil {
		return ""
	}
	d, _ := c.FindDataset(run)
	if err := c.Store.CheckDataset(d); err != nil {
		return fmt.Sprintf("the data set is not what was planned: %v; restore the file, or plan again", err)
	}
	return ""
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
	j.retryLater()
	why := "submission not confirmed: "
	if j.limited = errors.Is(err, ErrLimit); j.limited {
		why = "waits: "
	} else {
		c.Log.Warn("submission not confirmed", "address", j.run().Address, "error", err)
	}
	c.tell(j.tasks[0], RunState, Event{Text: why + trimError(err)})
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
	if j.backend.Avoid == nil {
		return job, nil
	}
	failed, err := c.Store.Excluded(j.backend.Cluster)
	var nodes []string
	for _, e := range failed {
		nodes = append(nodes, e.Node)
	}
	job.Argv = j.backend.Avoid(job.Argv, nodes)
	return job, err
}

// trimError is what a command said, on one line.
func trimError(err error) string {
	return strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", " "))
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

// Dataset returns the absolute path of a run's data set, whose content was checked.
// One that is ours is generated where it is not there, or not what it should be.
func (c *Campaign) Dataset(ctx context.Context, run *plan.Run) (string, error) {
	if d, ok := c.FindDataset(run); ok {
		if bytes, long := c.Store.Unchecked(d); long {
			c.tell(&task{run: run}, RunProgress, Event{Text: fmt.Sprintf("reading its data set, %.1f GiB", float64(bytes)/(1<<30))})
		}
	}
	if run.Dataset.Generator == nil {
		if why := c.datasetChanged(run); why != "" {
			return "", errors.New(why)
		}
		return filepath.Abs(*run.Dataset.Path)
	}
	shape := c.shape(run)
	path, _, err := c.Store.EnsureDataset(ctx, shape, func(lines int) {
		c.tell(&task{run: run}, RunProgress, Event{Done: lines, Total: shape.Lines, Text: "writing data set"})
	})
	if err != nil {
		return "", fmt.Errorf("data set of %s: %w", run.Address, err)
	}
	return filepath.Abs(path)
}

// FindDataset returns a run's data set if it is there, without a look at its content.
func (c *Campaign) FindDataset(run *plan.Run) (store.Dataset, bool) {
	if own := run.Dataset; own.Generator == nil {
		_, err := os.Stat(*own.Path)
		d := store.Dataset{Path: *own.Path, Lines: own.Lines}
		if own.SHA256 != nil {
			d.SHA256 = *own.SHA256
		}
		return d, err == nil
	}
	return c.Store.FindDataset(c.shape(run))
}

// shape is the shape of a run's generated data set.
func (c *Campaign) shape(run *plan.Run) trtllm.Shape {
	shape := plan.Shape(*run.UseCase.ISL, *run.UseCase.OSL, *run.UseCase.ISLStdev, *run.UseCase.OSLStdev, *run.Dataset.Seed, run.Dataset.Lines)
	shape.Vocab, shape.EOS = c.Vocabulary(run)
	return shape
}
