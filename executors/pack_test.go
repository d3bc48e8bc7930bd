package executors

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
)

// A fakePacker packs as it is told, and nothing runs.
type fakePacker struct{ how plan.Packing }

func (s fakePacker) Identity() plan.ExecutorIdentity        { return plan.ExecutorIdentity{} }
func (s fakePacker) Describe() string                       { return "" }
func (s fakePacker) Job(*plan.Run) (plan.Job, error)        { return plan.Job{Name: "alone"}, nil }
func (s fakePacker) Member(run *plan.Run) (plan.Job, error) { return plan.Job{Name: "member"}, nil }
func (s fakePacker) Packing() *plan.Packing                 { return &s.how }

func (s fakePacker) PackJob(list []*plan.Run) (*plan.Pack, error) {
	p := &plan.Pack{TimeLimitSeconds: int(s.how.Limit(list).Seconds()), GPUs: list[0].Hardware.GPUs, Argv: []string{"sbatch"}}
	for _, r := range list {
		p.Runs = append(p.Runs, r.Address)
	}
	return p, nil
}

// newPacked4 is a campaign with four runs of ten minutes in one pack.
func newPacked4(t *testing.T) (*Campaign, *pack) {
	t.Helper()
	b := &Backend{Cluster: "gb", Packer: fakePacker{plan.Packing{MaxRuns: 8, MaxTime: time.Hour, Margin: time.Minute}}}
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
	if p.planned, err = b.Packer.PackJob(list); err != nil {
		t.Fatal(err)
	}
	return c, p
}

// A pack is submitted as planned; one that has lost a run is rendered anew.
func TestPackRender(t *testing.T) {
	c, p := newPacked4(t)
	planned := p.planned
	if err := c.render(p); err != nil || p.planned != planned {
		t.Errorf("%v: rendered anew", err)
	}
	p.tasks[0].pack = nil
	if err := c.render(p); err != nil || fmt.Sprint(p.planned.Runs) != "[load/1 load/2 load/3]" || p.planned.TimeLimitSeconds != 60*34 {
		t.Errorf("%v: %+v", err, p.planned)
	}
}

// A run that no pack holds any more gets a job of its own.
func TestPackedNoMore(t *testing.T) {
	c, p := newPacked4(t)
	p.phase = done
	p.backend.Packer = fakePacker{plan.Packing{MaxRuns: 8, MaxTime: 5 * time.Minute, Margin: time.Minute}}
	if err := c.repack(); err != nil {
		t.Fatal(err)
	}
	for _, task := range c.tasks {
		if task.pack != nil || task.member || task.run.Job.Name != "alone" {
			t.Errorf("%+v", task)
		}
	}
}

// A pack costs all that it held, to its end.
func TestPackHours(t *testing.T) {
	p := newPacked(t)
	p.put(p.folder.Dir, "start", `{"job_id":"7","time":"2025-01-01T10:00:00Z","end":true}`)
	q := &pack{folder: p.folder, planned: &plan.Pack{GPUs: 16}, tasks: []*task{{run: &plan.Run{Hardware: plan.Hardware{GPUs: 8}}}}}
	exit := &jobdir.Exit{Ended: time.Date(2025, 1, 1, 10, 30, 0, 0, time.UTC)}
	if got := packCost(q, exit, nil); got != 8 {
		t.Errorf("%v GPU-hours", got)
	}
	q.planned = nil
	if got := packCost(q, exit, nil); got != 4 {
		t.Errorf("%v GPU-hours without a plan", got)
	}
}
