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

// signal sends a signal to the processes of jobs that have a variable in their
// environment, and to the daemons over them.
func (c *Cluster) signal(sig syscall.Signal, variable string) error {
	for _, pid := range c.ofJobs(variable) {
		if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	return nil
}

// ofJobs lists the living processes of this cluster's jobs that have NAME=VALUE in
// their environment, "" for all, each after the slurmstepd over it, which has
// sessions of its own.
func (c *Cluster) ofJobs(variable string) []int {
	var pids []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env := environ(pid)
		if env["SLURM_JOB_ID"] == "" || env["SLURM_CONF"] != c.path("slurm.conf") {
			continue
		}
		if name, value, ok := strings.Cut(variable, "="); ok && env[name] != value {
			continue
		}
		if parent := stepd(pid); parent != 0 {
			pids = append(pids, parent)
		}
		pids = append(pids, pid)
	}
	return pids
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

// stepd is the parent of a process where that is a slurmstepd, else 0.
func stepd(pid int) int {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // PID (NAME) STATE PARENT …
	f := strings.Fields(rest)
	if len(f) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return 0
	}
	name, err := os.ReadFile(filepath.Join("/proc", f[1], "comm"))
	if err != nil || !strings.HasPrefix(string(name), "slurmstepd") {
		return 0
	}
	return parent
}
