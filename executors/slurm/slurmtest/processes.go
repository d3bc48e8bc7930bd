package slurmtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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
