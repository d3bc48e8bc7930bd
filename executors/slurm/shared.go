package slurm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/schema/regular"
)

// A sharedQueue is squeue's last answer on this host, shared by all that one
// user runs there: whoever finds it too old asks for all.
type sharedQueue struct {
	dir  string
	name string
	// fresh is up to what age an answer is good enough.
	fresh time.Duration
}

// newSharedQueue returns nil where there is not a directory that only this user can
// write to; everyone then asks for himself.
func newSharedQueue(cluster string, fresh time.Duration) *sharedQueue {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("llmbench-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return nil
	}
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || !own(dir) {
		return nil
	}
	sum := sha256.Sum256([]byte(os.Getenv("SLURM_CONF") + "\x00" + cluster))
	return &sharedQueue{dir: dir, name: "squeue-" + hex.EncodeToString(sum[:6]), fresh: fresh}
}

// own reports whether a file is there, is no link, and is this user's.
func own(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSymlink != 0 {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

// get returns an answer that is fresh, asking for one while others wait. What
// goes wrong with the sharing is no reason not to ask.
func (q *sharedQueue) get(ctx context.Context, ask func(context.Context) (string, error)) (string, error) {
	if q == nil {
		return ask(ctx)
	}
	lock, err := os.OpenFile(filepath.Join(q.dir, q.name+".lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return ask(ctx)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return ask(ctx)
	}
	path := filepath.Join(q.dir, q.name)
	if info, err := os.Lstat(path); err == nil {
		if age := time.Since(info.ModTime()); age >= 0 && age < q.fresh {
			if b, err := regular.Read(path, regular.MaxDocument); err == nil {
				return string(b), nil
			}
		}
	}
	out, err := ask(ctx)
	if err != nil {
		return "", err
	}
	_ = jobdir.WriteFile(q.dir, q.name, []byte(out), 0o600) // only the next process asks again
	return out, nil
}
