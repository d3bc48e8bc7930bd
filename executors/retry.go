package executors

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// excludedFor is how long a node that failed is left alone.
const excludedFor = 12 * time.Hour

// judge ends a task whose attempt has ended.
func (c *Campaign) judge(t *task) error {
	result, err := t.attempt.Result()
	if err != nil || result == nil {
		return err
	}
	return c.judged(t, result)
}

// judged ends a task with its result, or gives it a new attempt when the infrastructure
// failed and the budget allows.
func (c *Campaign) judged(t *task, result *results.Result) (err error) {
	if err := t.attempt.Condense(); err != nil { // both files are read, and the next apply tries again
		c.Log.Warn("cannot make the records of requests smaller", "attempt", t.attempt, "error", err)
	}
	if !result.Counts() {
		t.job.failed = append(t.job.failed, t.attempt.Dir)
	}
	if err := c.closeJob(t.job); err != nil { // what it has cost decides on another attempt
		return err
	}
	again := result.Code().Entry().Retry == failure.Anywhere
	if result.Code().Entry().Retry == failure.Elsewhere {
		if again, err = c.elsewhere(t, result); err != nil {
			return err
		}
	}
	if result.Counts() || !t.job.mine || !again {
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
		t.left = t.job.handle
	}
	t.again()
	return nil
}

func (c *Campaign) complete(t *task, r *results.Result) {
	t.phase, t.result = done, r
	for _, j := range c.jobs {
		if j.limited { // there may be room in the queue
			j.limited, j.backoff, j.notBefore = false, 0, time.Time{}
		}
	}
	if r.Counts() {
		t.siblings.started = true
		c.tell(t, RunComplete, Event{Result: r})
		return
	}
	c.tell(t, RunErrored, Event{Result: r, Text: r.Cause()})
}

// closeJob ends a job that has left its exit record: a member that it has not begun is
// given back, one that it has begun and not ended is lost.
func (c *Campaign) closeJob(j *job) error {
	if j.phase != active {
		return nil
	}
	if !j.mine {
		j.phase = done // nothing else is known of it
		return nil
	}
	exit, ended, over, err := j.folder.EndRecords()
	if err != nil || !over {
		return err
	}
	if j.over.IsZero() {
		j.over = time.Now()
	}
	end := jobdir.EndRecord{Code: string(failure.Lost), Detail: "the pack's job ended and the run left no exit record", JobID: JobID(j.handle)}
	wait := j.backend.Pace.Grace
	if ended != nil {
		end, wait = *ended, 0
	}
	open, err := settle(j.folder, end, time.Since(j.over) >= wait)
	if err != nil || open {
		return err
	}
	j.phase = done
	c.spend(j)
	if exit == nil && j.status.State != plan.Ended {
		return nil // a script may still write
	}
	members, err := j.folder.Members()
	for _, a := range members {
		if err := a.Redact(); err != nil {
			c.Log.Warn("cannot remove secrets from logs", "attempt", a, "error", err)
		}
	}
	return err
}

