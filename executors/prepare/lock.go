package prepare

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/runs"
)

// An owner on another host that gave no sign of life for lockStale, by this
// host's clock, is taken for dead: signs come every runs.Heartbeat.
const (
	lockStale = 30 * runs.Heartbeat
	lockLook  = 500 * time.Millisecond
)

// lockDir is where the lease of what is brought to path lies.
func lockDir(path string) string {
	return filepath.Join(filepath.Dir(path), ".llmbench-lock-"+filepath.Base(path))
}

// A lock is the right to bring one thing.
type lock struct {
	lease *runs.Lease
	dir   string
}

// release also sweeps away what owners left that were killed. Whoever is about
// to take the lock begins anew where he misses his own.
func (l *lock) release() {
	entries, _ := os.ReadDir(l.dir)
	for _, e := range entries {
		if e.Name() != "lease" && !strings.Contains(e.Name(), l.lease.Owner().Nonce) {
			os.Remove(filepath.Join(l.dir, e.Name()))
		}
	}
	_ = l.lease.Release() // a lease that stays is taken for dead in time
	os.Remove(l.dir)      // unless another has come
}

// sweep removes the lock of what is there already, where one who was killed left
// it.
func sweep(ctx context.Context, path string) {
	dir := lockDir(path)
	if _, err := os.Stat(dir); err != nil {
		return
	}
	if lease, err := runs.AcquireIn(ctx, dir, runs.Self("prepare")); err == nil {
		(&lock{lease, dir}).release()
	}
}

// take waits for the right to bring what belongs at path. wait is told who has
// it, once.
func take(ctx context.Context, path string, wait func(*runs.HeldError)) (*lock, error) {
	dir := lockDir(path)
	var told bool
	var sign time.Time
	since := time.Now()
	for {
		lease, err := runs.AcquireIn(ctx, dir, runs.Self("prepare"))
		var held *runs.HeldError
		switch {
		case err == nil:
			return &lock{lease, dir}, nil
		case errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil:
			continue // its holder removed the folder meanwhile
		case !errors.As(err, &held):
			return nil, err
		}
		if !told {
			told = true
			wait(held)
		}
		if !held.LastSeen.Equal(sign) {
			sign, since = held.LastSeen, time.Now()
		}
		if time.Since(since) > lockStale {
			if _, err := runs.Open(dir).Unlock(); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockLook):
		}
	}
}
