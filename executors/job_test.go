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

// newPacked4 is a campaign with four runs of ten minutes in one job.
func newPacked4(t *testing.T) (*Campaign, *job) {
	t.Helper()
	b := &Backend{Cluster: "gb", Packer: fakePacker{plan.Packing{MaxRuns: 8, MaxTime: time.Hour, Margin: time.Minute}}}
	c := &Campaign{Store: runs.Open(t.TempDir()), Plan: &plan.Plan{}}
	j := &job{backend: b, several: true}
	var list []*plan.Run
	for i := range 4 {
		r := &plan.Run{Address: fmt.Sprint("load/", i), Fingerprint: fmt.Sprint(i), TimeLimitSeconds: 600, Hardware: plan.Hardware{GPUs: 8, GPUsPerNode: 4, Nodes: 2}}
		list = append(list, r)
		c.tasks = append(c.tasks, &task{backend: b, run: r, job: j, shares: true})
	}
	j.tasks = slices.Clone(c.tasks)
	c.open, c.jobs = slices.Clone(c.tasks), []*job{j}
	var err error
	if j.planned, err = b.Packer.PackJob(list); err != nil {
		t.Fatal(err)
	}
	return c, j
}

// A job is submitted as planned; one that has lost a run is rendered anew.
func TestRender(t *testing.T) {
	_, j := newPacked4(t)
	planned := j.planned
	if err := j.render(); err != nil || j.planned != planned {
		t.Errorf("%v: rendered anew", err)
	}
	j.tasks[0].job = nil
	if err := j.render(); err != nil || fmt.Sprint(j.planned.Runs) != "[load/1 load/2 load/3]" || j.planned.TimeLimitSeconds != 60*34 {
		t.Errorf("%v: %+v", err, j.planned)
	}
}

// A run that fits into no job with others any more gets one for itself.
func TestPackedNoMore(t *testing.T) {
	c, j := newPacked4(t)
	j.phase = done
	j.backend.Packer = fakePacker{plan.Packing{MaxRuns: 8, MaxTime: 5 * time.Minute, Margin: time.Minute}}
	if err := c.regroup(); err != nil {
		t.Fatal(err)
	}
	for _, task := range c.tasks {
		if task.job == j || task.job.several || len(task.job.tasks) != 1 || task.run.Job.Name != "alone" {
			t.Errorf("%+v", task)
		}
	}
}

// A job costs all that it held, to its end.
func TestJobHours(t *testing.T) {
	p := newPacked(t)
	p.put(p.folder.Dir, "start", `{"job_id":"7","time":"2025-01-01T10:00:00Z","end":true}`)
	j := &job{folder: p.folder, planned: &plan.Pack{GPUs: 16}, tasks: []*task{{run: &plan.Run{Hardware: plan.Hardware{GPUs: 8}}}}}
	exit := &jobdir.Exit{Ended: time.Date(2025, 1, 1, 10, 30, 0, 0, time.UTC)}
	if got := j.cost(exit, nil); got != 8 {
		t.Errorf("%v GPU-hours", got)
	}
	j.planned = nil
	if got := j.cost(exit, nil); got != 4 {
		t.Errorf("%v GPU-hours without a plan", got)
	}
}
