package slurm

import (
	"time"

	"github.com/llmbench/llmbench/plan"
)

// A Pack bounds the jobs that run several samples.
type Pack struct {
	MaxRuns int
	// MaxTime bounds the time limit, as the partition does.
	MaxTime time.Duration
}

var defaultPack = Pack{MaxRuns: 8, MaxTime: 4 * time.Hour}

func (r *reader) pack() *Pack {
	v, ok := r.get("pack")
	if !ok {
		return nil
	}
	in := r.in("pack", v)
	p := &Pack{MaxRuns: in.whole("max_runs", defaultPack.MaxRuns), MaxTime: in.duration("max_time", defaultPack.MaxTime)}
	if p.MaxRuns < 1 {
		in.wrong("max_runs", "Pack holds no run", "max_runs must be at least 1.")
	}
	if _, ok := in.get("side_by_side"); ok {
		in.wrong("side_by_side", "side_by_side was removed", "A job measures one run at a time. Delete side_by_side: the runs of a pack follow each other, and several jobs run at the same time, up to max_in_queue.")
	}
	r.diags = append(r.diags, in.diags...)
	return p
}

// checkPack refuses a pack block where its executor has no such jobs.
func (r *reader) checkPack(c *Config) {
	if c.Pack != nil && c.InAllocation {
		r.wrong("pack", "Packing inside an allocation", "in_allocation = true runs one after another in the allocation of the shell already: leave the pack block out.")
	}
}

// margin is for what goes on before, between and after the runs of a job of several: a
// run that meets its limit has a minute and a half to end.
const margin = 2 * time.Minute

// CanPack implements executors.Scheduler.
func (c *Config) CanPack() bool { return c.Pack == nil && !c.InAllocation }

// PackUpTo implements executors.Scheduler.
func (c *Config) PackUpTo(n int) string {
	if c.InAllocation {
		return "in_allocation = true runs one after another in the allocation of the shell already"
	}
	p := defaultPack
	if c.Pack != nil {
		p = *c.Pack
	}
	p.MaxRuns = n
	c.Pack = &p
	return ""
}

// Packing implements plan.JobRenderer.
func (c *Config) Packing() *plan.Packing {
	if c.Pack == nil || c.Pack.MaxRuns == 1 {
		return nil
	}
	longest := c.Pack.MaxTime
	if c.partitionTime > 0 {
		longest = min(longest, c.partitionTime)
	}
	return &plan.Packing{MaxRuns: c.Pack.MaxRuns, MaxTime: longest, Margin: margin}
}

// container says what the runs of a job of several share.
func (c *Config) container(runs int) *string {
	word := "fresh"
	switch {
	case c.Container == nil || runs == 1:
		return nil
	case c.Container.shared():
		word = "shared"
	}
	return &word
}
