package simulate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// executor runs jobs inside this process. A job dies with the process: a later
// one sees it as lost.
type executor struct {
	log  hclog.Logger
	mu   sync.Mutex
	jobs map[executors.Handle]*running
	data datasets
}

type running struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// newExecutor returns an executor without jobs.
func newExecutor(log hclog.Logger) *executor {
	return &executor{
		log: log, jobs: map[executors.Handle]*running{},
		data: datasets{read: map[datasetKey]func() (trtllm.Dataset, error){}},
	}
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
			a := attempt{job: job.Name, run: m.Run, folder: jobdir.Folder{Dir: m.Dir}, data: &e.data, position: i + 1}
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
			s.State, s.End = plan.Ended, executors.Completed
		default:
			s.State = plan.Running
		}
		return s
	}
	if alive(h) {
		s.State = plan.Running
		return s
	}
	s.State, s.End, s.Reason = plan.Ended, executors.Lost, "the process that simulated it is gone"
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
