package executors

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
)

// A slotPacker packs as it is told, and nothing runs.
type slotPacker struct{ how plan.Packing }

func (s slotPacker) Identity() plan.ExecutorIdentity        { return plan.ExecutorIdentity{} }
func (s slotPacker) Describe() string                       { return "" }
func (s slotPacker) Job(*plan.Run) (plan.Job, error)        { return plan.Job{Name: "alone"}, nil }
func (s slotPacker) Member(run *plan.Run) (plan.Job, error) { return plan.Job{Name: "member"}, nil }
func (s slotPacker) Packing() *plan.Packing                 { return &s.how }

func (s slotPacker) PackJob(list []*plan.Run, how plan.Packing) (*plan.Pack, error) {
	slots, limit := how.Deal(list)
	p := &plan.Pack{Slots: make([][]string, slices.Max(slots)+1), TimeLimitSeconds: int(limit.Seconds()), Argv: []string{"sbatch"}}
	for i, r := range list {
		p.Runs = append(p.Runs, r.Address)
		p.Slots[slots[i]] = append(p.Slots[slots[i]], r.Address)
	}
	p.GPUs = len(p.Slots) * list[0].Hardware.GPUs
	return p, nil
}

// newWide is a campaign with four runs of ten minutes on two nodes each in one
// pack of two slots, on a partition of four nodes.
func newWide(t *testing.T, longest time.Duration) (*Campaign, *pack) {
	t.Helper()
	b := &Backend{
		Cluster: "gb", Pace: Pace{Canary: true}, Avoid: func(argv, nodes []string) []string { return append(argv, nodes...) },
		Packer: slotPacker{plan.Packing{MaxRuns: 8, MaxTime: longest, Margin: time.Minute, SideBySide: 2, MaxNodes: 4}},
	}
	c := &Campaign{Store: runs.Open(t.TempDir()), Plan: &plan.Plan{}}
	p := &pack{submission: submission{backend: b}}
	var list []*plan.Run
	for i := range 4 {
		r := &plan.Run{Address: fmt.Sprint("load/", i), Fingerprint: fmt.Sprint(i), TimeLimitSeconds: 600, Hardware: plan.Hardware{GPUs: 8, GPUsPerNode: 4, Nodes: 2}}
		list = append(list, r)
		c.tasks = append(c.tasks, &task{submission: submission{backend: b}, run: r, pack: p})
	}
	p.tasks = c.tasks
	c.open, c.packs = slices.Clone(c.tasks), []*pack{p}
	var err error
	if p.planned, err = b.Packer.PackJob(list, *b.Packer.Packing()); err != nil {
		t.Fatal(err)
	}
	c.findFamilies()
	return c, p
}

func (c *Campaign) losesNode(t *testing.T) {
	t.Helper()
	if err := c.Store.Exclude("gb", runs.Exclusion{Node: "gb04", Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
}

// A pack whose nodes are there is submitted as planned; without one it has fewer
// slots; where that takes too long its runs are packed anew.
func TestPackFits(t *testing.T) {
	c, p := newWide(t, time.Hour)
	planned := p.planned
	if fits, err := c.render(p); err != nil || !fits || p.planned != planned {
		t.Errorf("fits %v, %v", fits, err)
	}
	c.losesNode(t)
	if fits, err := c.render(p); err != nil || !fits || p.planned.SideBySide() != 1 || p.planned.TimeLimitSeconds != 60*45 || p.planned.GPUs != 8 {
		t.Errorf("fits %v, %v: %+v", fits, err, p.planned)
	}

	c, p = newWide(t, 30*time.Minute)
	c.losesNode(t)
	if err := c.submitPack(t.Context(), p); err != nil || p.phase != done {
		t.Errorf("phase %d, %v", p.phase, err)
	}
	if err := c.repack(); err != nil || len(c.packs) != 3 {
		t.Fatalf("%d packs, %v", len(c.packs), err)
	}
	for _, p := range c.packs[1:] {
		if fits, err := c.render(p); err != nil || !fits || len(p.tasks) != 2 || p.planned.SideBySide() != 1 {
			t.Errorf("fits %v, %v: %+v", fits, err, p.planned)
		}
	}
}

// A run that no pack holds any more gets a job of its own.
func TestPackedNoMore(t *testing.T) {
	c, p := newWide(t, 30*time.Minute)
	p.phase = done
	p.backend.Packer = slotPacker{plan.Packing{MaxRuns: 8, MaxTime: 5 * time.Minute, Margin: time.Minute}}
	if err := c.repack(); err != nil {
		t.Fatal(err)
	}
	for _, task := range c.tasks {
		if task.pack != nil || task.member || task.run.Job.Name != "alone" {
			t.Errorf("%+v", task)
		}
	}
}

// A job that was reserved before a node was left alone asks for all that it needs.
func TestPackAvoids(t *testing.T) {
	c, p := newWide(t, time.Hour)
	if avoids, err := c.avoids(p); err != nil || !avoids {
		t.Errorf("%v, %v", avoids, err)
	}
	c.losesNode(t)
	if avoids, err := c.avoids(p); err != nil || avoids {
		t.Errorf("with too few nodes: %v, %v", avoids, err)
	}
	p.backend.Packer = slotPacker{plan.Packing{MaxRuns: 8, MaxTime: time.Hour, SideBySide: 2, MaxNodes: 5}}
	if avoids, err := c.avoids(p); err != nil || !avoids {
		t.Errorf("with one to spare: %v, %v", avoids, err)
	}
}

// The job is not told of a failure while the canary goes on beside it.
func TestPackUndecided(t *testing.T) {
	c, p := newWide(t, time.Hour)
	f := c.tasks[0].family
	f.canary.phase = active
	if !c.undecided(p, f) {
		t.Error("the canary is not waited for")
	}
	f.started = true
	if c.undecided(p, f) {
		t.Error("a canary that measures is waited for")
	}
	f.started, f.canary.phase = false, done
	if c.undecided(p, f) {
		t.Error("a canary that ended is waited for")
	}
}

// A pack costs all that it held, to its end.
func TestPackHours(t *testing.T) {
	p := newPacked(t)
	p.put(p.folder.Dir, "start", `{"job_id":"7","time":"2025-01-01T10:00:00Z","end":true}`)
	q := &pack{folder: p.folder, planned: &plan.Pack{GPUs: 16}, tasks: []*task{{run: &plan.Run{Hardware: plan.Hardware{GPUs: 8}}}}}
	exit := &runs.Exit{Ended: time.Date(2025, 1, 1, 10, 30, 0, 0, time.UTC)}
	if got := packHours(q, exit, nil); got != 8 {
		t.Errorf("%v GPU-hours", got)
	}
	q.planned = nil
	if got := packHours(q, exit, nil); got != 4 {
		t.Errorf("%v GPU-hours without a plan", got)
	}
}
