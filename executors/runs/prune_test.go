package runs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	stays := []*Attempt{
		attempt(testKey, 1, 2, valid), attempt(testKey, 1, 2, failed), // after the one that counts
		attempt(testKey, 2, 3, failed),                            // declared
		attempt(third, 1, 5, failed), attempt(third, 1, 5, flies), // under way
		attempt(third, 2, 5, failed),
	}
	if err := s.replace(third, 2, "again", ""); err != nil { // the next attempt must have a later number
		t.Fatal(err)
	}
	files := map[string]bool{ // whether they go
		"datasets/.dataset~elsewhere~7~1.tmp": true, "simulated/runs/.run.json123456789": true, "doctor/abc/facts": true, "lease.dead.beat": true,
		".gitignore": false, "runs/.all": false, fmt.Sprintf("datasets/%s123.tmp", tempPrefix()): false, "results/notes.txt": false,
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
	keep := Keep{Keys: map[Key]bool{testKey: true}, Datasets: map[string]bool{data(6): true}, Since: time.Now().Add(-time.Hour)}
	if list, err := s.Prunable(keep); err != nil || len(list) > 0 {
		t.Errorf("what is new may go: %v, %v", list, err)
	}
	keep.Since = time.Now().Add(time.Hour)
	list, err := s.Prunable(keep)
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
	if keys, err := s.KeysAt(testAddress, false); err != nil || len(keys) != 2 {
		t.Errorf("keys at the address: %v, %v", keys, err)
	}
	if again, err := s.Prunable(keep); err != nil || len(again) > 0 {
		t.Errorf("may go once more: %v, %v", again, err)
	}
	if held, err := s.state(testKey, 2); err != nil || held.Valid != 1 || len(held.Failed) != 1 {
		t.Errorf("%+v, %v", held, err)
	}
}
