package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/executors"
)

// probeTimeout is how long one question to the cluster may take.
const probeTimeout = 15 * time.Second

// client talks to the cluster of the executor's block.
func (c *Config) client() *client { return &client{c.Cluster, c.commands()} }

// Available says why jobs cannot be submitted from this host, nil if they can.
func (c *Config) Available(ctx context.Context) error {
	for _, name := range []string{"sbatch", "squeue", "scancel", "scontrol"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not on this host: apply on a login node of the cluster, or rehearse with -executor=simulate", name)
		}
	}
	out, err := c.client().config(ctx)
	var ce *commandError
	switch {
	case err == nil, strings.Contains(out, "ClusterName"):
		return nil
	case errors.As(err, &ce) && strings.Contains(strings.ToLower(ce.stderr), "rate limit exceeded"):
		return nil // the controller answers, and all that follows waits for its turn
	case errors.As(err, &ce):
		return fmt.Errorf("the controller of Slurm does not answer on this host: apply on a login node of the cluster, or rehearse with -executor=simulate.\n%w", err)
	}
	return err
}

// Fit adapts the executor to its cluster. It returns an error for what the block
// asks for and the cluster cannot give.
func (c *Config) Fit(p *Profile) hcl.Diagnostics {
	for _, part := range c.partitions(p) {
		if part.MaxTime > c.partitionTime { // a job of several may run in any
			c.partitionTime = part.MaxTime
		}
	}
	why := c.keepsBlocks(p)
	if c.segment == nil {
		c.Segment = why == ""
		return nil
	}
	c.Segment = *c.segment
	if !c.Segment || why == "" || p.Version == "" {
		return nil
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Slurm keeps no job in one block here",
		Detail:  fmt.Sprintf("segment = true, and %s: sbatch would refuse --segment or ignore it. Leave segment out, or choose a partition with block topology.", why),
		Subject: &c.segmentPlace,
	}}
}

// Backend is the executor as a campaign drives it.
func (c *Config) Backend(log hclog.Logger) *executors.Backend {
	b := c.backend(log)
	if c.InAllocation {
		b.Executor, b.Avoid = newInside(log, os.Environ()), nil
		b.Pace.MaxInQueue, b.Pace.Poll = 1, time.Second
	}
	return b
}

func (c *Config) backend(log hclog.Logger) *executors.Backend {
	return &executors.Backend{
		Executor:  newExecutor(c, log),
		Simulated: c.simulated(),
		Pace: executors.Pace{
			Look: min(time.Second, c.PollInterval/2), Poll: c.PollInterval, MaxInQueue: c.MaxInQueue,
			MaxPending: c.MaxPending, MaxStarting: c.MaxStarting, MaxQuiet: c.MaxQuiet,
			Grace: min(2*time.Minute, 10*c.PollInterval), Retries: c.Retries, Canary: c.Canary,
		},
		Adopt: true, Avoid: avoid, Target: c.Target(),
		LinksDir: c.ExperimentsDir, Links: recipeLinks,
	}
}
