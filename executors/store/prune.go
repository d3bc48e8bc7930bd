package store

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
)

// A Removable is what may go from a store: no result that counts, is invalid or is on
// its way depends on it. It is this user's own: what others declare is not known.
type Removable struct {
	// Kind is "data set", "attempt", "temporary file" or "doctor folder".
	Kind string
	// Path is absolute. Reason says why it may go.
	Path, Reason string
	// Bytes is the space that it occupies on disk.
	Bytes int64
}

// Protected is what a store must not lose, whatever its own files say.
type Protected struct {
	Keys     map[Key]bool    // of runs that are declared, their fingerprints whole
	Datasets map[string]bool // paths of data sets that they read
	// Directory is that of the definitions, as the intents of their attempts have it: what
	// others declare is not known.
	Directory string
	// Since is the time from which on nothing goes.
	Since time.Time
}

// Prunable lists what may be removed, by kind and path, and attempts that cannot be read:
// they stay, and with them all data sets.
func (s *Store) Prunable(keep Protected) (list []Removable, unread []error, err error) {
	keys, err := s.Keys()
	if err != nil {
		return nil, nil, err
	}
	p := pruning{store: s, keep: keep, declared: map[Key]bool{}, used: map[string]bool{}}
	for k := range keep.Keys {
		k.Fingerprint = k.short()
		p.declared[k] = true
	}
	for _, k := range keys {
		if err := p.attempts(k); err != nil {
			return nil, nil, err
		}
	}
	if len(p.unread) == 0 {
		p.datasets()
	}
	p.rest()
	slices.SortFunc(p.found, func(a, b Removable) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Path, b.Path))
	})
	return p.found, p.unread, nil
}

type pruning struct {
	store    *Store
	keep     Protected
	declared map[Key]bool
	used     map[string]bool // data sets by their path
	found    []Removable
	unread   []error
}

// add lists what may go, and reports whether it is this user's and old enough to.
func (p *pruning) add(kind, path, reason string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.ModTime().Before(p.keep.Since) || !mine(path) {
		return false
	}
	p.found = append(p.found, Removable{Kind: kind, Path: path, Reason: reason, Bytes: occupied(path)})
	return true
}

// attempts looks at all attempts of a key: those that failed may go once a later one
// of the sample counts, or, where nothing of the sample counts or is under way, once
// their run is no longer declared in the directory that began them. Where a tombstone
// counts on the highest number, they stay.
func (p *pruning) attempts(k Key) error {
	list, err := p.store.Attempts(k)
	if err != nil {
		return err
	}
	samples := map[int][]*Attempt{}
	for _, a := range list {
		samples[a.Sample] = append(samples[a.Sample], a)
	}
	for _, n := range slices.Sorted(maps.Keys(samples)) {
		p.sample(samples[n], p.declared[k] || k.early())
	}
	return nil
}

func (p *pruning) sample(list []*Attempt, declared bool) {
	var failed []*snapshot
	counts, others := 0, false
	for _, a := range list {
		var r *results.Result
		snap, err := a.snapshot()
		if err == nil {
			r, _ = snap.result()
		}
		switch {
		case err != nil:
			p.unread = append(p.unread, err)
		// One in the account of a search stays, as far as it can be told.
		case r != nil && r.Verdict == results.Failed && snap.damaged == "" && snap.records() == nil && (snap.intent == nil || snap.intent.Search == ""):
			failed = append(failed, snap)
			continue
		case r != nil && r.Counts():
			counts = max(counts, a.Number)
		}
		others = true
		p.uses(a)
	}
	for _, snap := range failed {
		a := snap.attempt
		_, err := os.Lstat(filepath.Join(filepath.Dir(a.Dir), replacedFile))
		goes := false
		switch {
		case a.Number < counts:
			goes = p.add("attempt", a.Dir, "it failed, and a later attempt of the sample counts")
		// What others declare is not known.
		case !declared && !others && snap.intent != nil && snap.intent.Directory == p.keep.Directory && errors.Is(err, fs.ErrNotExist):
			goes = p.add("attempt", a.Dir, "it failed, and its run is no longer declared")
		}
		if !goes {
			p.uses(a)
		}
	}
}

// uses notes the data set of an attempt that stays.
func (p *pruning) uses(a *Attempt) {
	if file, err := filepath.EvalSymlinks(filepath.Join(a.Dir, jobdir.DatasetFile)); err == nil {
		p.used[file] = true
	}
}

