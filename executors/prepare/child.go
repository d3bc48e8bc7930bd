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

	"github.com/llmbench/llmbench/executors"
)

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
