package simulate

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// An attempt runs one member of a job in its folder and leaves the files that a job on
// a cluster leaves, the exit last.
type attempt struct {
	job     string // its name
	run     *plan.Run
	folder  jobdir.Folder
	data    *datasets
	started time.Time
	// position is the member's place in its job, from 1.
	position int
}

var errNotOwner = errors.New("another job has claimed the attempt")

func (a *attempt) measure(ctx context.Context) error {
	if a.folder.Cancelled() {
		return nil
	}
	host, _ := os.Hostname()
	a.started = now()
	won, err := a.folder.Take(jobdir.Claim{JobID: a.job, Host: host, Time: a.started, Nonce: a.job}, os.Link)
	if err != nil {
		return err
	}
	if !won {
		return errNotOwner
	}
	if err := a.put(jobdir.StartFile, jobdir.Start{JobID: a.job, Host: host, Nodes: []string{host}, Time: a.started}); err != nil {
		return err
	}
	rc, err := a.bench(ctx)
	if err != nil {
		return err
	}
	return a.exit(ctx, rc)
}

// bench runs the step with its output in the attempt's files.
func (a *attempt) bench(ctx context.Context) (int, error) {
	stdout, err := jobdir.Create(a.folder.Dir, jobdir.StdoutFile)
	if err != nil {
		return 0, err
	}
	defer stdout.Close()
	stderr, err := jobdir.Create(a.folder.Dir, jobdir.StderrFile)
	if err != nil {
		return 0, err
	}
	defer stderr.Close()
	argv := a.run.Command().Argv[1:]
	b := Bench{
		Dir: a.folder.Dir, Stdout: stdout, Stderr: stderr,
		GPU: a.run.Hardware.GPU, Version: a.run.Image.TRTLLMVersion,
		Getenv: a.getenv, ReadDataset: a.data.get, Limit: a.limit(),
	}
	rc := b.Run(ctx, argv)
	if a.run.Shared() {
		word := jobdir.EngineRecord{Engine: a.job + ".1", Position: a.position, Starts: 1, Calls: 1}
		if err := a.put(jobdir.MemberFile, word); err != nil {
			return 0, err
		}
	}
	return rc, errors.Join(stdout.Sync(), stderr.Sync())
}

// limit is how much of the job's time limit is left when it begins to measure, a
// second at least.
func (a *attempt) limit() float64 {
	limit := float64(a.run.TimeLimitSeconds)
	loads := !a.run.Shared() || a.position == 1
	if e := a.run.Estimate; loads && e != nil && e.StartupSeconds != nil {
		limit = max(1, limit-e.StartupSeconds.Mid)
	}
	return limit
}

func (a *attempt) getenv(name string) string {
	if v := a.run.Env[name]; v != nil {
		return *v
	}
	return ""
}

func (a *attempt) exit(ctx context.Context, rc int) error {
	signal, reason := "", ""
	switch {
	case ctx.Err() != nil:
		signal = "TERM"
	case rc == rcTerminated:
		signal, reason = "TERM", "time_limit"
	}
	report, err := digest(a.path(jobdir.ReportFile))
	if err != nil {
		return err
	}
	stdout, err := digest(a.path(jobdir.StdoutFile))
	if err != nil {
		return err
	}
	if report != nil {
		if err := jobdir.Share(a.folder.Dir, jobdir.ReportFile); err != nil {
			return err
		}
	}
	return a.put(jobdir.ExitFile, jobdir.ExitRecord{
		JobID: a.job, RC: rc, BenchRC: &rc, Signal: signal, Reason: reason, Started: a.started, Ended: now(), Report: report, Stdout: stdout,
	})
}

// put writes a record.
func (a *attempt) put(name string, record any) error {
	return jobdir.ReplaceFile(a.folder.Dir, name, jobdir.Encode(record), 0o644)
}

func (a *attempt) path(name string) string { return filepath.Join(a.folder.Dir, name) }

// digest is the size and SHA-256 of a file, nil where there is none.
func digest(path string) (*jobdir.Sum, error) {
	sum, err := jobdir.SumFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &sum, err
}

// now is the time in whole seconds, as job scripts write it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