// settle gives back the members of a job that were never begun and, if it is time,
// records how the others ended that have no outcome. open says that one of these is
// waited for.
func settle(folder *store.Job, end jobdir.EndRecord, due bool) (open bool, err error) {
	flying, err := folder.InFlight()
	if err != nil {
		return false, err
	}
	for _, a := range flying {
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

// spend counts what a job that has ended cost.
func (c *Campaign) spend(j *job) {
	cost := j.folder.Cost(j.gpus(), j.gpuHoursLimit())
	for _, b := range c.budgets(j.run()) {
		b.Spent += cost
	}
}

// again puts a task back to be submitted in a new attempt, once its job has ended.
func (t *task) again() {
	t.phase, t.attempt, t.status = waiting, nil, Status{}
	t.announced, t.stopping = false, false
	t.done, t.said, t.quiet = 0, "", quiet{}
}

// blame keeps later jobs away from a node that a failure names. Where it names none
// the cluster is asked before anything more is submitted.
func (c *Campaign) blame(t *task, r *results.Result) error {
	node := r.Main().Node
	if node == "" && len(t.status.Nodes) == 1 && t.run.Hardware.Nodes == 1 && r.Code() != failure.Preempted {
		node = t.status.Nodes[0]
	}
	if node != "" {
		return c.leaveAlone(t, node, r.Cause())
	}
	queue, ok := t.backend.Executor.(Queue)
	if nodes := t.status.Nodes; ok && r.Code() == failure.NodeFail && len(nodes) > 0 {
		c.unnamed = append(c.unnamed, func(ctx context.Context) error {
			down, err := queue.Down(ctx, nodes)
			if err != nil {
				c.Log.Warn("cannot ask for nodes that are down", "nodes", nodes, "error", err)
			}
			for _, node := range down {
				if err := c.leaveAlone(t, node, r.Cause()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return nil
}

// elsewhere reports whether other nodes may do what this one failed at. What two nodes
// had is no node's fault: none of them is left alone for it.
func (c *Campaign) elsewhere(t *task, r *results.Result) (bool, error) {
	if !t.job.mine || r.Main().Node == "" {
		return false, nil
	}
	f := plan.Failed{Code: r.Code(), Detail: r.Cause(), Node: r.Main().Node}
	t.failed = append(t.failed, f)
	known := t.run.State
	known.Earlier = slices.Concat(known.Earlier, t.failed)
	other := known.AlsoElsewhere(f)
	if other == "" {
		return true, nil
	}
	c.tell(t, RunState, Event{Text: fmt.Sprintf("%s on node %s as before on %s: it is not the node's, and %s is used again", f.Code, f.Node, other, other)})
	return false, c.Store.Exclude(t.backend.Cluster, store.Exclusion{Node: other, Why: "the node was not at fault", Until: time.Now().UTC()})
}

func (c *Campaign) leaveAlone(t *task, node, why string) error {
	c.tell(t, RunState, Event{Text: fmt.Sprintf("node %s is left alone for %s: %s", node, excludedFor, why)})
	return c.Store.Exclude(t.backend.Cluster, store.Exclusion{Node: node, Why: why, Until: time.Now().Add(excludedFor).UTC()})
}

// grace is how long a job's exit record may take. A job that was killed from
// outside is not likely to leave one.
func (b *Backend) grace(end failure.Code) time.Duration {
	if end == "" || end == failure.TimeLimit {
		return b.Pace.Grace
	}
	return min(b.Pace.Grace, 5*time.Second)
}

func endDetail(s Status) string {
	d := s.Raw
	if s.Reason != "" && s.Reason != "None" {
		d = strings.TrimPrefix(d+", "+s.Reason, ", ")
	}
	if s.ExitCode != "" {
		d += ", exit code " + s.ExitCode
	}
	if s.End == "" || s.End == failure.Lost {
		d += ": the job left no exit record"
	}
	return d
}

// endRecord is how the job, or a member of it, ended that left no record of its own.
func (j *job) endRecord(s Status, code failure.Code, detail string) jobdir.EndRecord {
	hours := j.silentCost()
	return jobdir.EndRecord{
		Code: string(code), Detail: detail, JobID: s.JobID, Raw: s.Raw, Nodes: s.Nodes, Suspended: s.Suspended, Time: time.Now().UTC(), GPUHours: &hours,
	}
}

// end writes down how an attempt ended, and judges it.
func (c *Campaign) end(t *task, code failure.Code, detail string) error {
	if err := t.attempt.RecordEnd(t.job.endRecord(t.status, code, detail)); err != nil {
		return err
	}
	return c.judge(t)
}

// endJob writes down how a job ended. What becomes of its members is for
// closeJob to say.
func (c *Campaign) endJob(j *job, code failure.Code, detail string) error {
	if err := j.folder.RecordEnd(j.endRecord(j.status, code, detail)); err != nil {
		return err
	}
	for _, t := range j.in(active) {
		if err := c.judge(t); err != nil {
			return err
		}
	}
	return nil
}

// recordTime is for how long the store may refuse to take down how a job ended. The
// polls in between try again.
const recordTime = 2 * time.Minute

// unrecorded notes that the store did not take down what became of a job. Where it goes
// on to refuse, the campaign ends.
func (c *Campaign) unrecorded(j *job, err error) {
	c.Log.Error("cannot record how a job ended", "job", JobID(j.handle), "error", err)
	if j.unrecorded.IsZero() {
		j.unrecorded = time.Now()
	}
	if time.Since(j.unrecorded) >= recordTime {
		c.refused = fmt.Errorf("cannot record how job %s ended: %w. What was written before is whole and jobs keep running. Free space in %s or make it writable, then run apply again: it resumes what is left", JobID(j.handle), err, c.Store.Dir())
	}
}
