package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

func TestLeaseAdmitsOne(t *testing.T) {
	s := Open(t.TempDir())
	l := acquire(t, s)
	_, err := s.Acquire(t.Context(), Self("apply"))
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("second Acquire: %v, want a *HeldError", err)
	}
	if held.Owner.PID != os.Getpid() || held.Gone {
		t.Errorf("held by %+v", held)
	}
	if !strings.Contains(held.Error(), "apply") {
		t.Errorf("message %q does not name the command", held)
	}
	release(t, l)
	release(t, acquire(t, s))
	left, err := jobdir.List(s.Dir())
	if err != nil || len(left.Names) != 0 {
		t.Errorf("left behind: %v, %v", left.Names, err)
	}
}

func TestLeaseOfTheDeadIsInherited(t *testing.T) {
	s := Open(t.TempDir())
	plantLease(t, s, leaseFile, deadOwner(t))
	l := acquire(t, s)
	if h, err := s.Holder(); err != nil || h.Owner.Nonce != l.Owner().Nonce {
		t.Errorf("holder %+v, %v", h, err)
	}
	release(t, l)
}

func TestLeaseOfARebootedHostIsInherited(t *testing.T) {
	s := Open(t.TempDir())
	o := Self("apply")
	o.BootID, o.Nonce = "another", "0f"
	if o.Machine == "" {
		t.Skip("this host has no machine id")
	}
	plantLease(t, s, leaseFile, o)
	release(t, acquire(t, s))
}

// A nonce that was written by whoever may write to the store names no other file.
func TestLeaseWithAPathForANonce(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "store"))
	o := deadOwner(t)
	o.Nonce = "/../../elsewhere"
	plantLease(t, s, leaseFile, o)
	write(t, filepath.Join(s.Dir(), "..", "elsewhere.beat"), "kept")
	if err := os.MkdirAll(s.path("lease."), 0o755); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := s.Acquire(t.Context(), Self("")); !errors.As(err, &held) || held.Gone {
		t.Errorf("Acquire: %v", err)
	}
	if _, err := s.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir(), "..", "elsewhere.beat")); err != nil {
		t.Error(err)
	}
}

func TestLeaseOfAReusedNumberIsInherited(t *testing.T) {
	s := Open(t.TempDir())
	o := Self("apply")
	o.Birth, o.Nonce = "1", "0f"
	plantLease(t, s, leaseFile, o)
	release(t, acquire(t, s))
}

// A process that was killed and that nobody has waited for is dead.
func TestLeaseOfAZombieIsInherited(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() //nolint:errcheck // it was killed
	o := Self("apply")
	o.PID = cmd.Process.Pid
	_, o.Birth = processState(o.PID)
	if o.gone(Self("x")) {
		t.Error("a living process is gone")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if o.gone(Self("x")) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a killed process that nobody has waited for is taken to live")
}

func TestLeaseOfAnotherHostIsRespected(t *testing.T) {
	for name, change := range map[string]func(*Owner){
		"host":      func(o *Owner) { o.Host = "login9" },
		"namespace": func(o *Owner) { o.Namespace = "pid:[1]" },
		"same name": func(o *Owner) { o.BootID, o.Machine = "another", "another" },
		"no boot":   func(o *Owner) { o.BootID = "" },
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			o := deadOwner(t)
			change(&o)
			plantLease(t, s, leaseFile, o)
			var held *HeldError
			if _, err := s.Acquire(t.Context(), Self("")); !errors.As(err, &held) || held.Gone {
				t.Fatalf("Acquire: %v", err)
			}
			if h, err := s.Unlock(); err != nil || h.Owner.Nonce != o.Nonce {
				t.Fatalf("Unlock: %+v, %v", h, err)
			}
			release(t, acquire(t, s))
		})
	}
}

