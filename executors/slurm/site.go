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

	"github.com/llmbench/llmbench/executors"
)

// Probe asks the Slurm of this host, where there is one, for the name of the
// cluster and for what its sbatch lacks. Without Slurm the name is "" unless it
// is declared, and nothing is changed.
func (c *Config) Probe(ctx context.Context) (cluster string) {
	if _, err := exec.LookPath("sbatch"); err != nil {
		return c.Cluster
	}
	if c.Segment {
		help, err := call(ctx, 10*time.Second, "", "sbatch", "--help")
		if err == nil && !strings.Contains(help, "--segment") {
			c.Segment = false
		}
	}
	if c.Pack != nil {
		c.partitionTime = c.askPartitionTime(ctx)
	}
	if c.Cluster != "" {
		return c.Cluster
	}
	out, err := call(ctx, 10*time.Second, "", "scontrol", "show", "config")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(out) {
		if k, v, ok := strings.Cut(line, "="); ok && strings.TrimSpace(k) == "ClusterName" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// askPartitionTime asks for the longest time limit of the executor's partition, the
// default one where none is named; 0 where it is not known.
func (c *Config) askPartitionTime(ctx context.Context) time.Duration {
	out, err := call(ctx, 10*time.Second, "", "scontrol", "-o", "show", "partition")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(out) {
		fields := map[string]string{}
		for word := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(word, "=")
			fields[name] = value
		}
		if fields["PartitionName"] == c.Partition || c.Partition == "" && fields["Default"] == "YES" {
			return slurmDuration(fields["MaxTime"])
		}
	}
	return 0
}

// Available says why jobs cannot be submitted from this host, nil if they can.
func Available(ctx context.Context) error {
	for _, name := range []string{"sbatch", "squeue", "scancel", "scontrol"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not on this host: apply on a login node of the cluster, or rehearse with -executor=simulate", name)
		}
	}
	if _, err := call(ctx, 20*time.Second, "", "scontrol", "show", "config"); err != nil {
		var ce *commandError
		if errors.As(err, &ce) {
			return fmt.Errorf("the controller of Slurm does not answer: %w", err)
		}
		return err
	}
	return nil
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
		Executor:  New(c, log),
		Simulated: c.simulated(),
		Pace: executors.Pace{
			Look: min(time.Second, c.PollInterval/2), Poll: c.PollInterval, MaxInQueue: c.MaxInQueue,
			MaxPending: c.MaxPending, MaxStarting: c.MaxStarting, MaxQuiet: c.MaxQuiet,
			Grace: min(2*time.Minute, 10*c.PollInterval), Retries: c.Retries, Canary: c.Canary,
		},
		Adopt: true, Avoid: avoid, Packer: &target{c},
		LinksDir: c.ExperimentsDir, Links: recipeLinks,
	}
}
