package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llmbench/llmbench/executors/store"
)

// lease takes the store's lease, waiting for another apply up to timeout.
func (s *session) lease(ctx context.Context, timeout time.Duration) (*store.Lease, error) {
	if s.unshared != nil {
		return nil, s.unshared
	}
	deadline := time.Now().Add(timeout)
	for told := false; ; told = true {
		lease, err := s.store.Acquire(ctx, s.owner("apply"))
		var held *store.HeldError
		if !errors.As(err, &held) || time.Now().After(deadline) {
			return lease, err
		}
		if !told {
			fmt.Fprintf(s.env.streams.Err, "%v; waiting up to %s for it\n", held, timeout)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(2*time.Second, max(100*time.Millisecond, time.Until(deadline)))):
		}
	}
}

// inUse adds to a refused lease what to do about it.
func inUse(err error) error {
	var held *store.HeldError
	if !errors.As(err, &held) {
		return err
	}
	return fmt.Errorf("%w\nNothing was started. Wait for that apply to end, or follow it with `llmbench status`; if it is certainly dead, `llmbench unlock` releases its lock", err)
}
