package prepare

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// errStalled says that a command did nothing for too long.
var errStalled = errors.New("it neither read nor wrote anything")

// A download is a command that fetches something and may take hours.
type download struct {
	path      string // what it fetches
	argv, env []string
	token     token // may stand in what it says
	// stall is for how long it may do nothing.
	stall time.Duration
	// clean is called before each start, look every now and then while it runs.
	clean, look func()
}

// lookEvery is how often a child is looked at.
const lookEvery = 500 * time.Millisecond

// run runs the child to its end, to its stall, or to the end of ctx. Its
// processes end with this one, however that ends.
func (c download) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	out := &tail{}
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, c.env
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
	watching.Go(func() { c.watch(group, done, func() { cancel(errStalled) }) })
	err := cmd.Wait()
	_ = syscall.Kill(-group, syscall.SIGKILL) // what it left behind
	close(done)
	watching.Wait()
	switch cause := context.Cause(ctx); {
	case err == nil:
		return nil
	case errors.Is(cause, errStalled):
		return fmt.Errorf("%s: %w for %s", c.argv[0], errStalled, c.stall)
	case cause != nil:
		return cause
	}
	if words := out.last(); words != "" {
		return fmt.Errorf("%s: %w: %s", c.argv[0], err, words)
	}
	return fmt.Errorf("%s: %w", c.argv[0], err)
}

// watch looks after the processes of a group until done.
func (c download) watch(group int, done <-chan struct{}, stalled func()) {
	tick := time.NewTicker(min(lookEvery, c.stall/4))
	defer tick.Stop()
	last, since := moved(group), time.Now()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		c.look()
		switch now := moved(group); {
		case now != last:
			last, since = now, time.Now()
		case time.Since(since) > c.stall:
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
