// Package prepare fetches what runs read, weights and container images, to where
// they read it, and verifies what is there. Fetching is left to the commands
// that users know, hf and enroot; verification is its own, and fast: it reads
// headers and sizes, so that a truncated file of many gigabytes is found without
// reading it. Every finding is an executors.Check with its remedy.
package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/schema/regular"
)

// A Fetcher fetches what is missing. Several may be at work on the same thing, on
// one host or on many: one fetches it, and the others wait for it.
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
	Elsewhere func(context.Context, executors.Command) error
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

// again runs a command until it succeeds, is refused for good, or was tried
// often enough. Its error does not hold the token.
func (f *Fetcher) again(ctx context.Context, c executors.Command, secret token, final func(error) bool) error {
	for try := 1; ; try++ {
		err := f.run(ctx, c)
		if err == nil {
			return nil
		}
		last := ctx.Err() != nil || try >= f.Tries || denied(err) || errors.Is(err, executors.ErrRejected) || final(err)
		if err = errors.New(secret.hide(err.Error())); last {
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

func (f *Fetcher) run(ctx context.Context, c executors.Command) error {
	if f.Elsewhere == nil {
		c.Clean()
		return run(ctx, c, f.Stall)
	}
	c.Env = slices.DeleteFunc(slices.Clone(c.Env), stays)
	return f.Elsewhere(ctx, c)
}

// stays reports whether a variable stays on this host: all do that are not for
// the commands that fetch something.
func stays(pair string) bool {
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
func (f *Fetcher) command(item, path, name, what, remedy string) []executors.Check {
	if _, err := exec.LookPath(name); err == nil || f.Elsewhere != nil {
		return nil
	}
	return []executors.Check{{Name: item, Result: executors.CheckFail, Detail: fmt.Sprintf("%s: the command %s, which downloads %s, is not on this host", path, name, what), Remedy: remedy}}
}

// without is an environment without some of its variables.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, name)
	})
}

// hfDir is where the hf command keeps what it knows of a folder, below it.
var hfDir = filepath.Join(".cache", "huggingface", "download")

// readNote is what the hf command noted of a file that it fetched: the commit, and the
// etag, which is the SHA-256 of a file in LFS and the Git hash of any other. Both are ""
// where it left no note.
func readNote(dir, name string) (commit, etag string) {
	b, _ := regular.Read(noteOf(dir, name), regular.MaxText)
	lines := strings.Split(string(b), "\n")
	if len(lines) < 2 || !hexadecimal(strings.TrimSpace(lines[0]), 40) {
		return "", ""
	}
	return strings.TrimSpace(lines[0]), strings.TrimSpace(lines[1])
}

// hexadecimal reports whether a hash has so many digits.
func hexadecimal(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// fetching reports whether hf is or was at work in a folder.
func fetching(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, hfDir))
	return err == nil
}

func noteOf(dir, name string) string { return filepath.Join(dir, hfDir, name+".metadata") }

// An owner on another host that gave no sign of life for lockStale, by this
// host's clock, is taken for dead: signs come every store.Heartbeat.
const (
	lockStale = 30 * store.Heartbeat
	lockLook  = 500 * time.Millisecond
)

// lockDir is where the lease of what is fetched to path lies.
func lockDir(path string) string {
	return filepath.Join(filepath.Dir(path), ".llmbench-lock-"+filepath.Base(path))
}

// hold does something with the right to fetch what belongs at path. The context that it
// gets ends when the right is taken away.
func (f *Fetcher) hold(ctx context.Context, path string, do func(context.Context) []executors.Check) ([]executors.Check, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	lease, err := f.take(ctx, path)
	if err != nil {
		return nil, err
	}
	defer release(lease, lockDir(path))
	ctx, stop := lease.While(ctx)
	defer stop()
	return do(ctx), nil
}

// release also sweeps away what owners left that were killed. Whoever is about
// to take the lock begins anew where he misses his own.
func release(lease *store.Lease, dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != "lease" && !strings.Contains(e.Name(), lease.Owner().Nonce) {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	_ = lease.Release() // a lease that stays is taken for dead in time
	os.Remove(dir)      // unless another has come
}

// sweep removes the lock of what is there already, where one who was killed left
// it.
func sweep(ctx context.Context, path string) {
	dir := lockDir(path)
	if _, err := os.Stat(dir); err != nil {
		return
	}
	if lease, err := store.AcquireIn(ctx, dir, store.Self("prepare")); err == nil {
		release(lease, dir)
	}
}

// take waits for the right to fetch what belongs at path, and says once who has it.
func (f *Fetcher) take(ctx context.Context, path string) (*store.Lease, error) {
	dir := lockDir(path)
	var told bool
	var sign time.Time
	since := time.Now()
	for {
		lease, err := store.AcquireIn(ctx, dir, store.Self("prepare"))
		var held *store.HeldError
		switch {
		case err == nil:
			return lease, nil
		case errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil:
			continue // its holder removed the folder meanwhile
		case !errors.As(err, &held):
			return nil, err
		}
		if !told {
			told = true
			f.Say("%s is being downloaded by %s since %s; waiting for it", path, held.Owner, held.Owner.Started.Local().Format("15:04"))
		}
		if !held.LastSeen.Equal(sign) {
			sign, since = held.LastSeen, time.Now()
		}
		if time.Since(since) > lockStale {
			if _, err := store.Open(dir).Unlock(); err != nil {
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

// errStalled says that a command did nothing for too long.
var errStalled = errors.New("it neither read nor wrote anything")

// lookEvery is how often a child is looked at.
const lookEvery = 500 * time.Millisecond

// run runs a command on this host to its end, to its stall, or to the end of ctx. Its
// processes end with this one, however that ends.
func run(ctx context.Context, c executors.Command, stall time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	out := &tail{}
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, c.Env
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	// The kernel sends the death signal when the thread that started the child
	// ends, so that thread is kept.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return err
	}
	group := cmd.Process.Pid
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { watch(group, c.Look, stall, done, func() { cancel(errStalled) }) })
	err := cmd.Wait()
	_ = syscall.Kill(-group, syscall.SIGKILL) // what it left behind
	close(done)
	watching.Wait()
	switch cause := context.Cause(ctx); {
	case err == nil:
		return nil
	case errors.Is(cause, errStalled):
		return fmt.Errorf("%s: %w for %s", c.Argv[0], errStalled, stall)
	case cause != nil:
		return cause
	}
	if words := out.last(); words != "" {
		return fmt.Errorf("%s: %w: %s", c.Argv[0], err, words)
	}
	return fmt.Errorf("%s: %w", c.Argv[0], err)
}

// watch looks after the processes of a group until done.
func watch(group int, look func(), stall time.Duration, done <-chan struct{}, stalled func()) {
	tick := time.NewTicker(min(lookEvery, stall/4))
	defer tick.Stop()
	last, since := moved(group), time.Now()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		look()
		switch now := moved(group); {
		case now != last:
			last, since = now, time.Now()
		case time.Since(since) > stall:
			stalled()
			return
		}
	}
}

// A tail keeps the last of what is written to it.
type tail []byte

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	*t = slices.Delete(*t, 0, max(0, len(*t)-tailBytes))
	return len(p), nil
}

// last is the last few lines that say something, as one line.
func (t tail) last() string {
	const most = 3
	var said []string
	for line := range strings.FieldsFuncSeq(string(t), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			said = append(said, line)
		}
	}
	return strings.Join(said[max(0, len(said)-most):], " / ")
}
