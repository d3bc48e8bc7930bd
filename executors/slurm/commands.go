package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// A Runner runs one of Slurm's commands in dir for at most timeout and returns
// its standard output.
type Runner interface {
	Run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (stdout string, err error)
}

// processes runs the commands of this host.
type processes struct{}

func (processes) Run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	return call(ctx, timeout, dir, argv...)
}

// A CommandError is what a Runner returns for a command that failed with words
// of its own; answered says that it ended by itself.
func CommandError(name, stderr string, answered bool) error {
	return &commandError{name: name, stderr: stderr, err: errors.New("exit status 1"), answered: answered}
}

// gentle runs commands no faster than a bucket gives tokens: the controller is
// shared by all users of the cluster.
type gentle struct {
	next   Runner
	bucket *rate.Limiter
}

func (g gentle) Run(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	if err := g.bucket.Wait(ctx); err != nil {
		return "", &commandError{name: argv[0], err: err}
	}
	return g.next.Run(ctx, timeout, dir, argv...)
}

// call runs one of Slurm's commands in dir with a clean environment and returns
// its standard output.
func call(ctx context.Context, timeout time.Duration, dir string, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, environment(os.Environ())
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

// environment keeps of the caller's what Slurm's commands and jobs need. All
// else stays behind: SBATCH_* and SQUEUE_* would change what the commands do,
// and sbatch hands its environment on to the job, secrets included.
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
