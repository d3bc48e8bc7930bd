package slurmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The logs of the daemons, which name them.
const (
	controller = "slurmctld.out"
	dbd        = "slurmdbd.out"
)

func slurmdLog(node string) string { return "slurmd." + node + ".out" }

// kill ends a daemon without a warning.
func (c *Cluster) kill(log string) error {
	cmd, ok := c.daemons[log]
	if !ok {
		return fmt.Errorf("no daemon logs to %s", log)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = cmd.Wait() // it was killed
	delete(c.daemons, log)
	c.procs = slices.DeleteFunc(c.procs, func(p *exec.Cmd) bool { return p == cmd })
	return nil
}

// KillController kills slurmctld; StartController starts it again with the
// state that it had saved.
func (c *Cluster) KillController() error { return c.kill(controller) }

// FreezeController lets slurmctld answer nobody until it is killed: commands
// connect to it and wait.
func (c *Cluster) FreezeController() error {
	return c.daemons[controller].Process.Signal(syscall.SIGSTOP)
}

// StartController starts slurmctld again.
func (c *Cluster) StartController() error {
	return c.spawn(nil, controller, "slurmctld", "-D", "-i", "-f", c.path("slurm.conf")) // -i: what it had not saved is no error
}

// KillNode takes the power from a node, gb01 and so on: its slurmd is gone, and
// what runs on it stands still and tells nobody.
func (c *Cluster) KillNode(node string) error {
	if err := c.kill(slurmdLog(node)); err != nil {
		return err
	}
	return c.signal(syscall.SIGSTOP, node)
}

// StartNode starts the slurmd of a node, on which nothing runs any more.
func (c *Cluster) StartNode(node string) error {
	if err := c.signal(syscall.SIGKILL, node); err != nil {
		return err
	}
	return c.spawn([]string{nodeVariable + "=" + node}, slurmdLog(node), "slurmd", "-D", "-N", node, "-f", c.path("slurm.conf"))
}

// KillAccounting kills slurmdbd.
func (c *Cluster) KillAccounting() error { return c.kill(dbd) }

// StartAccounting starts slurmdbd.
func (c *Cluster) StartAccounting() error { return c.spawn(nil, dbd, "slurmdbd", "-D") }

// Quiet waits until no job is left: neither in the queue nor a process of one,
// which could still write into its folder. What outlives its job is killed.
func (c *Cluster) Quiet(ctx context.Context) error {
	err := until(ctx, 3*time.Minute, func() error {
		out, err := c.run(ctx, "squeue", "-h", "-a", "-o", "%i %T %N")
		if err == nil && out != "" {
			err = fmt.Errorf("jobs are left:\n%s", out)
		}
		return err
	})
	if err != nil {
		return err
	}
	return until(ctx, time.Minute, func() error {
		if err := c.signal(syscall.SIGKILL, ""); err != nil {
			return err
		}
		if left := c.ofJobs(""); len(left) > 0 {
			return fmt.Errorf("processes of jobs are left: %v", left)
		}
		return nil
	})
}

// signal sends a signal to the processes of jobs on a node, "" for all nodes, and to
// the daemons over them.
func (c *Cluster) signal(sig syscall.Signal, node string) error {
	for _, pid := range c.ofJobs(node) {
		if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	return nil
}

// nodeVariable tells in the environment of a slurmd which node it is; it hands it
// on to each slurmstepd.
const nodeVariable = "SLURMTEST_NODE"

// ofJobs lists the living processes of this cluster's jobs on a node, "" for all
// nodes: first every slurmstepd, which has sessions of its own and may be all that
// is left of a step, then what they watch over.
func (c *Cluster) ofJobs(node string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var over, under []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env := environ(pid)
		switch {
		case env["SLURM_CONF"] != c.path("slurm.conf"):
		case env["SLURM_JOB_ID"] != "":
			if node == "" || env["SLURMD_NODENAME"] == node {
				under = append(under, pid)
			}
		case isStepd(pid) && (node == "" || env[nodeVariable] == node):
			over = append(over, pid)
		}
	}
	return append(over, under...)
}

// environ is a process's environment, nil for one that has ended.
func environ(pid int) map[string]string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for pair := range strings.SplitSeq(string(text), "\x00") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			out[name] = value
		}
	}
	return out
}

// isStepd reports whether a process is a slurmstepd.
func isStepd(pid int) bool {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return err == nil && strings.HasPrefix(string(name), "slurmstepd")
}
