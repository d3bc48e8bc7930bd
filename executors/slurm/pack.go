package slurm

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
)

//go:embed pack.sh
var packTemplate string

//go:embed clock.sh
var clockPart string

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

// packMargin is for what goes on before, between and after the runs of a pack: a
// run that meets its limit has a minute and a half to end.
const packMargin = 2 * time.Minute

// PackUpTo makes the executor pack up to n runs into a job, whatever its block
// says.
func (c *Config) PackUpTo(n int) {
	p := defaultPack
	if c.Pack != nil {
		p = *c.Pack
	}
	p.MaxRuns = n
	c.Pack = &p
}

// Packing implements plan.Packer.
func (t *target) Packing() *plan.Packing {
	if t.Pack == nil || t.Pack.MaxRuns == 1 {
		return nil
	}
	longest := t.Pack.MaxTime
	if t.partitionTime > 0 {
		longest = min(longest, t.partitionTime)
	}
	return &plan.Packing{MaxRuns: t.Pack.MaxRuns, MaxTime: longest, Margin: packMargin}
}

// Member implements plan.Packer: the script is run by the pack's, which keeps its
// time limit.
func (t *target) Member(run *plan.Run) (plan.Job, error) {
	script, err := t.script(run, true)
	argv := slices.Insert(insideArgv(run.TimeLimitSeconds), 1, "--foreground") // it stays among the job's processes
	return plan.Job{Name: jobName(run), Argv: argv, Script: &script, PackedWith: []string{}}, err
}

// PackJob implements plan.Packer.
func (t *target) PackJob(runs []*plan.Run) (*plan.Pack, error) {
	if len(runs) == 0 {
		panic("slurm: a pack of no runs")
	}
	limit := int(plan.Packing{Margin: packMargin}.Limit(runs) / time.Second)
	sum, lines := sha256.New(), []string{}
	pack := &plan.Pack{Container: t.container(), GPUs: runs[0].Hardware.GPUs, TimeLimitSeconds: limit}
	for _, r := range runs {
		fmt.Fprintln(sum, r.Fingerprint)
		lines = append(lines, fmt.Sprintf("%d %s", r.TimeLimitSeconds, r.Address))
		pack.Runs = append(pack.Runs, r.Address)
	}
	pack.Name = packPrefix + hex.EncodeToString(sum.Sum(nil))[:12]
	pack.Argv = t.submission(runs[0], pack.Name, limit)
	pack.Script = render(packTemplate, map[string]string{
		"COMMON": strings.TrimRight(commonPart, "\n"), "CLOCK": render(strings.TrimRight(clockPart, "\n"), map[string]string{"LIMIT": strconv.Itoa(limit)}),
		"NAME":   pack.Name,
		"RUNS":   strings.Join(lines, "\n"),
		"MARGIN": strconv.Itoa(int(packMargin / time.Second)),
		"KEEPER": t.keeper(runs[0].Hardware.Nodes),
	})
	return pack, nil
}

// container says what the runs of a pack share.
func (t *target) container() *string {
	word := "fresh"
	switch {
	case t.Container == nil:
		return nil
	case t.Container.shared():
		word = "shared"
	}
	return &word
}

// packPrefix begins the names of the jobs of packs.
const packPrefix = namePrefix + "pack-"
