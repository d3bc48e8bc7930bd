package executors

import (
	"fmt"

	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// A Budget bounds what the jobs of one apply, or of all applies of a saved plan, cost
// together, in GPU-hours. A job counts its GPUs times its time limit while it may
// still run, and its GPUs times the time that it held its nodes once it has ended.
// All rounds of an apply share one budget.
type Budget struct {
	// Max is the bound; 0 is none.
	Max float64
	// Spent is what jobs that ended have cost.
	Spent float64
	// Later is kept for samples that a later round may ask for.
	Later float64

	// Search is the search that the budget is of, as BENCHMARK/LABEL, "" for all jobs.
	Search string

	counted bool // Spent has what earlier applies of the plan have cost
}

// budgets are those that concern a run.
func (c *Campaign) budgets(run *plan.Run) []*Budget {
	out := []*Budget{c.Budget}
	for _, b := range c.searches {
		if b.concerns(run) {
			out = append(out, b)
		}
	}
	return out
}

// concerns reports whether a run counts in the budget.
func (b *Budget) concerns(run *plan.Run) bool {
	return b.Search == "" || b.Search == run.Asked.Search
}

// limits adds up what the jobs in a phase can cost at most that concern a budget.
func (c *Campaign) limits(b *Budget, in phase) float64 {
	if b.Max <= 0 {
		return 0 // nothing is held against it
	}
	sum := 0.0
	for _, j := range c.jobs {
		if j.phase == in && j.mine && b.concerns(j.run()) {
			sum += j.gpuHoursLimit()
		}
	}
	return sum
}

// retryLimits adds up what the jobs can cost at most that tasks without one will be put
// into together with another that is to be tried again.
func (c *Campaign) retryLimits(b *Budget, again *task) float64 {
	list := []*task{again}
	for _, t := range c.open {
		if t.phase == waiting && t.job.phase == done && b.concerns(t.run) {
			list = append(list, t)
		}
	}
	sum := 0.0
	for _, members := range jobsOf(list) {
		sum += gpuHoursLimit(members)
	}
	return sum
}

// exceeds says that a job of cost would exceed the budget together with what is
// spent and others; "" where it would not.
func (b *Budget) exceeds(others, cost float64) string {
	const rounding = 1e-6
	if sum := b.Spent + others + cost; b.Max > 0 && sum > b.Max+rounding {
		what := "the total"
		if b.Search != "" {
			what = "the search " + b.Search
		}
		return fmt.Sprintf("it could bring %s to %.1f GPU-hours, more than the allowed %.1f", what, sum, b.Max)
	}
	return ""
}

// affords reports whether a waiting job may be submitted now. One that may not waits
// for jobs in flight to cost less than their limits; where none is in flight, its tasks
// are given up.
func (c *Campaign) affords(j *job) bool {
	for _, b := range c.budgets(j.run()) {
		flying := c.limits(b, active)
		why := b.exceeds(flying, j.gpuHoursLimit())
		if why == "" {
			continue
		}
		for _, t := range j.in(waiting) {
			if flying == 0 {
				c.skip(t, "not started: "+why)
			} else if t.reason == "" {
				t.reason = why
				c.tell(t, RunState, Event{Text: "waits for jobs in flight to end: " + why})
			}
		}
		return false
	}
	return true
}

// mayRetry reports whether there may be another attempt at a task: by number, and
// by what all attempts may cost together.
func (c *Campaign) mayRetry(t *task) bool {
	if t.earlier+t.tries-t.deferrals > t.backend.Pace.Retries {
		return false
	}
	for _, b := range c.budgets(t.run) {
		others := c.limits(b, active) + c.limits(b, waiting) + b.Later
		if why := b.exceeds(others, c.retryLimits(b, t)); why != "" {
			c.tell(t, RunState, Event{Text: "no new attempt: " + why})
			return false
		}
	}
	return true
}

// run is one of the job's; all are of one search, or of none.
func (j *job) run() *plan.Run { return j.tasks[0].run }

// gpus is how many GPUs a job holds.
func (j *job) gpus() int {
	if j.planned != nil {
		return j.planned.GPUs
	}
	return j.tasks[0].run.Hardware.GPUs
}

// silentCost is what a job has cost that left no record of its start.
func (j *job) silentCost() float64 {
	limit := j.gpuHoursLimit()
	switch j.status.State {
	case plan.Intent, plan.Submitted, plan.Queued, plan.Held:
		return 0 // it never had nodes
	}
	if j.status.State == plan.Ended && !j.status.Started.IsZero() {
		end := j.status.Finished
		if end.IsZero() {
			end = j.since // when it was noticed
		}
		return min(limit, store.GPUHours(j.gpus(), j.status.Started, end))
	}
	return limit
}