func TestLeaseWithoutContentIsRespected(t *testing.T) {
	s := Open(t.TempDir())
	write(t, filepath.Join(s.Dir(), leaseFile), "")
	var held *HeldError
	if _, err := s.Acquire(t.Context(), Self("")); !errors.As(err, &held) {
		t.Fatalf("Acquire: %v", err)
	}
	if h, err := s.Unlock(); err != nil || h == nil {
		t.Fatalf("Unlock: %v, %v", h, err)
	}
	release(t, acquire(t, s))
}

func TestUnlockOfNothing(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "never"))
	if h, err := s.Unlock(); h != nil || err != nil {
		t.Errorf("Unlock: %v, %v", h, err)
	}
}

// A contender that died while it inherited is inherited from in turn.
func TestLeaseOfADeadHeirIsInherited(t *testing.T) {
	s := Open(t.TempDir())
	first, second, third := deadOwner(t), deadOwner(t), deadOwner(t)
	second.Nonce, third.Nonce = "02", "03"
	plantLease(t, s, leaseFile, first)
	plantLease(t, s, nextFile(first.Nonce), second)
	plantLease(t, s, nextFile(second.Nonce), third)
	release(t, acquire(t, s))
	left, err := jobdir.List(s.Dir())
	if err != nil || len(left.Names) != 0 {
		t.Errorf("left behind: %v, %v", left.Names, err)
	}
}

func TestLeaseOfALivingHeirIsRespected(t *testing.T) {
	s := Open(t.TempDir())
	dead, heir := deadOwner(t), Self("apply")
	heir.Nonce = "02"
	plantLease(t, s, leaseFile, dead)
	plantLease(t, s, nextFile(dead.Nonce), heir)
	var held *HeldError
	if _, err := s.Acquire(t.Context(), Self("")); !errors.As(err, &held) || held.Owner.Nonce != heir.Nonce {
		t.Fatalf("Acquire: %v", err)
	}
}

// Many contenders for a dead owner's lease: at every moment at most one holds
// it, and in the end all had it.
func TestLeaseContention(t *testing.T) {
	s := Open(t.TempDir())
	plantLease(t, s, leaseFile, deadOwner(t))
	contend(t, s)
}

func TestLeaseWithoutLinks(t *testing.T) {
	s := Open(t.TempDir())
	s.link = func(from, to string) error {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.EOPNOTSUPP}
	}
	plantLease(t, s, leaseFile, deadOwner(t))
	contend(t, s)
}

// contend has many take the lease, each once.
func contend(t *testing.T, s *Store) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	holders, most := 0, 0
	for range 12 {
		wg.Go(func() {
			for {
				l, err := s.Acquire(context.Background(), Self(""))
				var held *HeldError
				if errors.As(err, &held) {
					time.Sleep(time.Millisecond)
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				holders++
				most = max(most, holders)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				holders--
				mu.Unlock()
				if err := l.Release(); err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d held the lease at once", most)
	}
}

func TestReleaseLeavesASuccessorAlone(t *testing.T) {
	s := Open(t.TempDir())
	first := acquire(t, s)
	if _, err := s.Unlock(); err != nil {
		t.Fatal(err)
	}
	second := acquire(t, s)
	release(t, first)
	if h, err := s.Holder(); err != nil || h == nil || h.Owner.Nonce != second.Owner().Nonce {
		t.Errorf("holder %+v, %v", h, err)
	}
	release(t, second)
	release(t, second)
}

func acquire(t *testing.T, s *Store) *Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), Self("apply"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func release(t *testing.T, l *Lease) {
	t.Helper()
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

// deadOwner is a process of this host that has ended.
func deadOwner(t *testing.T) Owner {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	o := Self("apply")
	o.PID, o.Birth, o.Nonce = cmd.ProcessState.Pid(), "1", "01"
	return o
}

func plantLease(t *testing.T, s *Store, name string, o Owner) {
	t.Helper()
	write(t, filepath.Join(s.Dir(), name), string(jobdir.Encode(o)))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
