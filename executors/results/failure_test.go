package results

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A shell tells by its status that there is no such program, whatever its language.
func TestProgramNotFound(t *testing.T) {
	for status, want := range map[int]failure.Code{126: failure.CLI, 127: failure.CLI, 1: failure.TaskExit} {
		in := ended("sh: 1: trtllm-bunch: no se encuentra\nsrun: error: gb01: task 0: Exited with exit code 127\n", &jobdir.ExitRecord{RC: status, BenchRC: &status}, nil)
		if r := Judge(in); r.Code() != want {
			t.Errorf("%d: %s", status, told(r))
		}
	}
}

// srun names the task that did not start, and not its node.
func TestNodeOfTask(t *testing.T) {
	in := ended("", nil, nil)
	in.Run.Hardware.Nodes, in.Run.Hardware.GPUsPerNode = 2, 4
	in.Job.Nodes = []string{"gb01", "gb02"}
	for line, want := range map[string]string{
		"srun: error: task 4 launch failed: Unspecified error":    "gb02",
		"srun: error: task 3 launch failed: Unspecified error":    "gb01",
		"srun: error: task 9 launch failed: Unspecified error":    "",
		"srun: error: gb01: task 4: Exited with exit code 1":      "",
		"srun: error: tasks 4-7 launch failed: Job prolog failed": "gb02",
	} {
		if got := in.nodeOf(failure.Launch, trtllm.Failure{Line: line}); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if got := in.nodeOf(failure.Launch, trtllm.Failure{Line: "task 4 launch failed", Node: "gb09"}); got != "gb09" {
		t.Error(got)
	}
}

// Each rank has logs of its own: a cause in any of them counts before what the first
// rank says of its loss.
func TestCauseOfAnotherRank(t *testing.T) {
	const (
		torn = "gb01:77:88 [0] NCCL WARN socketProgress: Connection closed by remote peer\nRuntimeError: NCCL error: remote process exited or there was a network error\n"
		oom  = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."
		box  = "[2026-11-28T02:23:18.987] error: pyxis: couldn't start container"
	)
	for _, c := range []struct {
		name, first, third, fifth, node string
		code                            failure.Code
		detail                          string
		opened                          bool
	}{
		{"consequence on the first", torn, torn, oom, "", failure.GPUOOM, "rank 5: " + oom, true},
		{"nothing on the first", "", "", oom, "", failure.GPUOOM, "rank 5: " + oom, true},
		{"cause on the first", oom, "", box, "", failure.GPUOOM, oom, false},
		{"consequences alone", torn, torn, torn, "", failure.NCCL, "", true},
		{"a node's own", "", "", box, "gb02", failure.Container, "rank 5: " + box, true},
	} {
		in := ended(c.first, &jobdir.ExitRecord{RC: 1}, nil)
		in.Job.Nodes = []string{"gb01", "gb02"}
		opened := false
		for rank, text := range map[int]string{3: c.third, 5: c.fifth} {
			in.Ranks = append(in.Ranks, RankLogs{Rank: rank, Stderr: func() (io.ReadCloser, error) {
				opened = true
				return io.NopCloser(strings.NewReader(text)), nil
			}})
		}
		slices.SortFunc(in.Ranks, func(a, b RankLogs) int { return a.Rank - b.Rank })
		r := Judge(in)
		if r.Code() != c.code || c.detail != "" && r.Reasons[0].Detail != c.detail || r.Reasons[0].Node != c.node || opened != c.opened {
			t.Errorf("%s: %s on %q, others read: %v", c.name, told(r), r.Reasons[0].Node, opened)
		}
	}
}
