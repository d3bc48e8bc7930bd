package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

func TestStandingExpects(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(s int) *time.Time { at := now.Add(-time.Duration(s) * time.Second); return &at }
	half := 0.5
	e := &plan.Estimate{StartupSeconds: &estimate.Interval{Mid: 300}, MeasureSeconds: &estimate.Interval{Mid: 60}}
	for name, c := range map[string]struct {
		s    RunStatus
		e    *plan.Estimate
		want float64 // -1 for none
	}{
		"loads weights":  {RunStatus{Since: ago(100)}, e, 260},
		"measures":       {RunStatus{Since: ago(400), Progress: &half}, e, 30},
		"takes too long": {RunStatus{Since: ago(900)}, e, 0},
		"not started":    {RunStatus{}, e, -1},
		"no estimate":    {RunStatus{Since: ago(1)}, nil, -1},
	} {
		c.s.expect(c.e, now)
		if (c.s.ETA == nil) != (c.want < 0) || c.s.ETA != nil && *c.s.ETA != c.want {
			t.Errorf("%s: %v, want %v", name, c.s.ETA, c.want)
		}
	}
}

func TestTotals(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	e := &plan.Estimate{StartupSeconds: &estimate.Interval{Mid: 300}, MeasureSeconds: &estimate.Interval{Mid: 60}, GPUHours: &estimate.Interval{Low: 0.4, Mid: 0.8, High: 1.6}}
	half, eta, id := 0.5, 180.0, "7"
	lines := []RunStatus{
		{Address: "load/use_case=a", Action: plan.Keep, State: "done", samples: "1 of 1", gpus: 8, spent: 2.5, Reason: "all samples are stored"},
		{Address: "load/use_case=b", Action: plan.Wait, State: "running", samples: "0 of 1", gpus: 8, took: 15 * time.Minute, JobID: &id,
			log: &store.Progress{Done: 1, Total: 2}, Progress: &half, ETA: &eta, planned: e},
		{Address: "load/use_case=c", Action: plan.Wait, State: "queued", samples: "0 of 1", gpus: 8, planned: e, Reason: "Resources"},
		{Address: "load/use_case=d", Action: plan.Blocked, State: "failed", samples: "0 of 1", gpus: 8, spent: 0.5, planned: e, Reason: "gpu_oom: CUDA out of memory"},
		{Address: "load/use_case=e", Action: plan.Measure, State: "planned", samples: "0 of 1", gpus: 8, planned: e, missing: 1, Reason: "nothing stored yet"},
	}
	at := func(s int) string { return clock(now.Add(time.Duration(s) * time.Second)) }
	const counts = "5 runs: 1 valid, 1 failed, 1 running, 1 waiting, 1 not started. 5.0 GPU-hours spent, 1.0-4.0 GPU-hours remaining, predicted end "
	if got, want := NewTotals(lines, true, now).String(), counts+at(180+360+360)+" if no job waits in the queue."; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got, want := NewTotals(lines, false, now).String(), counts+at(180+360)+" if no job waits in the queue."; got != want { // nobody submits the last
		t.Errorf("%s\nwant %s", got, want)
	}
	var out bytes.Buffer
	if err := Status(&safeWriter{w: &out, wide: 80}, lines, NewTotals(lines, false, now), &plan.Plan{}); err != nil {
		t.Fatal(err)
	}
	const want = `run     samples  state                    job  nodes  ran for    left
load/a   1 of 1  done                     -    -            -       -
load/b   0 of 1  running, measuring 50 %  7    -       15 min  ~3 min
load/c   0 of 1  queued                   -    -            -       -
load/d   0 of 1  failed                   -    -            -       -
load/e   0 of 1  planned                  -    -            -       -

…/c: Resources
…/d: gpu_oom: CUDA out of memory
`
	if got, _, _ := strings.Cut(out.String(), "\n5 runs"); got != want {
		t.Errorf("got\n%s", got)
	}
}

// Up to ten jobs are named, of more the first three and the last.
func TestJobsStillRunning(t *testing.T) {
	for jobs, want := range map[int]string{2: "running: 1 2\n", 10: " 9 10\n", 1000: "running: 1 2 3 … 1000 (1000 jobs)\n"} {
		var out strings.Builder
		var ending executors.Ending
		for n := range jobs {
			ending.Jobs = append(ending.Jobs, fmt.Sprint(n+1))
		}
		(&Apply{s: &Streams{Err: &out}}).GoesOn("Interrupted.", ending, Hints{})
		if !strings.Contains(out.String(), want) {
			t.Errorf("%d jobs:\n%s", jobs, out.String())
		}
	}
}
