package executors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan/failure"
)

// stop stops the run of an attempt: its job, or that run alone where the job has
// several.
func (j *job) stop(ctx context.Context, a *store.Attempt) error {
	return stop(ctx, j.backend, j.folder, a, j.handle)
}

func stop(ctx context.Context, b *Backend, folder *store.Job, a *store.Attempt, h Handle) error {
	if !folder.Shared() {
		return b.Executor.Cancel(ctx, h)
	}
	if err := a.MarkCancelled(); err != nil {
		return err
	}
	nudger, ok := b.Executor.(Nudger)
	if !ok {
		return errors.New("the executor cannot stop one run of a job that has several")
	}
	return nudger.Nudge(ctx, h)
}

// A Flight is an attempt in flight that is to be cancelled, or a job without one:
// Attempt is nil then. Handle is "" where the submission was not confirmed.
type Flight struct {
	Attempt *store.Attempt
	Handle  Handle
	Backend *Backend
}

// Cancel stops what is in flight, writing the wish down first, so that a job that
// starts late refuses. Runs are taken out of their jobs; a job in which nothing is left
// is cancelled whole.
func Cancel(ctx context.Context, flights []Flight) error {
	members := map[string][]Flight{} // by the folder of their job
	var folders []*store.Job
	for _, f := range flights {
		if f.Attempt == nil {
			if err := f.Backend.Executor.Cancel(ctx, f.Handle); err != nil {
				return fmt.Errorf("job %s: %w", JobID(f.Handle), err)
			}
			continue
		}
		folder, err := f.Attempt.Job()
		if err != nil {
			return err
		}
		if members[folder.Dir] == nil {
			folders = append(folders, folder)
		}
		members[folder.Dir] = append(members[folder.Dir], f)
	}
	for _, folder := range folders {
		list := members[folder.Dir]
		if err := cancelMembers(ctx, folder, list); err != nil {
			return fmt.Errorf("%s: %w", list[0].Attempt, err)
		}
	}
	return nil
}

// cancelMembers takes members out of a job. Those of a job of several that have not
// begun are claimed, so that they never do.
func cancelMembers(ctx context.Context, folder *store.Job, list []Flight) error {
	var begun []Flight
	for _, f := range list {
		if err := f.Attempt.MarkCancelled(); err != nil {
			return err
		}
		given := false
		if folder.Shared() {
			var err error
			if given, err = f.Attempt.Defer("cancelled on request"); err != nil {
				return err
			}
		}
		if !given {
			begun = append(begun, f)
		} else if err := f.Attempt.RecordEnd(onRequest(f.Handle)); err != nil {
			return err
		}
	}
	first := list[0]
	handles, err := first.handles(ctx, folder)
	if err != nil {
		return err
	}
	left, err := others(folder, begun)
	switch {
	case err != nil:
		return err
	case !left:
		if err := cancelJob(ctx, folder, first.Backend, handles); err != nil {
			return err
		}
	case len(begun) > 0:
		for _, h := range handles {
			if err := stop(ctx, first.Backend, folder, begun[0].Attempt, h); err != nil {
				return err
			}
		}
	}
	for _, f := range begun {
		if err := f.Attempt.RecordEnd(onRequest(f.Handle)); err != nil {
			return err
		}
	}
	return nil
}

// handles are the recorded job, or where the submission was not confirmed what the
// queue has under its name.
func (f Flight) handles(ctx context.Context, folder *store.Job) ([]Handle, error) {
	if f.Handle != "" {
		return []Handle{f.Handle}, nil
	}
	receipt, err := folder.Receipt()
	if err != nil {
		return nil, err
	}
	if receipt != nil {
		return []Handle{Handle(receipt.Handle)}, nil
	}
	lister, ok := f.Backend.Executor.(Lister)
	intent, err := folder.Intent()
	if !ok || err != nil || intent == nil {
		return nil, err
	}
	byName, err := lister.List(ctx)
	return byName[intent.JobName], err
}

func onRequest(h Handle) jobdir.EndRecord {
	return jobdir.EndRecord{Code: string(failure.Cancelled), Detail: "cancelled on request", JobID: JobID(h), Time: time.Now().UTC()}
}

// others reports whether a job has members in flight other than these.
func others(folder *store.Job, these []Flight) (bool, error) {
	flying, err := folder.InFlight()
	return slices.ContainsFunc(flying, func(a *store.Attempt) bool {
		return !slices.ContainsFunc(these, func(f Flight) bool { return f.Attempt.Dir == a.Dir })
	}), err
}

func cancelJob(ctx context.Context, folder *store.Job, b *Backend, handles []Handle) error {
	if err := folder.MarkCancelled(); err != nil {
		return err
	}
	var h Handle
	for _, h = range handles {
		if err := b.Executor.Cancel(ctx, h); err != nil {
			return err
		}
	}
	return folder.RecordEnd(onRequest(h))
}
