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

//go:embed slots.sh
var slotsPart string

// A Pack bounds the jobs that run several samples.
type Pack struct {
	MaxRuns int
	// MaxTime bounds the time limit, as the partition does.
	MaxTime time.Duration
	// SideBySide is how many runs are measured at once at most, each on nodes of
	// its own.
	SideBySide int
}

var defaultPack = Pack{MaxRuns: 8, MaxTime: 4 * time.Hour, SideBySide: 1}

// room is what a partition lets packs have: its longest time limit and its nodes,
// 0 where that is not known.
type room struct {
	time  time.Duration
	nodes int
}

func (r *reader) pack() *Pack {
	v, ok := r.get("pack")
	if !ok {
		return nil
	}
	in := r.in("pack", v)
	p := &Pack{
		MaxRuns: in.whole("max_runs", defaultPack.MaxRuns), MaxTime: in.duration("max_time", defaultPack.MaxTime),
		SideBySide: in.whole("side_by_side", defaultPack.SideBySide),
	}
	if p.MaxRuns < 1 {
		in.wrong("max_runs", "Pack holds no run", "max_runs must be at least 1.")
	}
	switch {
	case p.SideBySide < 1:
		in.wrong("side_by_side", "Pack holds no run", "side_by_side must be at least 1: one run after another.")
	case p.SideBySide > max(1, p.MaxRuns):
		in.wrong("side_by_side", "Pack is wider than long", fmt.Sprintf("side_by_side = %d and max_runs = %d: max_runs is how many runs one job has in all, so that %[1]d cannot be measured at once. Raise max_runs, or lower side_by_side.", p.SideBySide, p.MaxRuns))
	}
	r.diags = append(r.diags, in.diags...)
	return p
}

// checkPack refuses a pack block where its executor has no such jobs.
func (r *reader) checkPack(c *Config) {
	switch {
	case c.Pack == nil:
	case c.InAllocation:
		r.wrong("pack", "Packing inside an allocation", "in_allocation = true runs one after another in the allocation of the shell already: leave the pack block out.")
	case c.sideBySide() && !c.Exclusive:
		r.wrong("exclusive", "Nodes are shared", fmt.Sprintf("side_by_side = %d needs whole nodes, so that runs that are measured at once share none, and exclusive = false lets others onto them. Leave one of the two out.", c.Pack.SideBySide))
	}
}

// sideBySide reports whether runs of a pack may be measured at once.
func (c *Config) sideBySide() bool { return c.Pack != nil && c.Pack.SideBySide > 1 }

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
	p.MaxRuns, p.SideBySide = n, min(p.SideBySide, n)
	c.Pack = &p
}

// Packing implements plan.Packer.
func (t *target) Packing() *plan.Packing {
	if t.Pack == nil || t.Pack.MaxRuns == 1 {
		return nil
	}
	longest := t.Pack.MaxTime
	if t.room.time > 0 {
		longest = min(longest, t.room.time)
	}
	return &plan.Packing{MaxRuns: t.Pack.MaxRuns, MaxTime: longest, Margin: packMargin, SideBySide: t.Pack.SideBySide, MaxNodes: t.room.nodes}
}

// Member implements plan.Packer: the script is run by the pack's, which keeps its
// time limit.
func (t *target) Member(run *plan.Run) (plan.Job, error) {
	script, err := t.script(run, true)
	argv := slices.Insert(insideArgv(run.TimeLimitSeconds), 1, "--foreground") // it stays among the job's processes
	return plan.Job{Name: jobName(run), Argv: argv, Script: &script, PackedWith: []string{}}, err
}

// PackJob implements plan.Packer.
func (t *target) PackJob(runs []*plan.Run, how plan.Packing) (*plan.Pack, error) {
	if len(runs) == 0 {
		panic("slurm: a pack of no runs")
	}
	dealt, longest := how.Deal(runs)
	limit := int(longest / time.Second)
	sum, lines := sha256.New(), []string{}
	pack := &plan.Pack{Container: t.container(), TimeLimitSeconds: limit, Slots: make([][]string, slices.Max(dealt)+1)}
	for i, r := range runs {
		fmt.Fprintln(sum, r.Fingerprint)
		lines = append(lines, fmt.Sprintf("%d %s", r.TimeLimitSeconds, r.Address))
		pack.Runs = append(pack.Runs, r.Address)
		pack.Slots[dealt[i]] = append(pack.Slots[dealt[i]], r.Address)
	}
	pack.Name = packPrefix + hex.EncodeToString(sum.Sum(nil))[:12]
	pack.GPUs = len(pack.Slots) * runs[0].Hardware.GPUs
	pack.Argv = t.sbatch(runs[0], pack.Name, limit, len(pack.Slots))
	pack.Script = render(packTemplate, map[string]string{
		"COMMON": strings.TrimRight(commonPart, "\n"), "CLOCK": clock(limit), "SLOTS": slots(dealt, runs[0].Hardware.Nodes),
		"NAME":   pack.Name,
		"RUNS":   strings.Join(lines, "\n"),
		"MARGIN": strconv.Itoa(int(packMargin / time.Second)),
		"CLEAN":  t.clean(runs[0]),
	})
	return pack, nil
}

// slots gives the runs of a pack their slots, each on that many nodes.
func slots(dealt []int, nodes int) string {
	words := make([]string, len(dealt))
	for i, slot := range dealt {
		words[i] = strconv.Itoa(slot + 1)
	}
	return render(strings.TrimRight(slotsPart, "\n"), map[string]string{
		"COUNT": strconv.Itoa(slices.Max(dealt) + 1), "NODES": strconv.Itoa(nodes), "SLOT_OF": strings.Join(words, " "),
	})
}

// clock finds out when an allocation with a limit in seconds ends.
func clock(limit int) string {
	return render(strings.TrimRight(clockPart, "\n"), map[string]string{"LIMIT": strconv.Itoa(limit)})
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
	step := append(t.beside(run.Hardware.Nodes), "--output=/dev/null", "--error=/dev/null")
	return fmt.Sprintf("  [ -z \"$signal$down\" ] && %s bash -c %s \"%s\"\n", strings.Join(step, " "), quote(remove), sharedContainer)
}
