package executors

import (
	"context"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/executors/runs"
)

// lookAhead is how many attempts are made ready while the jobs before them are
// submitted: making one is waiting for the disk.
const lookAhead = 4

// A staging is the folder of a task's next attempt on its way: all that goes into
// it but the intent. Where this process dies it leaves a folder that nobody waits
// for.
type staging struct {
	done     chan struct{}
	attempt  *runs.Attempt
	prepared runs.Prepared
	err      error
}

// stageAhead begins to make the next attempts of a list, as many as may be
// submitted and whose data sets were checked.
func (c *Campaign) stageAhead(list []*task, free room, now time.Time) {
	taken := room{}
	for _, t := range list[:min(len(list), lookAhead)] {
		if t.phase != waiting || now.Before(t.notBefore) || t.left != "" {
			continue
		}
		if taken[t.backend]++; taken[t.backend] > free[t.backend] {
			continue
		}
		if t.staging != nil {
			continue
		}
		d, ok := c.FindDataset(t.run)
		if data, err := filepath.Abs(d.Path); ok && err == nil && c.Store.DatasetChecked(d) {
			c.stage(t, data)
		}
	}
}

// stage begins to make the next attempt of a task.
func (c *Campaign) stage(t *task, data string) {
	s := &staging{done: make(chan struct{})}
	key, sample, p := t.key(), t.sample, c.prepared(t, data)
	t.staging = s
	go func() {
		defer close(s.done)
		s.err = s.make(c.Store, key, sample, p)
	}()
}

func (s *staging) make(store *runs.Store, key runs.Key, sample int, p runs.Prepared) error {
	a, err := store.Reserve(key, sample)
	if err != nil {
		return err
	}
	s.attempt, s.prepared = a, forAttempt(p, a)
	var g errgroup.Group
	g.Go(func() error { return a.Fill(s.prepared) })
	g.Go(func() error { return store.LinkAddress(p.Run.Address, a) })
	return g.Wait()
}

// staged waits for the next attempt of a task, making it first where nobody has.
func (c *Campaign) staged(ctx context.Context, t *task) (*staging, error) {
	if t.staging == nil {
		data, err := c.Dataset(ctx, t.run)
		if err != nil {
			return nil, err
		}
		c.stage(t, data)
	}
	s := t.staging
	<-s.done
	t.staging = nil
	return s, s.err
}

// unstage removes the attempts that were made ready and not used.
func (c *Campaign) unstage() {
	for _, t := range c.tasks {
		if t.staging == nil {
			continue
		}
		<-t.staging.done
		if t.staging.attempt != nil {
			if err := t.staging.attempt.Discard(); err != nil {
				c.Log.Warn("cannot remove an attempt that was not used", "attempt", t.staging.attempt, "error", err)
			}
		}
		t.staging = nil
	}
}
