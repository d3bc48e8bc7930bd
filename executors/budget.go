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

// spend counts what a job that has ended cost.
func (c *Campaign) spend(j *job) {
	cost := j.folder.Cost(j.gpus(), j.gpuHoursLimit())
	for _, b := range c.budgets(j.run()) {
		b.Spent += cost
	}
}

// countSearches gives each search of the plan its budget, with what attempts have cost,
// or may cost, that this campaign does not follow for it.
func (c *Campaign) countSearches() error {
	for _, s := range c.Plan.Searches {
		b := &Budget{Search: s.Name(), Max: s.MaxGPUHours}
		c.searches = append(c.searches, b)
		followed := map[string]bool{}
		for _, j := range c.jobs {
			if j.folder != nil && b.concerns(j.run()) {
				followed[j.folder.Dir] = true
			}
		}
		rounds, err := c.Store.Rounds(s.Benchmark, s.Label, s.Simulated)
		if err != nil {
			return err
		}
		charges, err := c.Store.Charges(rounds, s.Simulated)
		if err != nil {
			return err
		}
		for _, charge := range charges {
			if !followed[charge.Dir] {
				b.Spent += charge.GPUHours
			}
		}
	}
	return nil
}

// countEarlier adds what jobs of earlier applies of the same saved plan have cost
// that this campaign does not follow.
func (c *Campaign) countEarlier() error {
	if c.Saved == "" || c.Budget.counted {
		return nil
	}
	c.Budget.counted = true
	followed := map[string]bool{}
	for _, j := range c.jobs {
		if j.folder != nil {
			followed[j.folder.Dir] = true
		}
	}
	for _, run := range c.Plan.Runs {
		b := c.Backends[run.Executor]
		attempts, err := c.Store.Attempts(store.Key{Fingerprint: run.Fingerprint, Cluster: b.Cluster, Simulated: b.Simulated})
		if err != nil {
			return err
		}
		for _, a := range attempts {
			intent, err := a.Intent()
			if err != nil {
				return err
			}
			if intent == nil || intent.Plan != c.Saved {
				continue
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
		}
	}
	return nil
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
