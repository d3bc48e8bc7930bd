package executors

import (
	"fmt"
	"os"
	"path/filepath"
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

// The folder of a job of 8 GPUs and 30 minutes tells what it has cost: by its own
// word, else by the backend's, else its limit.
func TestCostByFolder(t *testing.T) {
	const start, claim = `{"job_id":"7","time":"2025-01-01T10:00:00Z","end":true}`, `{"job_id":"7","end":true}`
	for _, c := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"in flight", map[string]string{"start": start}, 4},
		{"exit", map[string]string{"start": start, "exit": `{"started":"2025-01-01T10:00:00Z","ended":"2025-01-01T10:15:00Z","end":true}`, "ended.json": `{"gpu_hours":3,"end":true}`}, 2},
		{"exit that is not whole", map[string]string{"exit": `{"started":"2025-01-01T10`}, 4},
		{"start, and when its end was noticed", map[string]string{"start": start, "ended.json": `{"time":"2025-01-01T10:03:00Z","gpu_hours":3,"end":true}`}, 0.4},
		{"noticed late", map[string]string{"start": start, "ended.json": `{"time":"2025-01-01T12:00:00Z","end":true}`}, 4},
		{"backend's word", map[string]string{"ended.json": `{"gpu_hours":3,"end":true}`}, 3},
		{"backend's wild word", map[string]string{"ended.json": `{"gpu_hours":300,"end":true}`}, 4},
		{"cancelled in the queue", map[string]string{"cancelled": "", "ended.json": `{"end":true}`}, 0},
		{"cancelled once it had nodes", map[string]string{"cancelled": "", "claim": claim, "ended.json": `{"end":true}`}, 4},
		{"nothing known", map[string]string{"ended.json": `{"end":true}`}, 4},
	} {
		f := jobdir.Folder{Dir: t.TempDir()}
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(f.Dir, name), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := cost(f, 8, 4); got != c.want {
			t.Errorf("%s: %v GPU-hours, want %v", c.name, got, c.want)
		}
	}
}
