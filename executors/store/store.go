package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A Store is a folder of attempts. Its methods are safe for several goroutines,
// processes and hosts at once.
type Store struct {
	dir string
	gid int // of the group that shares the store; -1: none
	// causes finds failures in logs.
	causes *trtllm.Classifier
	// Reading is told of a data set of the user's own that it takes a while to read, by
	// its size in bytes; nil tells nobody.
	Reading func(path string, bytes int64)

	checked sync.Map // of Dataset, the fs.FileInfo of those that had their content
	recipes sync.Map // of trtllm.Shape, the recipe of its data set

	versions [2]earlier // real, simulated
	// without is a saved plan whose attempts and tombstones are not seen, "" for none.
	without string

	now  func() time.Time
	link func(from, to string) error
}

// Open returns the store in dir, which need not exist. Nothing is touched.
func Open(dir string) *Store {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir // no working directory: every later call says so
	}
	return &Store{dir: abs, gid: -1, causes: trtllm.NewClassifier(failure.Patterns{}), now: time.Now, link: os.Link}
}

// Without is the store as it would be had a saved plan, by its SHA-256, never been
// applied. Only read it.
func (s *Store) Without(plan string) *Store {
	if plan == s.without {
		return s
	}
	out := Open(s.dir)
	out.gid, out.causes, out.now, out.link, out.without = s.gid, s.causes, s.now, s.link, plan
	return out
}

// Know lets the store find failures in logs by the words of a scheduler, too.
func (s *Store) Know(words failure.Patterns) { s.causes = trtllm.NewClassifier(words) }

// Dir is the folder of the store, absolute.
func (s *Store) Dir() string { return s.dir }

// ShareWith lets the members of a group write to the store: from Create on its
// folders belong to the group, and so does what is made in them. Secrets stay with
// their owner.
func (s *Store) ShareWith(group string) error {
	g, err := user.LookupGroup(group)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return fmt.Errorf("group %s has no numeric id: %q", group, g.Gid)
	}
	s.gid = gid
	return nil
}

// Create makes the store's folder, and in it a .gitignore that keeps results
// out of version control. A store that exists is only shared with its group, where
// it has one.
func (s *Store) Create() error {
	if err := s.mkdirAll(s.dir); err != nil {
		return err
	}
	if err := s.shareAll(); err != nil {
		return err
	}
	if _, err := os.Lstat(s.path(".gitignore")); err == nil {
		return nil
	}
	return jobdir.ReplaceFile(s.dir, ".gitignore", []byte("*\n"), 0o644)
}

// exists reports whether the store was created.
func (s *Store) exists() bool {
	_, err := os.ReadDir(s.dir)
	return err == nil
}

// HasSimulated reports whether something was ever simulated.
func (s *Store) HasSimulated() bool {
	entries, err := os.ReadDir(s.runsDir(true))
	return err == nil && len(entries) > 0
}

// half is the part of the store for real or for simulated results.
func (s *Store) half(simulated bool) string {
	if simulated {
		return filepath.Join(s.dir, "simulated")
	}
	return s.dir
}

func (s *Store) runsDir(simulated bool) string {
	return filepath.Join(s.half(simulated), "runs")
}

func (s *Store) byAddressDir(simulated bool) string {
	return filepath.Join(s.half(simulated), "by-address")
}

func (s *Store) datasetsDir() string { return filepath.Join(s.dir, "datasets") }

// KeyDir is the folder that holds the samples of a key.
func (s *Store) KeyDir(k Key) string {
	return filepath.Join(s.runsDir(k.Simulated), k.short(), k.Cluster)
}

// Mkdir makes a folder. One in the store gets the mode of those around it; any other
// that is not there yet is shared with the store's group, if it has one.
func (s *Store) Mkdir(dir string) error {
	if strings.HasPrefix(dir, s.dir+string(filepath.Separator)) {
		return s.mkdirAll(dir)
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return s.share(dir, info.Mode())
}

// put writes a file with a durable name into a folder of the store, which it makes.
func (s *Store) put(dir, name string, data []byte) error {
	if err := s.mkdirAll(dir); err != nil {
		return err
	}
	return jobdir.ReplaceFile(dir, name, data, 0o644)
}

// mkdirAll makes a folder inside the store with all above it, shared with the
// store's group if it has one. It is durable when it returns.
func (s *Store) mkdirAll(dir string) error {
	changed, err := s.makeAll(dir)
	return errors.Join(err, jobdir.SyncDir(changed...))
}

// makeAll is mkdirAll before changed, the folders that got another, are synced.
func (s *Store) makeAll(dir string) (changed []string, err error) {
	made, err := s.makeDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		changed, err = s.makeAll(filepath.Dir(dir))
		if err == nil {
			_, err = s.makeDir(dir)
		}
		made = true // if not by this call, just now
	}
	if made {
		changed = append(changed, filepath.Dir(dir))
	}
	return changed, err
}

// makeDir makes one folder, not durably. It reports whether this call made it; that it
// was there already is not an error. In the store it gets the mode of the one that it is
// in, whatever the umask: who may read or write there may do so here.
func (s *Store) makeDir(dir string) (bool, error) {
	err := os.Mkdir(dir, 0o777)
	switch {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, err
	case dir == s.dir:
		return true, s.share(dir, 0o770)
	case !strings.HasPrefix(dir, s.dir+string(filepath.Separator)):
		return true, nil
	}
	parent, err := os.Stat(filepath.Dir(dir))
	is, errIs := os.Stat(dir)
	if err := cmp.Or(err, errIs); err != nil {
		return true, err
	}
	const bits = fs.ModePerm | fs.ModeSetgid
	if parent.Mode()&bits == is.Mode()&bits {
		return true, nil
	}
	return true, os.Chmod(dir, parent.Mode()&bits)
}

// share lets the store's group, if it has one, into a folder, which had mode.
func (s *Store) share(dir string, mode fs.FileMode) error {
	if s.gid < 0 {
		return nil
	}
	if err := os.Chown(dir, -1, s.gid); err != nil {
		return fmt.Errorf("sharing the store: %w", err)
	}
	return os.Chmod(dir, mode.Perm()|0o070|fs.ModeSetgid)
}

// shareAll shares a store that was made before it was shared, as far as it belongs
// to this user. What is private stays so.
func (s *Store) shareAll() error {
	root, err := os.Stat(s.dir)
	if err != nil || s.gid < 0 {
		return err
	}
	if owned, ok := root.Sys().(*syscall.Stat_t); ok && int(owned.Gid) == s.gid && root.Mode()&fs.ModeSetgid != 0 && root.Mode().Perm()&0o070 == 0o070 {
		return nil
	}
	return filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // another user's
		}
		info, err := d.Info()
		owned, ok := info.Sys().(*syscall.Stat_t)
		switch {
		case err != nil || !ok || int(owned.Uid) != os.Geteuid():
			return nil
		case d.IsDir():
			return s.share(path, info.Mode())
		case !d.Type().IsRegular() || info.Mode()&0o077 == 0:
			return nil
		}
		if err := os.Chown(path, -1, s.gid); err != nil {
			return fmt.Errorf("sharing the store: %w", err)
		}
		return os.Chmod(path, info.Mode().Perm()|0o060)
	})
}
