package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// leaseFile names the one writer of a store. The owner's last sign of life is
// in a file of its own, so that a sign that comes late never overwrites the
// lease of a successor.
const leaseFile = "lease"

// Heartbeat is how often a holder renews its sign of life.
const Heartbeat = 10 * time.Second

// A HeldError says that somebody else holds the lease.
type HeldError struct {
	Owner Owner
	// LastSeen is the owner's last sign of life by the owner's clock, zero if it
	// gave none.
	LastSeen time.Time
	// Gone says that the owner certainly lives no more.
	Gone bool
}

func (e *HeldError) Error() string {
	s := "the store is in use by " + e.Owner.String()
	if e.Owner.Command != "" {
		s += ", " + e.Owner.Command
	}
	if !e.Owner.Started.IsZero() {
		s += ", since " + e.Owner.Started.Format(time.RFC3339)
	}
	if !e.LastSeen.IsZero() {
		s += ", last seen " + e.LastSeen.Format(time.RFC3339)
	}
	return s
}

// A Lease is the right to write to the store. It is renewed until Release.
type Lease struct {
	store *Store
	owner Owner
	stop  context.CancelFunc
	done  chan struct{}

	lost context.Context // ends when the lease was taken from its holder
	lose context.CancelFunc
}

// Acquire takes the lease, from an owner that certainly lives no more if need
// be, and removes the temporary files of killed writers from the folders that all runs
// share. It does not wait: a lease that is held gives a *HeldError.
func (s *Store) Acquire(ctx context.Context, self Owner) (*Lease, error) {
	if err := s.Create(); err != nil {
		return nil, err
	}
	lease, err := s.acquire(ctx, self)
	if err == nil {
		s.sweep()
	}
	return lease, err
}

// AcquireIn is Acquire for a folder that is no store, and is made for the lease.
func AcquireIn(ctx context.Context, dir string, self Owner) (*Lease, error) {
	s := Open(dir)
	if err := s.mkdirAll(s.dir); err != nil {
		return nil, err
	}
	return s.acquire(ctx, self)
}

func (s *Store) acquire(ctx context.Context, self Owner) (*Lease, error) {
	self.Nonce, self.Started = jobdir.NewNonce(), s.now().UTC()
	for won := false; !won; {
		err := ctx.Err()
		if err == nil {
			won, err = s.take(leaseFile, self)
		}
		if err != nil {
			return nil, err
		}
	}
	beat, stop := context.WithCancel(context.Background())
	l := &Lease{store: s, owner: self, stop: stop, done: make(chan struct{})}
	l.lost, l.lose = context.WithCancel(context.Background())
	go l.renew(beat)
	return l, nil
}

// Owner is the process that holds the lease.
func (l *Lease) Owner() Owner { return l.owner }

// While is a context that also ends when the lease was taken from its holder by Unlock.
func (l *Lease) While(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(l.lost, cancel)
	return ctx, cancel
}

// Release gives the lease back. It may be called twice.
func (l *Lease) Release() error {
	l.stop()
	<-l.done
	os.Remove(l.store.path(beatFile(l.owner.Nonce)))
	held, err := l.store.readLease(leaseFile)
	if err != nil || held == nil || held.Nonce != l.owner.Nonce {
		return err
	}
	return os.Remove(l.store.path(leaseFile))
}

func (l *Lease) renew(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(Heartbeat)
	defer tick.Stop()
	for {
		// A sign of life that cannot be written is no reason to stop: the lease
		// itself stands.
		sign := jobdir.Encode(map[string]time.Time{"time": l.store.now().UTC()})
		_ = jobdir.WriteFile(l.store.dir, beatFile(l.owner.Nonce), sign, 0o644)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if held, err := l.store.readLease(leaseFile); err == nil && (held == nil || held.Nonce != l.owner.Nonce) {
			l.lose()
			return
		}
	}
}

func beatFile(nonce string) string { return leaseFile + "." + nonce + ".beat" }

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// readLease returns nil when there is no lease. One that is not whole belongs
// to an owner without a name: on file systems without links it may just be
// being written.
func (s *Store) readLease(name string) (*Owner, error) {
	l, err := jobdir.List(s.dir)
	if err != nil {
		return nil, err
	}
	data, err := l.Read(name)
	if err != nil || data == nil {
		return nil, err
	}
	o := &Owner{}
	if !jobdir.Decode(data, o) || o.Nonce != "" && !nameOK(o.Nonce) {
		*o = Owner{}
	}
	return o, nil
}

// Holder tells who holds the lease, nil if nobody does.
func (s *Store) Holder() (*HeldError, error) {
	o, err := s.readLease(leaseFile)
	if err != nil || o == nil {
		return nil, err
	}
	return s.held(*o, Self("")), nil
}

