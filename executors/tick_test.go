package executors

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// BenchmarkTick looks at eight jobs in flight beside others that have ended, which
// should cost nothing.
func BenchmarkTick(b *testing.B) {
	for _, ended := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("ended=%d", ended), func(b *testing.B) {
			c := following(b, 8, ended)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.step(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// following is a campaign with tasks in flight and others that have ended.
func following(tb testing.TB, flying, ended int) *Campaign {
	backend := &Backend{Executor: running{}, Renderer: FakeRenderer{}, Cluster: "gb", Pace: Pace{Poll: time.Nanosecond, MaxInQueue: 100, MaxQuiet: time.Hour, Canary: true}}
	backend.Ref.Type = "slurm"
	st := store.Open(tb.TempDir())
	c := &Campaign{
		Plan: &plan.Plan{}, Store: st, Log: hclog.NewNullLogger(), Budget: &Budget{},
	}
	c.receipts.SetLimit(lookAhead)
	for i := range flying + ended {
		t := &task{backend: backend, run: &plan.Run{Address: fmt.Sprint("load/n=", i), Fingerprint: fmt.Sprintf("%064x", i)}, sample: 1}
		c.tasks = append(c.tasks, t)
		if i >= flying {
			t.phase, t.result = done, &results.Result{}
			continue
		}
		a, err := st.Reserve(t.key(), 1)
		if err != nil {
			tb.Fatal(err)
		}
		t.phase, t.attempt = active, a
		t.job = &job{backend: backend, phase: active, mine: true, folder: a.Alone(), handle: Handle(fmt.Sprintf("slurm:-:%d:x", i)), planned: FakeRenderer{}.Job(t.run), tasks: []*task{t}}
		c.jobs = append(c.jobs, t.job)
		intent, err := a.Fill(forAttempt(store.Prepared{Run: t.run, Job: t.job.planned, Intent: jobdir.Intent{Address: t.run.Address, Fingerprint: t.run.Fingerprint, Nonce: strings.Repeat("a", 16)}}, a))
		if err := cmp.Or(err, a.Intend(intent)); err != nil {
			tb.Fatal(err)
		}
	}
	c.open = slices.Clone(c.tasks)
	c.findSiblings()
	return c
}

// running is a backend whose jobs all run.
type running struct{ Executor }

func (running) Poll(_ context.Context, handles []Handle) (map[Handle]Status, error) {
	out := map[Handle]Status{}
	for _, h := range handles {
		out[h] = Status{State: plan.Running}
	}
	return out, nil
}
