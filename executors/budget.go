package executors

import (
	"errors"
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/runs"
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

	counted bool // Spent has what earlier applies of the plan have cost
}

// limits adds up what the jobs in a phase can cost at most, and for those that wait
// what the tasks can that have none yet, but for one.
func (c *Campaign) limits(in phase, but *task) float64 {
	sum := 0.0
	for _, j := range c.jobs {
		if j.phase == in && j.mine {
			sum += j.gpuHoursLimit()
		}
	}
	for _, t := range c.open {
		if in == waiting && t.phase == waiting && t != but && t.job.phase == done {
			sum += t.run.GPUHoursLimit()
		}
	}
	return sum
}

// exceeds says that a job of cost would exceed the budget together with what is
// spent and others; "" where it would not.
func (b *Budget) exceeds(others, cost float64) string {
	const rounding = 1e-6
	if sum := b.Spent + others + cost; b.Max > 0 && sum > b.Max+rounding {
		return fmt.Sprintf("it could bring the total to %.1f GPU-hours, more than the %.1f that are allowed", sum, b.Max)
	}
	return ""
}

// affords reports whether a waiting job may be submitted now. One that may not waits
// for jobs in flight to cost less than their limits; where none is in flight, its tasks
// are given up.
func (c *Campaign) affords(j *job) bool {
	flying := c.limits(active, nil)
	why := c.Budget.exceeds(flying, j.gpuHoursLimit())
	for _, t := range j.in(waiting) {
		switch {
		case why == "":
		case flying == 0:
			c.skip(t, "not started: "+why)
		case t.reason == "":
			t.reason = why
			c.tell(t, RunState, Event{Text: "waits for jobs in flight to end: " + why})
		}
	}
	return why == ""
}

// mayRetry reports whether there may be another attempt at a task: by number, and
// by what all attempts may cost together.
func (c *Campaign) mayRetry(t *task) bool {
	if t.tries-t.deferrals > t.backend.Pace.Retries {
		return false
	}
	others := c.limits(active, t) + c.limits(waiting, t) + c.Budget.Later
	why := c.Budget.exceeds(others, t.run.GPUHoursLimit())
	if why != "" {
		c.tell(t, RunState, Event{Text: "no new attempt: " + why})
	}
	return why == ""
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
		attempts, err := c.Store.Attempts(runs.Key{Fingerprint: run.Fingerprint, Cluster: b.Cluster, Simulated: b.Simulated})
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
				c.Budget.Spent += cost(folder.Folder, gpus, limit)
				followed[folder.Dir] = true
			}
		}
	}
	return nil
}

// cost is what the job of a folder has cost, in GPU-hours: by its own account, else
// by the backend's, else its limit.
func cost(f jobdir.Folder, gpus int, limit float64) float64 {
	exit, errExit := f.Exit()
	start, errStart := f.Start()
	ended, errEnded := f.Ended()
	claim, errClaim := f.Claim()
	switch {
	case errors.Join(errExit, errStart, errEnded, errClaim) != nil:
		return limit
	case exit != nil && !exit.Started.IsZero():
		return gpuHours(gpus, exit.Started, exit.Ended)
	case exit != nil && start != nil:
		return gpuHours(gpus, start.Time, exit.Ended)
	case ended == nil:
		return limit
	case start != nil: // the end may have been noticed late
		return min(limit, gpuHours(gpus, start.Time, ended.Time))
	case ended.GPUHours != nil:
		return min(limit, *ended.GPUHours)
	case claim == nil && f.Cancelled():
		return 0 // before it had nodes
	}
	return limit
}

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
	case Intent, Submitted, Queued, Held:
		return 0 // it never had nodes
	}
	if j.status.State == Ended && !j.status.Started.IsZero() {
		end := j.status.Finished
		if end.IsZero() {
			end = j.since // when it was noticed
		}
		return min(limit, gpuHours(j.gpus(), j.status.Started, end))
	}
	return limit
}

func gpuHours(gpus int, from, to time.Time) float64 {
	return float64(gpus) * max(0, to.Sub(from).Hours())
}
