package executors

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// A polled executor counts how often it is asked.
type polled struct {
	Executor
	asked  int
	answer func(Handle) (Status, error)
}

func (p *polled) Poll(_ context.Context, handles []Handle) (map[Handle]Status, error) {
	p.asked++
	s, err := p.answer(handles[0])
	return map[Handle]Status{handles[0]: s}, err
}

// A controller is asked no sooner than it asks for, and less often where it does
// not answer or all jobs wait; the user is told that jobs go on.
func TestPollsBackOff(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(Handle) (Status, error)
		most   int
		told   string
	}{
		{"runs", func(Handle) (Status, error) { return Status{State: plan.Running}, nil }, 61, ""},
		{"waits", func(Handle) (Status, error) { return Status{State: plan.Queued}, nil }, 31, ""},
		{"silent", func(Handle) (Status, error) { return Status{}, errors.New("timed out") }, 15, "jobs keep running: timed out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ex := &polled{answer: c.answer}
				b := &Backend{Executor: ex, Renderer: FakeRenderer{}, Pace: Pace{Poll: time.Minute}}
				b.Ref.Type = "slurm"
				told := ""
				campaign := &Campaign{
					Log: hclog.NewNullLogger(), Observe: func(e Event) { told = e.Text },
					jobs: []*job{{backend: b, handle: "slurm:-:1:x", phase: active, mine: true}},
				}
				for range 3600 {
					campaign.poll(t.Context(), b)
					time.Sleep(time.Second)
				}
				if least := c.most*5/6 - 3; ex.asked > c.most || ex.asked < least {
					t.Errorf("asked %d times in an hour, want %d to %d", ex.asked, least, c.most)
				}
				if c.told != "" && (!strings.HasPrefix(told, "slurm has not answered for 5") || !strings.HasSuffix(told, c.told)) {
					t.Errorf("told %q, want the minutes without contact and %q", told, c.told)
				}
			})
		})
	}
}

// Whoever sees how far a run has come was told before that it runs, also where its files
// tell so before the backend is asked again.
func TestRunningComesBeforeProgress(t *testing.T) {
	c := following(t, 1, 0)
	task := c.tasks[0]
	for name, text := range map[string]string{
		jobdir.StartFile:  string(jobdir.Encode(jobdir.Start{JobID: "1", Host: "gb01", Nodes: []string{"gb01"}, Time: time.Now().UTC()})),
		jobdir.StderrFile: "\rBenchmarking: 100%|██████████| 64/64 [00:10<00:00,  6.40it/s]\n",
	} {
		if err := os.WriteFile(filepath.Join(task.attempt.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	c.Observe = func(e Event) { told = append(told, string(e.Type)+" "+string(e.State)) }
	if err := c.read(task); err != nil {
		t.Fatal(err)
	}
	c.observeTask(task, Status{State: plan.Running})
	if want := []string{"run_state running", "run_progress running"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
