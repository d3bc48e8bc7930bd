package simulate

import (
	"runtime"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2/hcldec"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// Type is the type of executor blocks for this package; Cluster is where its
// results count.
const (
	Type    = "simulate"
	Cluster = "simulate"
)

// Spec is what a simulate executor block may hold: nothing.
func Spec() hcldec.Spec { return hcldec.ObjectSpec{} }

// Open returns the executor: as many runs at once as the machine has processors.
func Open(log hclog.Logger) *executors.Backend {
	return &executors.Backend{
		Cluster:   Cluster,
		Executor:  newExecutor(log),
		Target:    target{},
		Simulated: true,
		Pace: executors.Pace{
			Look: 20 * time.Millisecond, Poll: 100 * time.Millisecond,
			MaxInQueue: runtime.GOMAXPROCS(0), Retries: 2,
		},
	}
}

type target struct{}

func (target) Identity() plan.ExecutorIdentity {
	return plan.ExecutorIdentity{Launcher: []string{"trtllm-bench"}, Simulated: true}
}

// Packing implements plan.Target: what is simulated shares jobs to share an engine.
func (target) Packing() *plan.Packing {
	return &plan.Packing{MaxRuns: 1000, MaxTime: 1 << 62, SharedOnly: true}
}

func (target) Job(runs ...*plan.Run) *plan.Job {
	r := runs[0]
	job := &plan.Job{Name: "simulate-" + r.Fingerprint[:12], GPUs: r.Hardware.GPUs}
	for _, r := range runs {
		job.Runs = append(job.Runs, r.Address)
		job.TimeLimitSeconds += r.TimeLimitSeconds
	}
	return job
}

func (target) Describe() string {
	return "nothing is measured: figures come from a model of the GPUs and are marked SIMULATED"
}
