package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// An errand is a job that is no run: it looks at nodes, or brings something. Its
// script leaves the file "done" in its folder when all is said.
type errand struct {
	cfg    *Config
	runner Runner
	// dir holds the script, errandScript, and what the job leaves.
	dir  string
	name string
	// options are sbatch's, without name and output.
	options []string
	say     func(format string, args ...any)
	// pause is how long it waits between two looks, grace how long what an ended
	// job left may take to be seen here.
	pause, grace time.Duration
}

func (c *Config) newErrand(name, dir string, options []string) *errand {
	return &errand{
		cfg: c, runner: processes{}, name: name, dir: dir, options: options, say: func(string, ...any) {},
		pause: min(max(time.Second, c.PollInterval), 10*time.Second), grace: 30 * time.Second,
	}
}

const (
	errandScript = "script.sh"
	errandOutput = "job.out"
	errandDone   = "done"
)

func (e *errand) on(command string, args ...string) []string {
	argv := []string{command}
	if e.cfg.Cluster != "" {
		argv = append(argv, "--clusters="+e.cfg.Cluster)
	}
	return append(argv, args...)
}

// submit starts the job and returns its id.
func (e *errand) submit(ctx context.Context) (string, error) {
	argv := append(e.on("sbatch", "--parsable", "--no-requeue", "--job-name="+e.name, "--output="+filepath.Join(e.dir, errandOutput), "--open-mode=append"), e.options...)
	out, err := e.runner.Run(ctx, submitTimeout, e.dir, append(argv, filepath.Join(e.dir, errandScript))...)
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(strings.TrimSpace(out), ";")
	if !isID(id) {
		return "", fmt.Errorf("sbatch answered %q", out)
	}
	return id, nil
}

// here runs the script in the allocation that this process is in.
func (e *errand) here(ctx context.Context) error {
	if os.Getenv("SLURM_JOB_ID") == "" {
		return errors.New("in_allocation = true, and this shell is in no allocation")
	}
	cmd := exec.CommandContext(ctx, "bash", filepath.Join(e.dir, errandScript))
	cmd.Dir, cmd.Env, cmd.WaitDelay = e.dir, allocationEnvironment(os.Environ()), 10*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// find is the job of this name that is in the queue, of whatever user; "" for
// none.
func (e *errand) find(ctx context.Context) (string, error) {
	out, err := e.runner.Run(ctx, queryTimeout, "", e.on("squeue", "-h", "-a", "-n", e.name, "-o", "%i")...)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if id := strings.TrimSpace(line); isID(id) {
			return id, nil
		}
	}
	return "", nil
}

func (e *errand) cancel(id string) {
	_, _ = e.runner.Run(context.Background(), queryTimeout, "", e.on("scancel", id)...)
}

// follow waits until the job has left its last word, or is gone without one.
func (e *errand) follow(ctx context.Context, id string, look func()) error {
	told, gone := "", time.Time{}
	for {
		look()
		if jobdir.Seen(e.dir, errandDone) {
			return nil
		}
		state, err := e.state(ctx, id)
		switch {
		case err != nil: // no answer: the job goes on
		case state == "" && gone.IsZero():
			gone = time.Now()
		case state == "" && time.Since(gone) > e.grace:
			return e.silent(id)
		case state != "" && state != told:
			told, gone = state, time.Time{}
			e.say("job %s: %s", id, state)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(e.pause):
		}
	}
}

// state is the job's state, with the reason while it waits; "" once it has
// ended.
func (e *errand) state(ctx context.Context, id string) (string, error) {
	out, err := e.runner.Run(ctx, queryTimeout, "", e.on("squeue", "-h", "-j", id, "-o", "%T|%r")...)
	var ce *commandError
	if errors.As(err, &ce) && strings.Contains(ce.stderr, "Invalid job id") {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		state, reason, ok := strings.Cut(strings.TrimSpace(line), "|")
		if !ok {
			continue
		}
		switch state {
		case "PENDING":
			return "PENDING (" + reason + ")", nil
		case "RUNNING", "CONFIGURING", "SUSPENDED":
			return state, nil
		}
	}
	return "", nil
}

// silent is the error of a job that ended without its last word, with the end of
// its output.
func (e *errand) silent(id string) error {
	b, err := os.ReadFile(filepath.Join(e.dir, errandOutput))
	if err != nil {
		return fmt.Errorf("job %s ended, and nothing of it can be seen in %s: the node that it ran on does not share this folder, or could not start it", id, e.dir)
	}
	const most = 600
	words := strings.TrimSpace(string(b[max(0, len(b)-most):]))
	if words == "" {
		words = "it printed nothing"
	}
	return fmt.Errorf("job %s ended before it was done: %s", id, words)
}
