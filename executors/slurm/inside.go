package slurm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// An inside executor runs job scripts, one at a time, in the allocation that
// this process is in. A script outlives this process and is found again by its
// working directory, which is its attempt's folder.
type inside struct {
	environ []string // tells of the allocation
}

// variable is a variable of the environment, "" where it is not set.
func (e *inside) variable(name string) string {
	for _, pair := range e.environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			return v
		}
	}
	return ""
}

// Preflight asks whether the allocation is large enough, for executors.Backend.
func (e *inside) Preflight(_ context.Context, job *executors.Job) error {
	id := e.variable("SLURM_JOB_ID")
	if id == "" {
		return fmt.Errorf("in_allocation = true, but this shell is not in an allocation: start one with `salloc -N %d --exclusive`, or leave in_allocation out (%w)", job.Members[0].Run.Hardware.Nodes, executors.ErrRejected)
	}
	have, err := strconv.Atoi(e.variable("SLURM_JOB_NUM_NODES"))
	if err == nil && have < job.Members[0].Run.Hardware.Nodes {
		return fmt.Errorf("allocation %s has %d nodes, and the run needs %d (%w)", id, have, job.Members[0].Run.Hardware.Nodes, executors.ErrRejected)
	}
	return nil
}

// Submit implements executors.Executor.
func (e *inside) Submit(_ context.Context, job *executors.Job) (executors.Handle, error) {
	id := e.variable("SLURM_JOB_ID")
	if id == "" {
		return "", fmt.Errorf("this shell is not in an allocation (%w)", executors.ErrRejected)
	}
	h := handle{cluster: "inside", id: id, name: filepath.Clean(job.Dir)}.String()
	if pid, err := scriptIn(job.Dir); err != nil || pid > 0 || claimedBy(job.Dir) != "" {
		return h, err
	}
	out, err := os.OpenFile(filepath.Join(job.Dir, "job.out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer out.Close()
	cmd := exec.Command(job.Argv[0], job.Argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = job.Dir, out, out
	cmd.Env = allocationEnvironment(e.environ)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	go func() { _ = cmd.Wait() }() // the script leaves its exit record
	return h, nil
}

// Poll implements executors.Executor.
func (e *inside) Poll(_ context.Context, handles []executors.Handle) (map[executors.Handle]executors.Status, error) {
	out := map[executors.Handle]executors.Status{}
	for _, h := range handles {
		parts, err := parseHandle(h)
		if err != nil {
			return nil, err
		}
		pid, err := scriptIn(parts.name)
		if err != nil {
			return nil, err
		}
		s := executors.Status{State: plan.Running, JobID: parts.id, Raw: "in allocation " + parts.id}
		if pid == 0 {
			s = executors.Status{State: plan.Ended, End: failure.Lost, JobID: parts.id, Raw: "no longer in allocation " + parts.id}
		}
		out[h] = s
	}
	return out, nil
}

// Cancel implements executors.Executor.
func (e *inside) Cancel(_ context.Context, h executors.Handle) error {
	parts, err := parseHandle(h)
	if err != nil {
		return err
	}
	pid, err := scriptIn(parts.name)
	if err != nil || pid == 0 {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
		return err
	}
	return nil
}

// scriptIn is the process that runs the job script of an attempt's folder on
// this host, 0 for none.
func scriptIn(dir string) (int, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return 0, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	found := 0
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		at, err := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd"))
		if err != nil || at != dir {
			continue
		}
		argv, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if words := strings.Split(strings.TrimSuffix(string(argv), "\x00"), "\x00"); len(words) < 2 || words[len(words)-2] != "bash" || words[len(words)-1] != "script.sh" {
			continue
		}
		if found == 0 || pid < found {
			found = pid
		}
	}
	return found, nil
}

// insideArgv runs the script under the run's time limit, which no job enforces
// here.
func insideArgv(seconds int) []string {
	return []string{"timeout", "--signal=TERM", "--kill-after=90", strconv.Itoa(seconds), "bash", "script.sh"}
}
