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
	sum, lines, addresses := sha256.New(), []string{}, []string{}
	for _, r := range runs {
		fmt.Fprintln(sum, r.Fingerprint)
		lines = append(lines, fmt.Sprintf("%d %s", r.TimeLimitSeconds, r.Address))
		addresses = append(addresses, r.Address)
	}
	name := packPrefix + hex.EncodeToString(sum.Sum(nil))[:12]
	limit := int(plan.Packing{Margin: packMargin}.Limit(runs) / time.Second)
	return &plan.Pack{
		Name: name, Runs: addresses, GPUs: runs[0].Hardware.GPUs, TimeLimitSeconds: limit,
		Container: t.container(), Argv: t.sbatch(runs[0], name, limit),
		Script: strings.NewReplacer(
			"@COMMON@", strings.TrimRight(commonPart, "\n"), "@CLOCK@", clock(limit),
			"@NAME@", name,
			"@RUNS@", strings.Join(lines, "\n"),
			"@MARGIN@", strconv.Itoa(int(packMargin/time.Second)),
			"@CLEAN@\n", t.clean(runs[0]),
		).Replace(packTemplate),
	}, nil
}

// clock finds out when an allocation with a limit in seconds ends.
func clock(limit int) string {
	return strings.ReplaceAll(strings.TrimRight(clockPart, "\n"), "@LIMIT@", strconv.Itoa(limit))
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

// clean removes the container that the runs have shared, where the site's pyxis
// keeps it beyond the job.
func (t *target) clean(run *plan.Run) string {
	if !t.Container.shared() {
		return ""
	}
	remove := `command -v enroot >/dev/null && for name in "pyxis_$0" "pyxis_${SLURM_JOB_ID}_$0"; do enroot remove -f "$name"; done`
	return fmt.Sprintf("[ -z \"$signal\" ] && srun --overlap --nodes=%d --ntasks=%[1]d --ntasks-per-node=1 --mpi=none --mem=0 --input=none --output=/dev/null --error=/dev/null bash -c %[2]s \"%[3]s\"\n",
		run.Hardware.Nodes, quote(remove), sharedContainer)
}
