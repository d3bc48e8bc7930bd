package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/failure"
)

// What may go is what failed and is superseded or declared no more, data sets that
// nothing uses, and what was left by a kill; all else stays.
func TestPrune(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "store"))
	if err := s.Create(); err != nil {
		t.Fatal(err)
	}
	data := func(n int) string { return s.datasetPath(fmt.Sprintf("%064x", n)) }
	attempt := func(k Key, sample, set int, end func(a *Attempt)) *Attempt {
		t.Helper()
		a := newAttempt(t, s, k, sample, testAddress)
		link := filepath.Join(a.Dir, "dataset.jsonl")
		os.Remove(link)
		if err := os.Symlink(data(set), link); err != nil {
			t.Fatal(err)
		}
		if err := s.LinkAddress(testAddress, a); err != nil {
			t.Fatal(err)
		}
		end(a)
		return a
	}
	failed := func(a *Attempt) { fail(t, a, failure.NodeFail) }
	valid := func(a *Attempt) { finish(t, a) }
	flies := func(*Attempt) {}
	third := Key{Fingerprint: strings.Repeat("ef", 32), Cluster: "gb"}
	gone := []*Attempt{
		attempt(testKey, 1, 1, failed),                                   // superseded
		attempt(otherKey, 1, 4, failed), attempt(otherKey, 1, 4, failed), // not declared
	}
	elsewhere := attempt(Key{Fingerprint: strings.Repeat("23", 32), Cluster: "gb"}, 1, 3, failed)
	intent, err := elsewhere.Intent()
	if err != nil {
		t.Fatal(err)
	}
	intent.Directory = "/home/a/other"
	if err := elsewhere.Intend(*intent); err != nil {
		t.Fatal(err)
	}
	stays := []*Attempt{
		elsewhere,                                                     // another directory may declare it
		attempt(testKey, 1, 2, valid), attempt(testKey, 1, 2, failed), // after the one that counts
		attempt(testKey, 2, 3, failed),                            // declared
		attempt(third, 1, 5, failed), attempt(third, 1, 5, flies), // under way
		attempt(third, 2, 5, failed),
	}
	if err := s.replace(third, 2, "again", ""); err != nil { // the next attempt must have a later number
		t.Fatal(err)
	}
	keys := 3
	if os.Geteuid() == 0 { // another user may declare what this one does not
		theirs := attempt(Key{Fingerprint: strings.Repeat("01", 32), Cluster: "gb"}, 1, 3, failed)
		if err := os.Chown(theirs.Dir, 65534, -1); err != nil {
			t.Fatal(err)
		}
		stays, keys = append(stays, theirs), keys+1
	}
	files := map[string]bool{ // whether they go
		"datasets/.dataset~elsewhere~7~1.tmp": true, "simulated/runs/.run.json123456789": true, "doctor/abc/facts": true, "lease.dead.beat": true,
		".gitignore": false, "runs/.all": false, temporaryOf(t, s, "datasets", os.Getpid()): false, "results/notes.txt": false,
	}
	for n := range 8 {
		files["datasets/"+filepath.Base(data(n))] = n == 0 || n == 1 || n == 4 || n == 7
	}
	for name := range files {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	keep := Protected{Keys: map[Key]bool{testKey: true}, Datasets: map[string]bool{data(6): true}, Since: time.Now().Add(-time.Hour)}
	if list, _, err := s.Prunable(keep); err != nil || len(list) > 0 {
		t.Errorf("what is new may go: %v, %v", list, err)
	}
	keep.Since = time.Now().Add(time.Hour)
	list, _, err := s.Prunable(keep)
	if err != nil {
		t.Fatal(err)
	}
	there := func(path string) bool { _, err := os.Lstat(path); return err == nil }
	removed, err := s.Prune(list, keep)
	if err != nil || len(removed) != len(list) {
		t.Errorf("%d of %d removed: %v", len(removed), len(list), err)
	}
	for _, r := range removed {
		if r.Bytes <= 0 || r.Reason == "" {
			t.Errorf("%+v", r)
		}
	}
	for _, a := range gone {
		if there(a.Dir) {
			t.Errorf("%s is left", a)
		}
	}
	for _, a := range stays {
		if !there(a.Dir) {
			t.Errorf("%s is gone", a)
		}
	}
	for name, goes := range files {
		if there(filepath.Join(s.dir, name)) == goes {
			t.Errorf("%s: goes %v", name, !goes)
		}
	}
	if there(s.KeyDir(otherKey)) {
		t.Error("the folder of a key without attempts is left")
	}
	if at, err := s.KeysAt(testAddress, false); err != nil || len(at) != keys {
		t.Errorf("keys at the address: %v, %v", at, err)
	}
	if again, _, err := s.Prunable(keep); err != nil || len(again) > 0 {
		t.Errorf("may go once more: %v, %v", again, err)
	}
	if held, err := s.counts(testKey, 2); err != nil || held.Valid != 1 || len(held.Failed) != 1 {
		t.Errorf("%+v, %v", held, err)
	}
}

