package executors

import (
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// A Budget bounds what the jobs of one apply cost together, in GPU-hours. A job
// counts its GPUs times its time limit while it may still run, and its GPUs times
// the time that it held its nodes once it has ended. All rounds of an apply share
// one budget.
type Budget struct {
	// Max is the bound; 0 is none.
	Max float64
	// Spent is what jobs that ended have cost.
	Spent float64
	// Later is kept for samples that a later round may ask for.
	Later float64
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

// cost is what a job has cost, in GPU-hours: all that it held, to its end, by its own
// account, else by the backend's, else its limit.
func (j *job) cost(exit *jobdir.Exit, ended *jobdir.EndRecord) float64 {
	gpus, limit := j.tasks[0].run.Hardware.GPUs, j.gpuHoursLimit()
	if j.planned != nil {
		gpus = j.planned.GPUs
	}
	if exit != nil && !exit.Started.IsZero() {
		return gpuHours(gpus, exit.Started, exit.Ended)
	}
	if start, err := j.folder.Start(); err == nil && start != nil {
		if exit != nil {
			return gpuHours(gpus, start.Time, exit.Ended)
		} else if ended != nil { // the end may have been noticed late
			return min(limit, gpuHours(gpus, start.Time, ended.Time))
		}
	}
	switch j.status.State {
	case Intent, Submitted, Queued, Held:
		return 0 // it never had nodes
	}
	if j.status.State == Ended && !j.status.Started.IsZero() {
		end := j.status.Finished
		if end.IsZero() {
			end = j.since // when it was noticed
		}
		return min(limit, gpuHours(gpus, j.status.Started, end))
	}
	return limit
}

func gpuHours(gpus int, from, to time.Time) float64 {
	return float64(gpus) * max(0, to.Sub(from).Hours())
}
