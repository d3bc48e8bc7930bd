package executors

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema"
)

// A FakeRenderer packs as it is told, and nothing runs.
type FakeRenderer struct{ How *plan.Packing }

func (s FakeRenderer) Identity() plan.ExecutorIdentity { return plan.ExecutorIdentity{} }
func (s FakeRenderer) Describe() string                { return "" }
func (s FakeRenderer) Packing() *plan.Packing          { return s.How }

func (s FakeRenderer) Job(list ...*plan.Run) *plan.Job {
	first := list[0]
	j := &plan.Job{
		Name: "llmb-" + first.Fingerprint[:min(12, len(first.Fingerprint))], GPUs: first.Hardware.GPUs, TimeLimitSeconds: first.TimeLimitSeconds,
		Argv: []string{"sbatch", "--job-name=" + plan.AttemptPlaceholder}, Script: "#!/bin/bash\n",
	}
	if len(list) > 1 {
		j.TimeLimitSeconds = int(s.How.Limit(list).Seconds())
	}
	for _, r := range list {
		j.Runs = append(j.Runs, r.Address)
	}
	return j
}

// newPacked4 is a campaign with four runs of ten minutes in one job.
func newPacked4(t *testing.T) (*Campaign, *job) {
	t.Helper()
	b := &Backend{Cluster: "gb", Renderer: FakeRenderer{&plan.Packing{MaxRuns: 8, MaxTime: time.Hour, Margin: time.Minute}}}
	c := &Campaign{Store: store.Open(t.TempDir()), Plan: &plan.Plan{}}
	j := &job{backend: b}
	var list []*plan.Run
	for i := range 4 {
		r := &plan.Run{Address: fmt.Sprint("load/", i), Fingerprint: fmt.Sprint(i), TimeLimitSeconds: 600, Hardware: plan.Hardware{GPUs: 8, GPUsPerNode: 4, Nodes: 2}}
		list = append(list, r)
		c.tasks = append(c.tasks, &task{backend: b, run: r, job: j, shares: true})
	}
	j.tasks = slices.Clone(c.tasks)
	c.open, c.jobs = slices.Clone(c.tasks), []*job{j}
	j.planned = b.Renderer.Job(list...)
	return c, j
}

// A job is submitted as planned; one that has lost a run is rendered anew.
func TestRender(t *testing.T) {
	_, j := newPacked4(t)
	planned := j.planned
	if j.render(); j.planned != planned {
		t.Error("rendered anew")
	}
	j.tasks[0].job = nil
	if j.render(); fmt.Sprint(j.planned.Runs) != "[load/1 load/2 load/3]" || j.planned.TimeLimitSeconds != 60*34 {
		t.Errorf("%+v", j.planned)
	}
}

// A run that fits into no job with others any more gets one for itself.
func TestPackedNoMore(t *testing.T) {
	c, j := newPacked4(t)
	j.phase = done
	j.backend.Renderer = FakeRenderer{&plan.Packing{MaxRuns: 8, MaxTime: 5 * time.Minute, Margin: time.Minute}}
	c.regroup()
	for _, task := range c.tasks {
		if task.job == j || len(task.job.tasks) != 1 {
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
		if got := (&store.Job{Folder: f}).Cost(8, 4); got != c.want {
			t.Errorf("%s: %v GPU-hours, want %v", c.name, got, c.want)
		}
	}
}

// A retry on a shared engine costs what its job may take, with priming and measuring the
// first again; those that will share one are counted once.
func TestRetryOnSharedEngine(t *testing.T) {
	for _, c := range []struct {
		waiting int // other retries
		most    float64
		may     bool
	}{
		{0, 4.5, false}, {0, 4.6, true}, // 8 GPUs for 1 + 11 + 2 x 11 minutes
		{1, 5.9, false}, {1, 6.1, true}, // and 11 more
	} {
		campaign, old := newPacked4(t)
		old.phase, old.mine, campaign.Budget = done, true, &Budget{Max: c.most}
		for i, task := range campaign.tasks {
			task.run.Engine = schema.SharedEngine
			if task.phase = done; i > 0 && i <= c.waiting {
				task.phase = waiting
			}
		}
		old.backend.Pace.Retries = 1
		campaign.tasks[0].phase = active
		if may := campaign.mayRetry(campaign.tasks[0]); may != c.may {
			t.Errorf("%d others wait, %g GPU-hours are allowed: %t", c.waiting, c.most, may)
		}
	}
}
