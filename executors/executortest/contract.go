// Package executortest is the contract that every executor passes.
package executortest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// A Harness makes jobs for one executor.
type Harness struct {
	Executor executors.Executor
	// Job makes a new job that ends soon and well. Each has a folder and a name
	// of its own.
	Job func(t *testing.T) *executors.Job
	// Long makes a job that does not end by itself within a minute.
	Long func(t *testing.T) *executors.Job
	// Refused makes a job that the backend refuses; nil where none is refused.
	Refused func(t *testing.T) *executors.Job
}

// Run checks the contract of executors.Executor.
func Run(t *testing.T, h Harness) {
	t.Run("a job ends and leaves its word", h.ends)
	t.Run("submitting again returns the same job", h.once)
	t.Run("a job can be cancelled, twice", h.cancelled)
	t.Run("a cancelled attempt is left alone", h.late)
	t.Run("a job that cannot be is refused", h.refused)
}

func (h Harness) ends(t *testing.T) {
	job := h.Job(t)
	handle, err := h.Executor.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	s := h.wait(t, handle, plan.Ended)
	if s.End != "" {
		t.Errorf("the job ended as %q (%s)", s.End, s.Raw)
	}
	for _, name := range []string{jobdir.ClaimFile, jobdir.StartFile, jobdir.ExitFile} {
		if _, err := os.Stat(filepath.Join(job.Dir, name)); err != nil {
			t.Errorf("the job left no %s: %v", name, err)
		}
	}
}

func (h Harness) once(t *testing.T) {
	job := h.Long(t)
	first, err := h.Executor.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Executor.Cancel(context.WithoutCancel(t.Context()), first)
	job.Resumed = true
	again, err := h.Executor.Submit(t.Context(), job)
	if err != nil || again != first {
		t.Errorf("submitted again: %q, %v; want %q", again, err, first)
	}
}

func (h Harness) cancelled(t *testing.T) {
	handle, err := h.Executor.Submit(t.Context(), h.Long(t))
	if err != nil {
		t.Fatal(err)
	}
	h.wait(t, handle, plan.Running)
	for range 2 {
		if err := h.Executor.Cancel(t.Context(), handle); err != nil {
			t.Fatal(err)
		}
	}
	h.wait(t, handle, plan.Ended)
	if err := h.Executor.Cancel(t.Context(), handle); err != nil {
		t.Errorf("cancelling a job that has ended: %v", err)
	}
}

func (h Harness) late(t *testing.T) {
	job := h.Job(t)
	if err := os.WriteFile(filepath.Join(job.Dir, jobdir.CancelledFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	handle, err := h.Executor.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	h.wait(t, handle, plan.Ended)
	for _, name := range []string{jobdir.StartFile, jobdir.ExitFile} {
		if _, err := os.Stat(filepath.Join(job.Dir, name)); err == nil {
			t.Errorf("a job of a cancelled attempt left %s", name)
		}
	}
}

func (h Harness) refused(t *testing.T) {
	if h.Refused != nil {
		if _, err := h.Executor.Submit(t.Context(), h.Refused(t)); err == nil {
			t.Error("a job that cannot be was taken")
		}
	}
}

// wait polls until the job is in state, or further.
func (h Harness) wait(t *testing.T, handle executors.Handle, state plan.State) executors.Status {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		all, err := h.Executor.Poll(t.Context(), []executors.Handle{handle})
		s := all[handle]
		if err == nil && (s.State == state || s.State == plan.Ended) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %q (%s), not %q: %v", handle, s.State, s.Reason, state, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
