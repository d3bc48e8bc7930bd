package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// How long Slurm's commands may take. sbatch itself tries again for two minutes
// when the controller does not answer.
const (
	submitTimeout = 200 * time.Second
	queryTimeout  = 45 * time.Second
)

// A commandError is a command of Slurm's that failed, with its own words.
type commandError struct {
	name   string
	stderr string
	err    error
	// answered is false when the command did not end by itself.
	answered bool
}

func (e *commandError) Error() string {
	if e.stderr == "" {
		return fmt.Sprintf("%s: %v", e.name, e.err)
	}
	return fmt.Sprintf("%s: %s", e.name, strings.TrimPrefix(e.stderr, e.name+": "))
}

func (e *commandError) Unwrap() error { return e.err }

// A runner runs one of Slurm's commands in dir for at most timeout and returns
// its standard output.
type runner interface {
	Run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (stdout string, err error)
}

// processes runs the commands of this host.
type processes struct{}

func (processes) Run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	return call(ctx, timeout, dir, argv...)
}

// rateLimited runs commands no faster than a bucket gives tokens: the controller is
// shared by all users of the cluster.
type rateLimited struct {
	next   runner
	bucket *rate.Limiter
}

func (g rateLimited) Run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	if err := g.bucket.Wait(ctx); err != nil {
		return "", &commandError{name: argv[0], err: err}
	}
	return g.next.Run(ctx, timeout, dir, argv...)
}

// call runs one of Slurm's commands in dir and returns
// its standard output.
func call(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, commandEnvironment(os.Environ(), argv)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	var exit *exec.ExitError
	return stdout.String(), &commandError{
		name: argv[0], stderr: strings.TrimSpace(stderr.String()), err: err,
		answered: ctx.Err() == nil && errors.As(err, &exit) && exit.Exited(),
	}
}

// commandEnvironment is the caller's for a command of Slurm's: sites need their
// own variables for it. What would change what the commands do or print stays
// behind. sbatch and srun hand theirs on to the job, which is to get no more than
// environment has: they get that, and what they need to reach the controller, which
// the job's script drops first. (--export with a list of names is no way: as with
// NONE, sbatch then has the node load a login environment, from 22.05 to 25.11.)
func commandEnvironment(environ, argv []string) []string {
	if argv[0] == "sbatch" || argv[0] == "srun" && len(argv) > 2 {
		keep := environment(environ)
		for _, pair := range environ {
			if name, _, _ := strings.Cut(pair, "="); slices.Contains(reaching, name) {
				keep = append(keep, pair)
			}
		}
		return keep
	}
	keep := []string{}
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); !affectsSlurm(name) {
			keep = append(keep, pair)
		}
	}
	return append(keep, "LC_ALL=C", "SLURM_TIME_FORMAT=standard")
}

// reaching are the variables by which commands reach and convince the controller;
// common.sh unsets them.
var reaching = []string{"SLURM_CONF_SERVER", "SLURM_JWT", "KRB5CCNAME", "LD_LIBRARY_PATH"}

// affectsSlurm reports whether a variable changes what Slurm's commands do or print.
func affectsSlurm(name string) bool {
	switch name {
	case "SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT":
		return false
	case "LC_ALL":
		return true
	}
	for _, prefix := range []string{"SLURM_", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SINFO_", "SACCT_", "SACCTMGR_", "SPRIO_", "SCANCEL_", "SCONTROL_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// environment keeps of the caller's what jobs get: secrets and what would change
// the run stay behind.
func environment(environ []string) []string {
	keep := []string{"LC_ALL=C"}
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "SLURM_CONF":
			keep = append(keep, pair)
		}
	}
	return keep
}
