package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// everything is what readers ask of an attempt and its store. None of it may
// fail because a writer died.
func everything(t testing.TB, s *Store, a *Attempt) (plan.State, *results.Result) {
	t.Helper()
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for what, read := range map[string]func() error{
		"Intent":    func() error { _, err := a.Intent(); return err },
		"Run":       func() error { _, err := a.Run(); return err },
		"Job":       func() error { _, err := a.Receipt(); return err },
		"Ended":     func() error { _, err := a.Ended(); return err },
		"Claim":     func() error { _, err := a.Claim(); return err },
		"Start":     func() error { _, err := a.Start(); return err },
		"Exit":      func() error { _, err := a.ExitRecord(); return err },
		"Progress":  func() error { _, err := a.Progress(); return err },
		"LastAt":    func() error { _, err := s.View("test").LastAt(testAddress, false); return err },
		"Addresses": func() error { _, err := s.View("test").Addresses(false); return err },
		"Results":   func() error { _, err := s.View("test").Results(false); return err },
		"History":   func() error { _, err := s.View("test").History(false); return err },
		"state":     func() error { _, err := s.counts(a.Key, 2); return err },
	} {
		check(what, read())
	}
	state, err := a.State()
	check("Phase", err)
	r, err := a.Result()
	check("Result", err)
	if (state == plan.Ended) != (r != nil) {
		t.Fatalf("state %s and result %v", state, r)
	}
	return state, r
}

// A client and a job that die at any moment leave the files that they had
// finished, and of the one that they were at, any part.
func TestReadersSurviveAnyCrash(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := Open(t.TempDir())
		a := newAttempt(t, s, testKey, 1, testAddress)
		if err := s.LinkAddress(testAddress, a); err != nil {
			t.Fatal(err)
		}
		if err := a.RecordJob(jobdir.JobRecord{Handle: "h", JobID: "4711", Submitted: testTime}); err != nil {
			t.Fatal(err)
		}
		files := left("4711", reportJSON())
		reached := rapid.IntRange(0, len(files)).Draw(rt, "reached")
		for _, f := range files[:reached] {
			put(t, a, f.name, f.content)
		}
		if reached < len(files) {
			f := files[reached]
			n := rapid.IntRange(0, len(f.content)).Draw(rt, "part")
			put(t, a, f.name, f.content[:n])
			if f.name == "exit" && n == len(f.content) {
				reached++
			}
		}
		if reached > 7 && rapid.Bool().Draw(rt, "the backend spoke") {
			fail(t, a, "node_fail")
		}
		state, r := everything(t, s, a)
		switch {
		case reached == len(files):
			if state != plan.Ended || r.Verdict != results.Valid {
				rt.Fatalf("all was written, but %s %+v", state, r)
			}
		case r != nil && r.Verdict == results.Valid:
			rt.Fatalf("valid without an exit: %+v", r)
		}
	})
}

// Whatever is missing or cut, readers say something sensible: numbers only from
// a whole report.
func TestReadersSurviveAnyDamage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := Open(t.TempDir())
		a := newAttempt(t, s, testKey, 1, testAddress)
		if err := s.LinkAddress(testAddress, a); err != nil {
			t.Fatal(err)
		}
		finish(t, a)
		l, err := jobdir.List(a.Dir)
		if err != nil {
			t.Fatal(err)
		}
		whole := true
		for _, name := range l.Names {
			path := filepath.Join(a.Dir, name)
			switch rapid.SampledFrom([]string{"keep", "keep", "omit", "cut"}).Draw(rt, name) {
			case "omit":
				whole = whole && name != "report.json"
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			case "cut":
				b, err := os.ReadFile(path)
				if err != nil {
					continue // the link to the data set
				}
				n := rapid.IntRange(0, len(b)).Draw(rt, "part")
				whole = whole && (name != "report.json" || n == len(b))
				if err := os.Truncate(path, int64(n)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, r := everything(t, s, a); r != nil && r.Counts() && !whole {
			rt.Fatalf("counts without a whole report: %+v", r)
		}
	})
}

// A client that is killed while it prepares attempts leaves each of them vacant
// or complete, and nothing that the next one does not sweep.
func TestKilledWriter(t *testing.T) {
	s := Open(t.TempDir())
	for i := range 8 {
		cmd := process("prepare", s)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+7*i) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	attempts, err := s.Attempts(testKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attempts {
		in, err := a.Intent()
		if err != nil {
			t.Fatal(err)
		}
		state, err := a.State()
		if err != nil {
			t.Fatal(err)
		}
		if in == nil {
			if state != plan.Vacant {
				t.Errorf("%s has no intent and is %s", a, state)
			}
			continue
		}
		if run, err := a.Run(); run == nil || err != nil || state != plan.Intent {
			t.Errorf("%s has an intent, run %v, %v, and is %s", a, run, err, state)
		}
	}
	if _, err := s.counts(testKey, 1); err != nil {
		t.Error(err)
	}
	if _, err := s.View("test").LastAt(testAddress, false); err != nil {
		t.Error(err)
	}
	if _, err := s.Reserve(testKey, 1); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(s.KeyDir(testKey), "sample-1", "*", ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