func (s *Store) held(o, self Owner) *HeldError {
	h := &HeldError{Owner: o, Gone: o.gone(self)}
	var sign struct{ Time time.Time }
	if data, err := jobdir.ReadFile(s.path(beatFile(o.Nonce))); err == nil && jobdir.Decode(data, &sign) {
		h.LastSeen = sign.Time
	}
	return h
}

// Unlock takes the lease away from whoever holds it, alive or not, and tells
// who that was; nil if nobody did. The caller must know that the owner is gone.
func (s *Store) Unlock() (*HeldError, error) {
	h, err := s.Holder()
	if err != nil || h == nil {
		return nil, err
	}
	os.Remove(s.path(beatFile(h.Owner.Nonce)))
	if err := os.Remove(s.path(leaseFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("unlock: %w", err)
	}
	return h, jobdir.SyncDir(s.dir)
}

// take makes self the owner of the lease, or of the right to inherit one, by its file; false
// when that was given back or inherited meanwhile. It is won by link(2): one contender
// wins. Where there are no links the file is made empty first, which is as exclusive.
//
// What belonged to a dead owner D is inherited in two moves. First the right to inherit
// is taken, NAME.D.next, in the same way. The winner then looks again whether the file is
// still D's, and only then renames its own over it. The right is removed after the
// rename, so whoever wins it late finds that the file is no longer D's.
func (s *Store) take(name string, self Owner) (bool, error) {
	won, err := jobdir.WriteNew(s.dir, name, jobdir.Encode(self), s.link, func() error {
		f, err := os.OpenFile(s.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil || won {
		return won, err
	}
	dead, err := s.readLease(name)
	if err != nil || dead == nil {
		return false, err
	}
	if !dead.gone(self) {
		return false, s.held(*dead, self)
	}
	right := nextFile(dead.Nonce)
	if won, err := s.take(right, self); err != nil || !won {
		return false, err
	}
	defer os.Remove(s.path(right))
	now, err := s.readLease(name)
	if err != nil || now == nil || now.Nonce != dead.Nonce {
		return false, err
	}
	os.Remove(s.path(beatFile(dead.Nonce)))
	return true, jobdir.ReplaceFile(s.dir, name, jobdir.Encode(self), 0o644)
}

func nextFile(nonce string) string { return leaseFile + "." + nonce + ".next" }

// An Owner is the process that holds a lease.
type Owner struct {
	User string `json:"user"`
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Birth is when the kernel started the process, in its own units, and
	// Namespace the space that PID is counted in: a number alone is given again.
	Birth     string `json:"birth"`
	Namespace string `json:"namespace"`
	BootID    string `json:"boot_id"`
	// Machine tells hosts of one name apart, "" if not known.
	Machine string `json:"machine_id,omitempty"`
	Nonce   string `json:"nonce"`
	// Command is what the process was asked to do, for people.
	Command string    `json:"command"`
	Started time.Time `json:"started"`
}

// Self describes this process as an owner. Nonce and Started are filled in by
// Acquire.
func Self(command string) Owner {
	o := Owner{User: UserName(), PID: os.Getpid(), Command: command}
	_, o.Birth = processState(o.PID)
	o.Host, o.Namespace, o.BootID = jobdir.PIDSpace()
	id, _ := os.ReadFile("/etc/machine-id")
	o.Machine = strings.TrimSpace(string(id))
	return o
}

// UserName is the name of the user of this process, or the number.
func UserName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// gone reports whether o certainly lives no more, as self can tell: it was on
// this host, and the host was booted since or has no such process. A host is this
// one by its boot, or by its machine id; another may have its name.
func (o Owner) gone(self Owner) bool {
	switch {
	case o.Host == "" || o.Host != self.Host || o.PID <= 0 || o.BootID == "" || self.BootID == "":
		return false
	case o.BootID != self.BootID:
		return o.Machine != "" && o.Machine == self.Machine
	case o.Namespace != self.Namespace:
		return false
	}
	if err := syscall.Kill(o.PID, 0); errors.Is(err, syscall.ESRCH) {
		return true
	}
	state, now := processState(o.PID)
	if state == "Z" || state == "X" {
		return true // dead, and its parent has not asked how it ended
	}
	return o.Birth != "" && now != "" && now != o.Birth
}

// processState is the kernel's state letter of a process and its start time in ticks
// since boot; both are "" if not known.
func processState(pid int) (state, birth string) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", ""
	}
	// The second field, the name, is in parentheses and may hold anything.
	after := strings.LastIndexByte(string(stat), ')')
	fields := strings.Fields(string(stat[after+1:]))
	const startTime = 22 - 3 // field 22; the first after the name is field 3
	if after < 0 || len(fields) <= startTime {
		return "", ""
	}
	return fields[0], fields[startTime]
}

// String names the owner for a message.
func (o Owner) String() string {
	if o.User == "" && o.Host == "" {
		return "an owner that left no name"
	}
	return fmt.Sprintf("%s on %s (process %d)", o.User, o.Host, o.PID)
}
