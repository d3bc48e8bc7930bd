package slurm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Ten followers of one cluster on one host ask once while the answer is fresh.
func TestFollowersShareOneAnswer(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var asked atomic.Int32
	ask := func(context.Context) (string, error) {
		asked.Add(1)
		return "answer", nil
	}
	var g sync.WaitGroup
	for range 10 {
		g.Go(func() {
			q := newSharedQueue("gb", time.Minute)
			if out, err := q.get(t.Context(), ask); out != "answer" || err != nil {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	g.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if _, err := newSharedQueue("other", time.Minute).get(t.Context(), ask); err != nil || asked.Load() != 2 {
		t.Errorf("another cluster's answer was taken (%v)", err)
	}
	if _, err := newSharedQueue("gb", 0).get(t.Context(), ask); err != nil || asked.Load() != 3 {
		t.Errorf("an old answer was taken (%v)", err)
	}
}

// No answer is no data: nothing is shared, and the error is passed on.
func TestNoAnswerIsNotShared(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	q := newSharedQueue("gb", time.Minute)
	want := errors.New("slurm_load_jobs error: Unable to contact slurm controller")
	if _, err := q.get(t.Context(), func(context.Context) (string, error) { return "", want }); !errors.Is(err, want) {
		t.Error(err)
	}
	if out, err := q.get(t.Context(), func(context.Context) (string, error) { return "later", nil }); out != "later" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
