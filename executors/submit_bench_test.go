package executors

import (
	"context"
	"fmt"
	"testing"

	"github.com/llmbench/llmbench/plan"
)

// BenchmarkSubmit submits 64 runs to a backend that answers at once: what it takes
// to make their attempts durable.
func BenchmarkSubmit(b *testing.B) {
	const runs = 64
	for b.Loop() {
		b.StopTimer()
		c := following(b, 0, 0)
		backend := &Backend{Executor: taking{}, Target: FakeTarget{}, Cluster: "gb", Pace: Pace{MaxInQueue: runs}}
		for i := range runs {
			path := "/rows.jsonl"
			run := &plan.Run{Address: fmt.Sprint("load/n=", i), Fingerprint: fmt.Sprintf("%064x", i), Dataset: plan.Dataset{Path: &path}}
			c.tasks = append(c.tasks, &task{backend: backend, run: run, sample: 1})
		}
		c.open = append(c.open, c.tasks...)
		c.findSiblings()
		b.StartTimer()
		if err := c.submitDue(b.Context()); err != nil {
			b.Fatal(err)
		}
		for _, t := range c.tasks {
			if t.job.handle == "" {
				b.Fatal(t.run.Address + " was not submitted")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*runs), "ns/run")
}

// taking is a backend that takes every job.
type taking struct{ running }

func (taking) Submit(_ context.Context, job *Job) (Handle, error) {
	return Handle("slurm:-:1:" + job.Name), nil
}
