package slurmtest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A node comes back although all tasks of a step ended while it stood still: the
// slurmstepd that is left of the step would keep the new slurmd waiting for ever.
func TestNodeComesBack(t *testing.T) {
	c := ForTest(t, Options{Nodes: 1, SlurmdTimeout: 5})
	ctx := t.Context()
	if _, err := c.run(ctx, "sbatch", "--no-requeue", "-n1", "--wrap", "srun sleep 1000", "-o", os.DevNull); err != nil {
		t.Fatal(err)
	}
	var task int
	err := until(ctx, time.Minute, func() error {
		for _, pid := range c.ofJobs("gb01") {
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), "sleep\x001000") && !strings.Contains(string(line), "srun") {
				task = pid
			}
		}
		if task == 0 {
			return errors.New("no task runs")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.KillNode("gb01"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(task, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err = until(ctx, time.Minute, func() error {
		out, err := c.run(ctx, "sinfo", "-h", "-N", "-p", "batch", "-o", "%T")
		if err == nil && !strings.Contains(out, "down") {
			err = fmt.Errorf("the node is %s", out)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.StartNode("gb01"); err != nil {
		t.Fatal(err)
	}
	if err := c.ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Quiet(ctx); err != nil {
		t.Error(err)
	}
}
