package executors

import (
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/results"
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

// limits adds up what the jobs in a phase can cost at most, but for that of one
// task.
func (c *Campaign) limits(in phase, but *task) float64 {
	sum := 0.0
	for _, t := range c.tasks {
		if t == but || t.phase != in || in == waiting && t.inPack() || in == active && (!t.mine || t.packed) {
			continue
		}
		sum += t.run.GPUHoursLimit()
	}
	for _, p := range c.packs {
		if p.phase == in {
			sum += p.gpuHoursLimit()
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

// affords reports whether the job of a waiting task, or of its pack, may be
// submitted now. One that may not waits for jobs in flight to cost less than
// their limits; where none is in flight, its tasks are given up.
func (c *Campaign) affords(cost float64, tasks ...*task) bool {
	flying := c.limits(active, nil)
	why := c.Budget.exceeds(flying, cost)
	for _, t := range tasks {
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

// cost is what the job of a task that ended has cost, in GPU-hours: by its own
// account, else by the backend's, else its limit.
func (t *task) cost(r *results.Result) float64 {
	if exit, err := t.attempt.Exit(); err == nil && exit != nil && !exit.Started.IsZero() {
		return gpuHours(t.run.Hardware.GPUs, exit.Started, exit.Ended)
	}
	if r.Job.Started != nil && r.Job.Ended != nil { // the end may have been noticed late
		return min(t.run.GPUHoursLimit(), gpuHours(t.run.Hardware.GPUs, *r.Job.Started, *r.Job.Ended))
	}
	return t.silentCost(t.run.Hardware.GPUs, t.run.GPUHoursLimit())
}

// silentCost is what a job has cost that left no word of its start.
func (s *submission) silentCost(gpus int, limit float64) float64 {
	switch s.status.State {
	case Intent, Submitted, Queued, Held:
		return 0 // it never had nodes
	}
	if s.status.State == Ended && !s.status.Started.IsZero() {
		end := s.status.Finished
		if end.IsZero() {
			end = s.since // when it was noticed
		}
		return min(limit, gpuHours(gpus, s.status.Started, end))
	}
	return limit
}

func gpuHours(gpus int, from, to time.Time) float64 {
	return float64(gpus) * max(0, to.Sub(from).Hours())
}

// gpuHoursLimit is what a pack can cost at most, also before it is rendered.
func (p *pack) gpuHoursLimit() float64 {
	if p.planned != nil {
		return p.planned.GPUHoursLimit()
	}
	sum := 0.0
	for _, t := range p.waits() {
		sum += t.run.GPUHoursLimit()
	}
	return sum
}
