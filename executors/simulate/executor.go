// Package simulate runs benchmarks without a cluster or a GPU. It has two
// doors to one simulation: the executor of that name, the embedded default
// that nothing has to be installed for, and [Bench], the stand-in for
// trtllm-bench that a Slurm job can start in its place.
//
// Both read the real command line, options file and data set, refuse what the
// real one refuses, predict with package estimate and write the real report,
// marked "simulated" and SIMULATED. Nothing simulated ever counts as measured.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/hcl/v2/hcldec"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// executor runs jobs inside this process. A job dies with the process: a later
// one sees it as lost.
type executor struct {
	log  hclog.Logger
	mu   sync.Mutex
	jobs map[executors.Handle]*running
	data map[string]func() (trtllm.Dataset, error) // by file and number of lines
}

type running struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// newExecutor returns an executor without jobs.
func newExecutor(log hclog.Logger) *executor {
	return &executor{log: log, jobs: map[executors.Handle]*running{}, data: map[string]func() (trtllm.Dataset, error){}}
}

// Submit implements executors.Executor.
func (e *executor) Submit(_ context.Context, job *executors.Job) (executors.Handle, error) {
	h := newHandle(job.Name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.jobs[h]; known {
		return h, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, done: make(chan struct{})}
	e.jobs[h] = r
	go func() {
		defer close(r.done)
		for i, m := range job.Members {
			a := attempt{job: job.Name, run: m.Run, folder: jobdir.Folder{Dir: m.Dir}, read: e.dataset, position: i + 1}
			if err := a.measure(ctx); err != nil {
				e.log.Error("simulated job", "name", job.Name, "error", err)
			}
		}
	}()
	return h, nil
}

// Poll implements executors.Executor.
func (e *executor) Poll(_ context.Context, handles []executors.Handle) (map[executors.Handle]executors.Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[executors.Handle]executors.Status{}
	for _, h := range handles {
		out[h] = e.status(h)
	}
	return out, nil
}

func (e *executor) status(h executors.Handle) executors.Status {
	s := executors.Status{JobID: executors.JobID(h), Cluster: Cluster}
	if r, ok := e.jobs[h]; ok {
		select {
		case <-r.done:
			s.State = plan.Ended
		default:
			s.State = plan.Running
		}
		return s
	}
	if alive(h) {
		s.State = plan.Running
		return s
	}
	s.State, s.End, s.Reason = plan.Ended, failure.Lost, "the process that simulated it is gone"
	return s
}

// Cancel implements executors.Executor. It returns when the job has ended.
func (e *executor) Cancel(ctx context.Context, h executors.Handle) error {
	e.mu.Lock()
	r, ok := e.jobs[h]
	e.mu.Unlock()
	if !ok {
		if alive(h) {
			return fmt.Errorf("%s runs inside another process; interrupt that one", executors.JobID(h))
		}
		return nil
	}
	r.cancel()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newHandle is simulate:HOST/PID:NAME:NAME.
func newHandle(name string) executors.Handle {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return executors.Handle(fmt.Sprintf("%s:%s/%d:%s:%s", Type, host, os.Getpid(), name, name))
}

// alive reports whether the process that a handle names lives, as far as can
// be told: processes of other hosts are taken to live.
func alive(h executors.Handle) bool {
	parts := strings.Split(string(h), ":")
	if len(parts) < 2 {
		return false
	}
	host, pidText, _ := strings.Cut(parts[1], "/")
	if here, err := os.Hostname(); err == nil && host != here {
		return true
	}
	pid, err := strconv.Atoi(pidText)
	if err != nil || pid == os.Getpid() {
		return false
	}
	err = syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// Type is the type of executor blocks for this package; Cluster is where its
// results count.
const (
	Type    = "simulate"
	Cluster = "simulate"
)

// Spec is what a simulate executor block may hold: nothing.
func Spec() hcldec.Spec { return hcldec.ObjectSpec{} }

// Open returns the executor: as many runs at once as the machine has processors.
func Open(log hclog.Logger) *executors.Backend {
	return &executors.Backend{
		Cluster:   Cluster,
		Executor:  newExecutor(log),
		Renderer:  renderer{},
		Simulated: true,
		Pace: executors.Pace{
			Look: 20 * time.Millisecond, Poll: 100 * time.Millisecond,
			MaxInQueue: runtime.GOMAXPROCS(0), Retries: 2,
		},
	}
}

type renderer struct{}

func (renderer) Identity() plan.ExecutorIdentity {
	return plan.ExecutorIdentity{Launcher: []string{"trtllm-bench"}, Simulated: true}
}

// Packing implements plan.JobRenderer: what is simulated shares jobs to share an engine.
func (renderer) Packing() *plan.Packing {
	return &plan.Packing{MaxRuns: 1000, MaxTime: 1 << 62, SharedOnly: true}
}

func (renderer) Job(runs ...*plan.Run) *plan.Job {
	r := runs[0]
	job := &plan.Job{Name: "simulate-" + r.Fingerprint[:12], GPUs: r.Hardware.GPUs}
	for _, r := range runs {
		job.Runs = append(job.Runs, r.Address)
		job.TimeLimitSeconds += r.TimeLimitSeconds
	}
	return job
}

func (renderer) Describe() string {
	return "nothing is measured: figures come from a model of the GPUs and are marked SIMULATED"
}

// dataset is trtllm.ReadDatasetFile, once for all jobs that are given the same file; the
// lengths must not be changed.
func (e *executor) dataset(path string, lines int) (trtllm.Dataset, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return trtllm.Dataset{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return trtllm.Dataset{}, err
	}
	key := fmt.Sprint(info.Size(), info.ModTime().UnixNano(), lines, real)
	e.mu.Lock()
	once := e.data[key]
	if once == nil {
		once = sync.OnceValues(func() (trtllm.Dataset, error) { return trtllm.ReadDatasetFile(real, lines) })
		e.data[key] = once
	}
	e.mu.Unlock()
	return once()
}

// An attempt runs one member of a job in its folder and leaves the files that a job on
// a cluster leaves, the exit last.
type attempt struct {
	job     string // its name
	run     *plan.Run
	folder  jobdir.Folder
	read    func(path string, lines int) (trtllm.Dataset, error)
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
	b := Bench{
		Dir: a.folder.Dir, Stdout: stdout, Stderr: stderr,
		GPU: a.run.Hardware.GPU, Version: a.run.Image.TRTLLMVersion,
		Getenv: a.getenv, ReadDataset: a.read, Limit: a.limit(),
	}
	rc := b.Run(ctx, a.run.Command().Argv[1:])
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
