package executors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// stop stops the run of an attempt: its job, or that run alone where the job has
// several.
func stop(ctx context.Context, b *Backend, folder *store.Job, a *store.Attempt, h Handle) error {
	if !folder.Shared() {
		return b.Executor.Cancel(ctx, h)
	}
	if err := a.MarkCancelled(); err != nil {
		return err
	}
	queue, ok := b.Executor.(Queue)
	if !ok {
		return errors.New("the executor cannot stop one run of a job that has several")
	}
	return queue.Nudge(ctx, h)
}

// A CancelRequest is an attempt in flight that is to be cancelled, or a job without one:
// Attempt is nil then. Handle is "" where the submission was not confirmed.
type CancelRequest struct {
	Attempt *store.Attempt
	Handle  Handle
	Backend *Backend
}

// Cancel stops what is in flight, writing the wish down first, so that a job that
// starts late refuses. Runs are taken out of their jobs; a job in which nothing is left
// is cancelled whole.
func Cancel(ctx context.Context, flights []CancelRequest) error {
	members := map[string][]CancelRequest{} // by the folder of their job
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
func cancelMembers(ctx context.Context, folder *store.Job, list []CancelRequest) error {
	var begun []CancelRequest
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
func (f CancelRequest) handles(ctx context.Context, folder *store.Job) ([]Handle, error) {
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
	queue, ok := f.Backend.Executor.(Queue)
	intent, err := folder.Intent()
	if !ok || err != nil || intent == nil {
		return nil, err
	}
	byName, err := queue.List(ctx)
	return byName[intent.JobName], err
}

func onRequest(h Handle) jobdir.EndRecord {
	return jobdir.EndRecord{Code: string(failure.Cancelled), Detail: "cancelled on request", JobID: JobID(h), Time: time.Now().UTC()}
}

// others reports whether a job has members in flight other than these.
func others(folder *store.Job, these []CancelRequest) (bool, error) {
	flying, err := folder.InFlight()
	return slices.ContainsFunc(flying, func(a *store.Attempt) bool {
		return !slices.ContainsFunc(these, func(f CancelRequest) bool { return f.Attempt.Dir == a.Dir })
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

// sweeps is how often a queue is looked at before a campaign leaves it.
const sweeps = 8

// leave cancels what a campaign must not leave behind: jobs of attempts whose
// outcome is known, which were submitted twice or outlived a cancel. It asks
// until the queue answers and holds none.
func (c *Campaign) leave(ctx context.Context) {
	tell := func(text string) { c.tell(nil, Message, Event{Text: text}) }
	for _, b := range c.Backends {
		if !b.tried {
			continue
		}
		clean := false
		for try := 0; try < sweeps && !clean && ctx.Err() == nil; try++ {
			if try > 0 {
				select {
				case <-ctx.Done():
				case <-time.After(b.Pace.Poll):
				}
			}
			found, err := Sweep(ctx, c.Store, c.Plan.Runs, b, tell)
			clean = err == nil && found == 0
		}
		if !clean && ctx.Err() == nil {
			tell(fmt.Sprintf("cannot tell whether %s has orphaned jobs; `llmbench cancel -orphans` looks again", b.Ref.Type))
		}
	}
}

// Sweep cancels the strays of list on b and returns how many it found. Each is
// told first; with an error some may be left.
func Sweep(ctx context.Context, st *store.Store, list []*plan.Run, b *Backend, tell func(string)) (int, error) {
	strays, err := Strays(ctx, st, list, b)
	for i, h := range strays {
		tell(fmt.Sprintf("job %s is cancelled: the outcome of its attempt is known", JobID(h)))
		if err := b.Executor.Cancel(ctx, h); err != nil {
			return i + 1, err
		}
	}
	return len(strays), err
}

// Strays are the jobs of list in the queue of b that no outcome waits for. With an
// error there may be more. A backend whose queue cannot be looked at has none.
func Strays(ctx context.Context, st *store.Store, list []*plan.Run, b *Backend) ([]Handle, error) {
	queue, ok := b.Executor.(Queue)
	if !ok {
		return nil, nil
	}
	byName, err := queue.List(ctx)
	if err != nil {
		return nil, err
	}
	byPrint := map[string][]*plan.Run{}
	for _, run := range list {
		if run.Executor == b.Ref {
			byPrint[run.Fingerprint[:12]] = append(byPrint[run.Fingerprint[:12]], run)
		}
	}
	var found []Handle
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		folders := []*store.Job{st.Job(b.Cluster, b.Simulated, withoutNonce(name))}
		if parts := attemptName.FindStringSubmatch(name); parts != nil {
			sample, _ := strconv.Atoi(parts[2])
			attempt, _ := strconv.Atoi(parts[3])
			for _, run := range byPrint[parts[1]] {
				key := store.Key{Fingerprint: run.Fingerprint, Cluster: b.Cluster, Simulated: b.Simulated}
				folders = append(folders, st.Attempt(key, sample, attempt).Alone())
			}
		}
		for _, folder := range folders {
			for _, h := range byName[name] {
				needed, err := needed(folder, name, h)
				if err != nil {
					return found, err
				}
				if !needed {
					found = append(found, h)
				}
			}
		}
	}
	return found, nil
}

// attemptName takes the name of a job of one member apart: digits of its fingerprint, sample
// and attempt.
var attemptName = regexp.MustCompile(`-([0-9a-f]{12})-s(\d+)-a(\d+)(?:-|$)`)

// withoutNonce is the name of the folder that a job of several members has by its name.
func withoutNonce(name string) string {
	if at := strings.LastIndexByte(name, '-'); at > 0 && len(name)-at == 1+6 {
		return name[:at]
	}
	return name
}

// needed reports whether a job is of another store, the outcome of a member is waited
// for, or its exit record is there, after which it ends by itself.
func needed(folder *store.Job, name string, h Handle) (bool, error) {
	intent, err := folder.Intent()
	if err != nil || intent == nil || intent.JobName != name {
		return true, err
	}
	members, err := folder.Members()
	if err != nil || len(members) == 0 {
		return true, err
	}
	if left, err := others(folder, nil); left || err != nil {
		return true, err
	}
	exit, err := folder.ExitRecord()
	return exit != nil && exit.JobID == JobID(h), err
}
