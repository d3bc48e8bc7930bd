package executors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan/failure"
)

// stop stops the run of an attempt: its job, or in a pack that run alone.
func (b *Backend) stop(ctx context.Context, a *runs.Attempt, h Handle, packed bool) error {
	if !packed {
		return b.Executor.Cancel(ctx, h)
	}
	if err := a.MarkCancelled(); err != nil {
		return err
	}
	nudger, ok := b.Executor.(Nudger)
	if !ok {
		return errors.New("the executor cannot stop one run of a pack")
	}
	return nudger.Nudge(ctx, h)
}

// A Flight is an attempt in flight that is to be cancelled, or a job without one:
// Attempt is nil then. Handle is "" where the submission was not confirmed, Pack
// where the attempt has a job of its own.
type Flight struct {
	Attempt *runs.Attempt
	Handle  Handle
	Pack    string
	Backend *Backend
}

// Cancel stops what is in flight, writing the wish down first, so that a job that
// starts late refuses. Runs are taken out of packs; a pack in which nothing is
// left is cancelled whole.
func Cancel(ctx context.Context, store *runs.Store, flights []Flight) error {
	packs := map[string][]Flight{}
	for _, f := range flights {
		if f.Pack != "" {
			dir := f.folder(store).Dir
			packs[dir] = append(packs[dir], f)
		} else if err := f.cancel(ctx); err != nil {
			return fmt.Errorf("job %s: %w", JobID(f.Handle), err)
		}
	}
	for _, f := range flights {
		if f.Pack == "" {
			continue
		}
		dir := f.folder(store).Dir
		if err := cancelPacked(ctx, store, packs[dir]); err != nil {
			return fmt.Errorf("%s: %w", f.Attempt, err)
		}
		delete(packs, dir)
	}
	return nil
}

func (f Flight) folder(store *runs.Store) *runs.Pack {
	return store.Pack(f.Backend.Cluster, f.Backend.Simulated, f.Pack)
}

// confirmed has the handle of its pack's job, which may be known before it is
// noted in every attempt.
func (f Flight) confirmed(store *runs.Store) (Flight, error) {
	receipt, err := f.folder(store).Job()
	if receipt != nil {
		f.Handle = Handle(receipt.Handle)
	}
	return f, err
}

func (f Flight) cancel(ctx context.Context) error {
	if f.Attempt == nil {
		return f.Backend.Executor.Cancel(ctx, f.Handle)
	}
	if err := f.Attempt.MarkCancelled(); err != nil {
		return err
	}
	handles, err := f.handles(ctx)
	if err != nil {
		return err
	}
	for _, h := range handles {
		if err := f.Backend.Executor.Cancel(ctx, h); err != nil {
			return err
		}
	}
	return f.Attempt.RecordEnd(onRequest(f.Handle))
}

// handles are the recorded job, or where the submission was not confirmed what
// the queue has under its name.
func (f Flight) handles(ctx context.Context) ([]Handle, error) {
	if f.Handle != "" {
		return []Handle{f.Handle}, nil
	}
	lister, ok := f.Backend.Executor.(Lister)
	intent, err := f.Attempt.Intent()
	if !ok || err != nil || intent == nil {
		return nil, err
	}
	byName, err := lister.List(ctx)
	return byName[intent.JobName], err
}

func onRequest(h Handle) jobdir.EndRecord {
	return jobdir.EndRecord{Code: string(failure.Cancelled), Detail: "cancelled on request", JobID: JobID(h), Time: time.Now().UTC()}
}

// cancelPacked takes the runs of one pack out of it. Those that have not begun
// are claimed, so that they never do.
func cancelPacked(ctx context.Context, store *runs.Store, list []Flight) error {
	if len(list) == 0 {
		return nil
	}
	began := []Flight{}
	for _, f := range list {
		if err := f.Attempt.MarkCancelled(); err != nil {
			return err
		}
		given, err := f.Attempt.Defer("cancelled on request")
		if err != nil {
			return err
		}
		if !given {
			began = append(began, f)
			continue
		}
		if err := f.Attempt.RecordEnd(onRequest(f.Handle)); err != nil {
			return err
		}
	}
	first, err := list[0].confirmed(store)
	if err != nil {
		return err
	}
	left, err := others(first.folder(store), began)
	switch {
	case err != nil:
		return err
	case !left:
		if err := cancelPack(ctx, first.folder(store), first); err != nil {
			return err
		}
	case len(began) > 0 && first.Handle != "":
		if err := first.Backend.stop(ctx, began[0].Attempt, first.Handle, true); err != nil {
			return err
		}
	}
	for _, f := range began {
		if err := f.Attempt.RecordEnd(onRequest(f.Handle)); err != nil {
			return err
		}
	}
	return nil
}

// others reports whether a pack has runs in flight other than these.
func others(folder *runs.Pack, these []Flight) (bool, error) {
	for a, err := range inFlight(folder) {
		if err != nil || !has(these, a) {
			return err == nil, err
		}
	}
	return false, nil
}

func has(list []Flight, a *runs.Attempt) bool {
	for _, f := range list {
		if f.Attempt.Dir == a.Dir {
			return true
		}
	}
	return false
}

func cancelPack(ctx context.Context, folder *runs.Pack, f Flight) error {
	if err := folder.MarkCancelled(); err != nil {
		return err
	}
	if f.Handle != "" {
		if err := f.Backend.Executor.Cancel(ctx, f.Handle); err != nil {
			return err
		}
	}
	return folder.RecordEnd(onRequest(f.Handle))
}
