package executors

import (
	"context"
	"fmt"
	"slices"
	"time"

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
		j.roomMayBe()
	}
	if r.Counts() {
		t.siblings.started = true
		c.tell(t, RunComplete, Event{Result: r})
		return
	}
	c.tell(t, RunErrored, Event{Result: r, Text: r.Cause()})
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
	node := r.Node()
	if node == "" && len(t.status.Nodes) == 1 && t.run.Hardware.Nodes == 1 && r.Code() != failure.Preempted {
		node = t.status.Nodes[0]
	}
	if node != "" {
		return c.leaveAlone(t, node, r.Cause())
	}
	if queue, ok := t.backend.Executor.(Queue); ok && r.Code() == failure.NodeFail && len(t.status.Nodes) > 0 {
		c.unnamed = append(c.unnamed, unnamedFailure{queue, t, t.status.Nodes, r.Cause()})
	}
	return nil
}

// elsewhere reports whether other nodes may do what this one failed at. What two nodes
// had is no node's fault: none of them is left alone for it.
func (c *Campaign) elsewhere(t *task, r *results.Result) (bool, error) {
	if !t.job.mine || r.Node() == "" {
		return false, nil
	}
	f := plan.Failed{Code: r.Code(), Detail: r.Cause(), Node: r.Node()}
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

// An unnamedFailure is one of a node among these.
type unnamedFailure struct {
	queue Queue
	task  *task
	nodes []string
	why   string
}

// findUnnamed keeps later jobs away from nodes that failed without being named.
func (c *Campaign) findUnnamed(ctx context.Context) error {
	for _, u := range c.unnamed {
		down, err := u.queue.Down(ctx, u.nodes)
		if err != nil {
			c.Log.Warn("cannot ask for nodes that are down", "nodes", u.nodes, "error", err)
		}
		for _, node := range down {
			if err := c.leaveAlone(u.task, node, u.why); err != nil {
				return err
			}
		}
	}
	c.unnamed = nil
	return nil
}

func (c *Campaign) leaveAlone(t *task, node, why string) error {
	c.tell(t, RunState, Event{Text: fmt.Sprintf("node %s is left alone for %s: %s", node, excludedFor, why)})
	return c.Store.Exclude(t.backend.Cluster, store.Exclusion{Node: node, Why: why, Until: time.Now().Add(excludedFor).UTC()})
}
