package slurm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema/regular"
)

// An auxiliary job is no run: it looks at nodes, or brings something. It is
// submitted, found again, followed and cancelled as the jobs of runs are, and its
// script claims its folder as theirs do. The script leaves the file "done" there
// when all is said.
type auxiliary struct {
	executor *Executor
	job      *executors.Job
	say      func(format string, args ...any)
	// unsure says that a submission was not confirmed: there may be two jobs.
	unsure bool
	// pause is how long it waits between two looks, grace how long what an ended
	// job left may take to be seen here.
	pause, grace time.Duration
}

// doneFile is what an auxiliary job writes last.
const doneFile = "done"

// auxiliary returns the job of a name with its folder; options are sbatch's.
func (c *Config) auxiliary(name, dir string, options []string, say func(format string, args ...any)) *auxiliary {
	near := *c
	near.PollInterval = min(max(time.Second, c.PollInterval), 10*time.Second)
	return &auxiliary{
		executor: newExecutor(&near, hclog.NewNullLogger()),
		job:      &executors.Job{Name: name, Dir: dir, Argv: sbatch(options), NotBefore: time.Now()},
		say:      say, pause: near.PollInterval, grace: 30 * time.Second,
	}
}

// write fills the folder, which exists, with all that the job needs; the intent
// comes last.
func (a *auxiliary) write(script, nonce string) error {
	vars := "LLMBENCH_NONCE=" + nonce + "\nLLMBENCH_JOB_NAME=" + a.job.Name + "\n"
	files := []jobdir.File{{Name: jobdir.VarsFile, Data: []byte(vars), Perm: 0o644}, {Name: jobdir.ScriptFile, Data: []byte(script), Perm: 0o755}}
	sums, err := jobdir.FillFiles(a.job.Dir, files)
	if err != nil {
		return err
	}
	intent := jobdir.Intent{JobName: a.job.Name, Files: sums, Nonce: nonce, Created: a.job.NotBefore.UTC()}
	return jobdir.ReplaceFile(a.job.Dir, jobdir.IntentFile, jobdir.Encode(intent), 0o644)
}

// submit returns once there is a job. A submission whose answer is lost is looked
// for before it is repeated.
func (a *auxiliary) submit(ctx context.Context) (executors.Handle, error) {
	told := ""
	for {
		h, err := a.executor.Submit(ctx, a.job)
		if err == nil || ctx.Err() != nil || errors.Is(err, executors.ErrRejected) {
			return h, err
		}
		words := "waits: "
		if !errors.Is(err, executors.ErrLimit) {
			a.job.Resumed, a.unsure, words = true, true, "submission not confirmed: "
		}
		if words += strings.ReplaceAll(err.Error(), "\n", " "); words != told {
			told = words
			a.say("job %s %s", a.job.Name, words)
		}
		if err := sleep(ctx, a.pause); err != nil {
			return "", err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// follow waits until the job has written doneFile, or never will.
func (a *auxiliary) follow(ctx context.Context, h executors.Handle, look func()) error {
	told, state, since := "", plan.State(""), time.Now()
	for {
		look()
		if jobdir.Seen(a.job.Dir, doneFile) {
			return nil
		}
		all, err := a.executor.Poll(ctx, []executors.Handle{h})
		s := all[h] // of no state where it is not known
		if words := a.words(h, s, err); words != "" && words != told && ctx.Err() == nil {
			told = words
			a.say("%s", words)
		}
		if s.State != state {
			state, since = s.State, time.Now()
		}
		owner := claimedBy(a.job.Dir)
		switch in := time.Since(since); {
		case state == plan.Ended && owner != "" && owner != executors.JobID(h):
			h, state = a.executor.handle(owner, a.job.Name), "" // an earlier submission had the folder first
		case state == plan.Ended && in > a.grace:
			return a.silent(s)
		case state == plan.Held && in >= max(s.Hope, min(time.Minute, 4*a.pause)):
			return fmt.Errorf("job %s will not start: %s. %s", s.JobID, s.Reason, s.Remedy)
		}
		if err := sleep(ctx, a.pause); err != nil {
			return err
		}
	}
}

// words tell where the job stands, "" for nothing.
func (a *auxiliary) words(h executors.Handle, s executors.Status, err error) string {
	switch {
	case err != nil:
		return fmt.Sprintf("Slurm does not answer, job %s keeps running: %s", executors.JobID(h), strings.ReplaceAll(err.Error(), "\n", " "))
	case s.State == "" || s.State == plan.Ended:
		return ""
	case s.Reason != "" && (s.State == plan.Queued || s.State == plan.Held):
		return fmt.Sprintf("job %s: %s (%s)", s.JobID, s.Raw, s.Reason)
	}
	return fmt.Sprintf("job %s: %s", s.JobID, s.Raw)
}

// silent is the error of a job that ended without that file, with the end of
// its output.
func (a *auxiliary) silent(s executors.Status) error {
	words, err := lastText(filepath.Join(a.job.Dir, jobdir.JobOutFile))
	if err != nil {
		return fmt.Errorf("job %s ended (%s), and nothing of it can be seen in %s: the node that it ran on does not share this folder, or could not start it", s.JobID, s.Raw, a.job.Dir)
	}
	if words == "" {
		words = "it printed nothing"
	}
	return fmt.Errorf("job %s ended (%s) before it was done: %s", s.JobID, s.Raw, words)
}

// lastText are what stands at the end of a file, without the space around it.
func lastText(path string) (string, error) {
	const most = 600
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, _ = f.Seek(-most, io.SeekEnd) // a shorter file is read whole
	b, err := io.ReadAll(io.LimitReader(f, most))
	return strings.TrimSpace(string(b)), err
}

// stop cancels all that was submitted under the job's name. A job that appears
// later finds the mark in its folder, or no folder, and ends at once.
func (a *auxiliary) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = jobdir.Folder{Dir: a.job.Dir}.MarkCancelled() // the folder may be gone
	for {
		all, err := a.executor.List(ctx)
		for _, h := range all[a.job.Name] {
			err = errors.Join(err, a.executor.Cancel(ctx, h))
		}
		if err == nil {
			return
		}
		if sleep(ctx, min(a.pause, 5*time.Second)) != nil {
			a.say("cannot cancel the job, which may hold nodes: %v; `%s` does", err, strings.Join(a.executor.slurm.command("scancel", "--name="+a.job.Name), " "))
			return
		}
	}
}

// here runs the script in the allocation that this process is in.
func (a *auxiliary) here(ctx context.Context) error {
	if os.Getenv("SLURM_JOB_ID") == "" {
		return errors.New("in_allocation = true, but this shell is not in an allocation")
	}
	cmd := exec.CommandContext(ctx, "bash", filepath.Join(a.job.Dir, jobdir.ScriptFile))
	cmd.Dir, cmd.Env, cmd.WaitDelay = a.job.Dir, allocationEnvironment(os.Environ()), 10*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
