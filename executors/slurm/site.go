package slurm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/time/rate"

	"github.com/llmbench/llmbench/executors"
)

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
		Executor: e, Preflight: e.Preflight, Scheduler: c, Renderer: c, Startup: c.Startup, Cluster: cmp.Or(c.Cluster, c.profile.Cluster), Simulated: c.simulated(),
		Pace: executors.Pace{
			Look: min(time.Second, c.PollInterval/2), Poll: c.PollInterval, MaxInQueue: c.window(),
			MaxPending: c.MaxPending, MaxStarting: c.MaxStarting, MaxQuiet: c.MaxQuiet,
			Grace: min(2*time.Minute, 10*c.PollInterval), Retries: c.Retries, Canary: c.Canary,
		},
		Adopt: true, Avoid: avoid, LinksDir: c.ExperimentsDir, Links: recipeLinks,
	}
	if c.InAllocation {
		inside := &inside{os.Environ()}
		b.Executor, b.Preflight, b.Avoid = inside, inside.Preflight, nil
		b.Pace.MaxInQueue, b.Pace.Poll = 1, time.Second
	}
	return b
}

// newExecutor returns an executor for cfg.
func newExecutor(cfg *Config, log hclog.Logger) *Executor {
	return &Executor{
		cfg: cfg, log: log, slurm: cfg.client(cfg.bucket(burst)),
		shared:      newSharedQueue(cfg.Cluster, cfg.PollInterval*3/4),
		AdoptWindow: adoptWindow(10 * time.Second), LostAfter: min(2*time.Minute, max(5*time.Second, 4*cfg.PollInterval)),
		tried: map[string]time.Time{}, denied: map[string]bool{}, alone: map[string]bool{}, absent: map[executors.Handle]time.Time{},
	}
}

// adoptWindow is two of Slurm's MessageTimeout and half a minute for a controller
// that is busy.
func adoptWindow(messageTimeout time.Duration) time.Duration {
	return 2*messageTimeout + 30*time.Second
}

// know takes over what the cluster is known to be. Unless the executor's block
// says how fast to go, one that limits how fast its users ask is asked half as
// often as it allows, since the steps of jobs count too, and one that does not has
// its window filled at once.
func (e *Executor) know(p *Profile) {
	switch {
	case p.Version == "" || e.cfg.paced:
	case p.RateLimited:
		e.slurm.bucket = rate.NewLimiter(rate.Limit(p.RateRefill/2), max(1, p.RateBucket/2))
	default:
		e.slurm.bucket = e.cfg.bucket(burst + e.cfg.MaxInQueue)
	}
	if p.MessageTimeout > 0 {
		e.AdoptWindow = adoptWindow(time.Duration(p.MessageTimeout) * time.Second)
	}
}