func (p *pruning) datasets() {
	for path := range p.keep.Datasets {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			p.used[real] = true
		}
	}
	found, _ := filepath.Glob(filepath.Join(globbed(p.store.datasetsDir()), "*.jsonl"))
	for _, path := range found {
		if real, err := filepath.EvalSymlinks(path); err == nil && !p.used[real] {
			p.add("data set", path, "no result and no run that is declared here uses it; it is made anew where it is needed")
		}
	}
}

// globbed is dir as a pattern that means it.
func globbed(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// sweep removes what killed processes left in the folders that all runs share.
func (s *Store) sweep() {
	dirs := []string{s.datasetsDir(), s.recipesDir(), s.unredactedDir(), s.siteDir()}
	for _, simulated := range []bool{false, true} {
		half := s.half(simulated)
		dirs = append(dirs, half, filepath.Dir(cachePath(half)), filepath.Join(half, "results"))
	}
	jobdir.Sweep(dirs...)
}

// rest looks for what processes left that were killed.
func (p *pruning) rest() {
	holder, _ := p.store.readLease(leaseFile)
	_ = filepath.WalkDir(p.store.dir, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		temporary, _, lives := jobdir.Temporary(name)
		switch {
		case err != nil: // it went away, or is another user's
		case filepath.Dir(path) == filepath.Join(p.store.dir, "doctor"):
			p.add("doctor folder", path, "`doctor -nodes` was killed before it removed it")
			return fs.SkipDir
		case temporary && !lives:
			p.add("temporary file", path, "the process that wrote it was killed")
			if d.IsDir() {
				return fs.SkipDir
			}
		case strings.HasPrefix(name, leaseFile+".") && strings.HasSuffix(name, ".beat") && (holder == nil || name != beatFile(holder.Nonce)):
			p.add("temporary file", path, "its apply was killed")
		case slices.ContainsFunc(p.found, func(r Removable) bool { return r.Path == path }):
			return fs.SkipDir
		}
		return nil
	})
}

// occupied is the space that a file, or all in a folder, occupies on disk.
func occupied(path string) int64 {
	var sum int64
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it went away
		}
		if info, err := d.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				sum += stat.Blocks * 512
			}
		}
		return nil
	})
	return sum
}

// Prune removes what Prunable listed before and lists still, and returns that. Whoever
// calls it holds the lease.
func (s *Store) Prune(list []Removable, keep Protected) ([]Removable, error) {
	now, _, err := s.Prunable(keep)
	if err != nil {
		return nil, err
	}
	var gone []Removable
	for _, r := range now {
		if !slices.ContainsFunc(list, func(l Removable) bool { return l.Path == r.Path }) {
			continue
		}
		// A folder goes under another name, so that it is never seen in part.
		at := filepath.Join(filepath.Dir(r.Path), ".pruned-"+filepath.Base(r.Path))
		failed := os.Rename(r.Path, at)
		if failed == nil {
			failed = os.RemoveAll(at)
		}
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		if r.Kind == "data set" {
			s.forgetDataset(strings.TrimSuffix(filepath.Base(r.Path), ".jsonl"))
		}
		for dir := filepath.Dir(r.Path); r.Kind == "attempt" && dir != s.dir && os.Remove(dir) == nil; {
			dir = filepath.Dir(dir) // the folders of samples and keys that are empty now
		}
		gone = append(gone, r)
	}
	for _, simulated := range []bool{false, true} {
		s.dropLinks(s.byAddressDir(simulated))
	}
	return gone, err
}

// forgetDataset removes the recipes of a data set.
func (s *Store) forgetDataset(sha string) {
	l, err := jobdir.List(s.recipesDir())
	if err != nil {
		return
	}
	for _, name := range l.Names {
		if r, err := jobdir.Record[recipe](l, name); err == nil && r != nil && r.SHA256 == sha {
			os.Remove(filepath.Join(l.Dir, name))
		}
	}
}

// dropLinks removes links that lead nowhere any more, and folders that are empty then.
func (s *Store) dropLinks(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
			s.dropLinks(path)
			os.Remove(path) // where it is empty
		case e.Type()&fs.ModeSymlink != 0:
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				os.Remove(path)
			}
		}
	}
}
