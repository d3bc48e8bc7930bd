package slurm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/executors"
)

// Available implements executors.Scheduler.
func (c *Config) Available(ctx context.Context) error {
	for _, name := range []string{"sbatch", "squeue", "scancel", "scontrol"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not on this host: apply on a login node of the cluster, or rehearse with -executor=simulate", name)
		}
	}
	out, err := c.client(nil).config(ctx)
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

// fit adapts the executor to its cluster. It returns an error for what the block
// asks for and the cluster cannot give.
func (c *Config) fit() hcl.Diagnostics {
	p := c.profile
	for _, part := range c.partitions() {
		if part.MaxTime > c.partitionTime { // a job of several may run in any
			c.partitionTime = part.MaxTime
		}
	}
	why := c.keepsBlocks()
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
		Subject: &c.segmentLocation,
	}}
}

// Open configures an executor from what Spec decoded; place is that of Configure. Of a
// cluster that remembered knows by its name, it fills a Profile in and returns true:
// then nothing is asked unless that is old.
func Open(ctx context.Context, v cty.Value, location func(path ...string) hcl.Range, remembered func(cluster string, profile any) bool, log hclog.Logger) (*executors.Backend, hcl.Diagnostics) {
	c, diags := Configure(v, location)
	if diags.HasErrors() {
		return nil, diags
	}
	c.probe(ctx, remembered)
	return c.backend(log), append(diags, c.fit()...)
}

// Profile implements executors.Scheduler.
func (c *Config) Profile() any {
	if c.profile.Version == "" {
		return nil
	}
	return c.profile
}

// Offered are the first account and the first partition with GPUs that the cluster of
// this host tells of, "" for what it does not.
func Offered(ctx context.Context) (account, partition string) {
	p := (&Config{}).probe(ctx, nil)
	if names := p.accountNames(); len(names) > 0 {
		account = cmp.Or(p.DefaultAccount, names[0])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Partitions)) {
		if strings.Contains(p.Partitions[name].Gres, "gpu") {
			return account, name
		}
	}
	return account, ""
}

// backend is the executor as a campaign drives it. No more jobs are submitted at once
// than the cluster takes.
func (c *Config) backend(log hclog.Logger) *executors.Backend {
	e := newExecutor(c, log)
	e.know(c.profile)
	b := &executors.Backend{
		Executor: e, Scheduler: c, Renderer: c, Startup: c.Startup, Cluster: cmp.Or(c.Cluster, c.profile.Cluster), Simulated: c.simulated(),
		Pace: executors.Pace{
			Look: min(time.Second, c.PollInterval/2), Poll: c.PollInterval, MaxInQueue: c.window(),
			MaxPending: c.MaxPending, MaxStarting: c.MaxStarting, MaxQuiet: c.MaxQuiet,
			Grace: min(2*time.Minute, 10*c.PollInterval), Retries: c.Retries, Canary: c.Canary,
		},
		Adopt: true, Avoid: avoid, LinksDir: c.ExperimentsDir, Links: recipeLinks,
	}
	if c.InAllocation {
		b.Executor, b.Avoid = newInside(log, os.Environ()), nil
		b.Pace.MaxInQueue, b.Pace.Poll = 1, time.Second
	}
	return b
}
