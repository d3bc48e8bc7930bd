package executors_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/plan/failure"
)

// What a step leaves in its log when it fails on a node, as pyxis, srun and torch word
// it; %s is the node.
var nodeLogs = map[failure.Code]string{
	failure.Container: "slurmstepd: error: pyxis: container start failed with error code: 1\nslurmstepd: error: pyxis: printing enroot log file:\n" +
		"slurmstepd: error: pyxis:     enroot-nsenter: failed to create user namespace: Operation not permitted\n" +
		"slurmstepd: error: pyxis: couldn't start container\nsrun: error: %s: task 2: Exited with exit code 1\n",
	failure.HostOOM:  "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some of the step tasks have been OOM Killed.\nsrun: error: %s: task 1: Out Of Memory\n",
	failure.BusError: "srun: error: %s: task 3: Bus error (core dumped)\n",
	failure.CUDAInit: "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized\nsrun: error: %s: task 0: Exited with exit code 1\n",
	failure.Launch:   "slurmstepd: error:  mpi/pmix_v4: pmixp_stepd_init: %s [1]: pmixp_server.c:531: cannot bind\nslurmstepd: error: Failed mpi_g_slurmstepd_prefork\nsrun: error: task 4 launch failed: Unspecified error\n",
}

// failsOn is a course that fails with a log on a node.
func failsOn(node, log string) course {
	return course{runs: time.Minute, exits: true, node: node, writes: func(time.Duration) map[string]string {
		return map[string]string{"stdout": strings.ReplaceAll(log, "%s", node)}
	}}
}

// onNodes is a campaign of one run whose attempts take the courses in their order.
func onNodes(t *testing.T, courses ...course) *bounded {
	b := newBounded(t, 1, executors.Pace{Retries: 5}, course{})
	b.campaign.Store.Know(slurm.Words)
	b.campaign.Plan.Runs[0].Hardware.Nodes = 2
	b.memory.course = func(n int) course { return courses[min(n, len(courses)-1)] }
	return b
}

func (b *bounded) excluded() []string {
	b.t.Helper()
	list, err := b.campaign.Store.Excluded("gb")
	if err != nil {
		b.t.Fatal(err)
	}
	var nodes []string
	for _, e := range list {
		nodes = append(nodes, e.Node)
	}
	return nodes
}

// repeats reports whether a plan would block the run now.
func (b *bounded) repeats() bool {
	b.t.Helper()
	r := b.campaign.Plan.Runs[0]
	state, err := b.campaign.Store.View("").Look(r.Fingerprint, "gb", false, 1)
	if err != nil {
		b.t.Fatal(err)
	}
	return state.Repeats()
}

// One bad node does not end a run: the next attempt avoids it.
func TestBadNodeIsLeftAlone(t *testing.T) {
	for code, log := range nodeLogs {
		t.Run(string(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := onNodes(t, failsOn("gb01", log), course{runs: time.Minute, end: failure.TimeLimit, node: "gb02"})
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				b.wantAttempts(2)
				if got := b.excluded(); !slices.Equal(got, []string{"gb01"}) {
					t.Errorf("nodes %v are left alone; told: %s", got, strings.Join(b.told, " | "))
				}
				if argv := b.memory.jobs[len(b.memory.jobs)-1].argv; !slices.Contains(argv, "gb01") {
					t.Errorf("the second attempt does not avoid gb01: %q", argv)
				}
			})
		})
	}
}

// What two nodes have is no node's: the run ends, a plan blocks it, and neither node is
// left alone.
func TestTwoNodesBlock(t *testing.T) {
	for code, log := range nodeLogs {
		t.Run(string(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := onNodes(t, failsOn("gb01", log), failsOn("gb02", log), failsOn("gb03", log))
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				b.wantAttempts(2)
				if got := b.excluded(); len(got) != 0 || !b.repeats() {
					t.Errorf("nodes %v are left alone, blocked: %v", got, b.repeats())
				}
			})
		})
	}
}

// A failure of one node alone does not block the run, also where no attempt was left.
func TestOneNodeDoesNotBlock(t *testing.T) {
	for code, log := range nodeLogs {
		t.Run(string(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := onNodes(t, failsOn("gb01", log))
				b.backend.Pace.Retries = 0
				if _, err := b.run(); err != nil {
					t.Fatal(err)
				}
				b.wantAttempts(1)
				if b.repeats() {
					t.Error("it is blocked")
				}
			})
		})
	}
}

// What every node would give is not called a node's, and gets no second attempt.
func TestFailureOfEveryNode(t *testing.T) {
	for _, log := range []string{
		"slurmstepd: error: pyxis: container start failed with error code: 1\nslurmstepd: error: pyxis: printing enroot log file:\n" +
			"slurmstepd: error: pyxis:     nvidia-container-cli: mount error: mount operation failed: /proc/driver: operation not permitted\n" +
			"slurmstepd: error: pyxis: couldn't start container\nsrun: error: %s: task 2: Exited with exit code 1\n",
		"srun: error: %s: tasks 0-3: Illegal instruction (core dumped)\n",
		"slurmstepd: error: pyxis: child 41 failed with error code: 1\nslurmstepd: error: pyxis: printing enroot log file:\n" +
			"slurmstepd: error: pyxis:     [ERROR] URL https://nvcr.io/v2/x returned error code: 404 Not Found\nsrun: error: %s: task 0: Exited with exit code 1\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := onNodes(t, failsOn("gb01", log))
			if _, err := b.run(); err != nil {
				t.Fatal(err)
			}
			b.wantAttempts(1)
			if got := b.excluded(); len(got) != 0 || !b.repeats() || b.codes() != string(failure.Container) {
				t.Errorf("%s: nodes %v are left alone, blocked: %v", b.codes(), got, b.repeats())
			}
		})
	}
}
