package prepare

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/runs"
)

// A Fetcher brings what is missing. Several may be at work on the same thing, on
// one host or on many: one brings it, and the others wait for it.
type Fetcher struct {
	// Environ is the user's environment: where tokens, proxies and mirrors are
	// found.
	Environ []string
	// Bytes is told how far a step has come; a total of 0 is not known. Say is
	// told what else happens.
	Bytes func(step string, done, total int64)
	Say   func(format string, args ...any)
	// Stall is for how long a command may do nothing before it is started again;
	// Tries how often it is started, Pause how long it rests between.
	Stall, Pause time.Duration
	Tries        int
}

// NewFetcher returns a Fetcher with the usual patience.
func NewFetcher(environ []string) *Fetcher {
	return &Fetcher{
		Environ: environ, Bytes: func(string, int64, int64) {}, Say: func(string, ...any) {},
		Stall: 5 * time.Minute, Pause: 15 * time.Second, Tries: 5,
	}
}

// failing are the checks that failed.
func failing(checks []executors.Check) []executors.Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c executors.Check) bool { return c.Result != executors.CheckFail })
}

// waits says whom a step waits for.
func (f *Fetcher) waits(path string) func(*runs.HeldError) {
	return func(h *runs.HeldError) {
		f.Say("%s is being brought by %s since %s; waiting for it", path, h.Owner, h.Owner.Started.Local().Format("15:04"))
	}
}

// again runs a command until it succeeds, is refused for good, or was tried
// often enough.
func (f *Fetcher) again(ctx context.Context, c child, final func(error) bool) error {
	for try := 1; ; try++ {
		c.clean()
		err := c.run(ctx)
		if err == nil || ctx.Err() != nil || try >= f.Tries || final(err) {
			return err
		}
		f.Say("%v; trying again (%d of %d)", err, try+1, f.Tries)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(f.Pause):
		}
	}
}

// full reports whether a command's error is one of a disk without space, which
// trying again does not mend.
func full(err error) bool {
	s := err.Error()
	return strings.Contains(s, "No space left on device") || strings.Contains(s, "Disk quota exceeded")
}

// command is a check that a command is on this host; nil where it is.
func command(item, name, remedy string) *executors.Check {
	if _, err := exec.LookPath(name); err == nil {
		return nil
	}
	return &executors.Check{Name: item, Result: executors.CheckFail, Detail: fmt.Sprintf("the command %s is not on this host", name), Remedy: remedy}
}

// without is an environment without some of its variables.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, name)
	})
}
