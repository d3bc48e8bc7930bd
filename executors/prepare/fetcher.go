package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	// Elsewhere runs a command on another host, nil runs all on this one.
	Elsewhere func(context.Context, Command) error
}

// A Command brings something to Path. Env is what of the user's environment it
// needs, secrets included; Clean is to be called before it starts, Look while it
// runs.
type Command struct {
	Path        string
	Argv, Env   []string
	Clean, Look func()
}

// NewFetcher returns a Fetcher with the usual patience.
func NewFetcher(environ []string) *Fetcher {
	return &Fetcher{
		Environ: environ, Bytes: func(string, int64, int64) {}, Say: func(string, ...any) {},
		Stall: 5 * time.Minute, Pause: 15 * time.Second, Tries: 5,
	}
}

// remedyFor is what to do about an error that ended a step.
func remedyFor(err error) string {
	switch {
	case denied(err):
		return "let this user write there, or choose another folder"
	case full(err):
		return "make room"
	}
	return "`llmbench prepare` resumes"
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
		err := f.run(ctx, c)
		if err == nil || ctx.Err() != nil || try >= f.Tries || denied(err) || errors.Is(err, executors.ErrRejected) || final(err) {
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

func (f *Fetcher) run(ctx context.Context, c child) error {
	if f.Elsewhere == nil {
		c.clean()
		return c.run(ctx)
	}
	err := f.Elsewhere(ctx, Command{Path: c.path, Argv: c.argv, Env: slices.DeleteFunc(slices.Clone(c.env), homely), Clean: c.clean, Look: c.look})
	if err != nil {
		return &hiddenError{c.hide(err.Error()), err}
	}
	return nil
}

// A hiddenError is another without the secrets in its text.
type hiddenError struct {
	text  string
	cause error
}

func (e *hiddenError) Error() string { return e.text }
func (e *hiddenError) Unwrap() error { return e.cause }

// homely reports whether a variable stays on this host: all do that are not for
// the commands that bring something.
func homely(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	switch strings.ToLower(name) {
	case "http_proxy", "https_proxy", "no_proxy", "all_proxy", "xdg_cache_home", "xdg_config_home", "ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle":
		return false
	}
	return !strings.HasPrefix(name, "HF_") && !strings.HasPrefix(name, "ENROOT_")
}

// denied reports whether this user may not do it, now and the next time.
func denied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || strings.Contains(strings.ToLower(err.Error()), "permission denied")
}

// full reports whether a command's error is one of a disk without space, which
// trying again does not mend.
func full(err error) bool {
	s := strings.ToLower(err.Error())
	return strings.Contains(s, "no space left on device") || strings.Contains(s, "quota exceeded")
}

// command is a check that a command is on this host; nil where it is, or is not
// needed.
func (f *Fetcher) command(item, path, name, brings, remedy string) []executors.Check {
	if _, err := exec.LookPath(name); err == nil || f.Elsewhere != nil {
		return nil
	}
	return []executors.Check{{Name: item, Result: executors.CheckFail, Detail: fmt.Sprintf("%s: the command %s, which downloads %s, is not on this host", path, name, brings), Remedy: remedy}}
}

// without is an environment without some of its variables.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, name)
	})
}
