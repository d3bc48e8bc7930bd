package executors

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

// sweeps is how often a queue is looked at before a campaign leaves it.
const sweeps = 8

// leave cancels what a campaign must not leave behind: jobs of attempts whose
// outcome is known, which were submitted twice or outlived a cancel. It asks
// until the queue answers and holds none.
func (c *Campaign) leave(ctx context.Context) {
	for b := range c.listers() {
		clean := false
		for try := 0; try < sweeps && !clean && ctx.Err() == nil; try++ {
			if try > 0 {
				select {
				case <-ctx.Done():
				case <-time.After(b.Pace.Poll):
				}
			}
			found, err := c.sweep(ctx, b)
			clean = err == nil && found == 0
		}
		if !clean && ctx.Err() == nil {
			c.tell(nil, Message, Event{Text: fmt.Sprintf("cannot tell whether %s has orphaned jobs; `llmbench cancel -orphans` looks again", b.Ref.Type)})
		}
	}
}

// listers are the backends whose queue can be looked at and to which something
// was, or may have been, submitted.
func (c *Campaign) listers() map[*Backend]bool {
	out := maps.Clone(c.tried)
	for _, t := range c.tasks {
		if _, ok := t.backend.Executor.(Lister); ok && (t.tries > 0 || t.attempt != nil) {
			out[t.backend] = true
		}
	}
	return out
}

// noteTried notes that a sample was tried before: whoever did may have died before
// it looked what is left in the queue.
func (c *Campaign) noteTried(b *Backend, slot store.Sample) {
	if _, ok := b.Executor.(Lister); ok && slot.Attempt != nil {
		c.tried[b] = true
	}
}

func (c *Campaign) sweep(ctx context.Context, b *Backend) (int, error) {
	return Sweep(ctx, c.Store, c.Plan.Runs, b, func(text string) { c.tell(nil, Message, Event{Text: text}) })
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
	lister, ok := b.Executor.(Lister)
	if !ok {
		return nil, nil
	}
	byName, err := lister.List(ctx)
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
// for, or its own last word is said, after which it ends by itself.
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
	exit, err := folder.Exit()
	return exit != nil && exit.JobID == JobID(h), err
}