// What cannot be looked into stays and is told, and with it all data sets, for it may use
// one; the rest may go.
func TestPruneTellsOfWhatIsUnreadable(t *testing.T) {
	for name, spoil := range map[string]func(a *Attempt) string{
		"an attempt": func(a *Attempt) string { return a.Dir },
		"a sample":   func(a *Attempt) string { return filepath.Dir(a.Dir) },
		"a cluster":  func(a *Attempt) string { return a.store.KeyDir(a.Key) },
	} {
		s := Open(t.TempDir())
		goes, spoilt := newAttempt(t, s, testKey, 1, testAddress), newAttempt(t, s, otherKey, 1, testAddress)
		fail(t, goes, failure.NodeFail)
		path := spoil(spoilt)
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		write(t, path, "no folder")
		write(t, s.datasetPath(strings.Repeat("0", 64)), "x")
		list, unread, err := s.Prunable(Protected{Since: time.Now().Add(time.Hour)})
		if err != nil || len(list) != 1 || list[0].Path != goes.Dir {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		if len(unread) != 1 || !strings.Contains(unread[0].Error(), spoilt.String()) {
			t.Errorf("%s is not told: %v", name, unread)
		}
	}
}

// temporaryOf is the name in the store of a file that a process writes in a folder.
func temporaryOf(t *testing.T, s *Store, dir string, pid int) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := jobdir.CreateTemp(filepath.Join(s.dir, dir), "file.json")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	os.Remove(f.Name())
	return filepath.Join(dir, strings.Replace(filepath.Base(f.Name()), fmt.Sprintf("~%d~", os.Getpid()), fmt.Sprintf("~%d~", pid), 1))
}

// The next writer of a store removes what a killed one left, from the folders of all
// runs and from the attempt before its own; not what a living process writes.
func TestWriterSweeps(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "store"))
	last := newAttempt(t, s, testKey, 1, testAddress)
	of, err := filepath.Rel(s.dir, last.Dir)
	if err != nil {
		t.Fatal(err)
	}
	dead := deadOwner(t).PID
	var gone, stays []string
	for _, dir := range []string{".", "simulated", "cache", "simulated/cache", "datasets", "datasets/recipes", "unredacted", "sites", "results", "simulated/results", of} {
		gone = append(gone, temporaryOf(t, s, dir, dead))
		stays = append(stays, temporaryOf(t, s, dir, os.Getpid()), filepath.Join(dir, "notes.txt"))
	}
	for _, name := range append(gone, stays...) {
		write(t, filepath.Join(s.dir, name), "half")
	}
	lease, err := s.Acquire(t.Context(), Self("apply"))
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if _, err := s.Reserve(testKey, 1); err != nil {
		t.Fatal(err)
	}
	for i, name := range append(gone, stays...) {
		if _, err := os.Stat(filepath.Join(s.dir, name)); (err == nil) != (i >= len(gone)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
