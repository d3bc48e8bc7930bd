package slurmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A node comes back although all tasks of a step ended while it stood still: the
// slurmstepd that is left of the step would keep the new slurmd waiting for ever.
func TestNodeComesBack(t *testing.T) {
	c := ForTest(t, Options{Nodes: 1, SlurmdTimeout: 5})
	if out, err := exec.Command("sbatch", "--no-requeue", "-n1", "--wrap", "srun sleep 1000", "-o", os.DevNull).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var task int
	wait(t, "a task runs", func() bool {
		for _, pid := range c.ofJobs("gb01") {
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), "sleep\x001000") && !strings.Contains(string(line), "srun") {
				task = pid
			}
		}
		return task != 0
	})
	if err := c.KillNode("gb01"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(task, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wait(t, "the node is down", func() bool { return strings.Contains(state(), "down") })
	if err := c.StartNode("gb01"); err != nil {
		t.Fatal(err)
	}
	wait(t, "the node is back", func() bool { return strings.TrimSpace(state()) == "idle" })
	if err := c.Quiet(context.Background()); err != nil {
		t.Error(err)
	}
}

func state() string {
	out, _ := exec.Command("sinfo", "-h", "-N", "-p", "batch", "-o", "%T").Output()
	return string(out)
}

func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come to this: %s (node %s)", what, state())
		}
	}
}
