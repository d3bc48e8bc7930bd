package results

import (
	"testing"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A shell tells by its status that there is no such program, whatever its language.
func TestProgramNotFound(t *testing.T) {
	for status, want := range map[int]failure.Code{126: failure.CLI, 127: failure.CLI, 1: failure.TaskExit} {
		in := ended("sh: 1: trtllm-bunch: no se encuentra\nsrun: error: gb01: task 0: Exited with exit code 127\n", &Exit{RC: status, BenchRC: &status}, nil)
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
