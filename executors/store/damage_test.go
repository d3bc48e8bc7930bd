package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
)

// What is damaged after a job has ended is told, whatever its logs hold, and takes
// no other result away.
func TestDamageIsTold(t *testing.T) {
	own := func(s *Store) string { return s.attempt(s.earlyDir("82b100964f2c"), Key{}, 1, 1).Dir }
	file := func(name string, do func(path string) error) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			if err := do(filepath.Join(own(s), name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	edit := func(old, new string) func(string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err == nil && !strings.Contains(string(text), old) {
				t.Fatalf("%s holds no %s", path, old)
			}
			return os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, new)), 0o644)
		}
	}
	empty := func(path string) error { return os.WriteFile(path, nil, 0o644) }
	fifo := func(path string) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return syscall.Mkfifo(path, 0o644)
	}
	old := func(do func(string) error) func(string) error {
		return func(path string) error {
			if err := do(path); err != nil {
				return err
			}
			then := time.Now().Add(-time.Hour)
			return os.Chtimes(path, then, then)
		}
	}
	device := func(path string) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Symlink("/dev/zero", path)
	}
	for name, c := range map[string]struct {
		damage func(*testing.T, *Store)
		code   failure.Code
		says   string
	}{
		"report edited":      {file("report.json", edit(`"total_latency_ms"`, `"total_latency_ms" `)), failure.ReportDamaged, "is not what the job wrote"},
		"report truncated":   {file("report.json", func(p string) error { return os.Truncate(p, 100) }), failure.ReportDamaged, "is not what the job wrote"},
		"report gone":        {file("report.json", os.Remove), failure.ReportDamaged, "is gone"},
		"report a FIFO":      {file("report.json", fifo), failure.RecordDamaged, "not a regular file"},
		"report endless":     {file("report.json", device), failure.RecordDamaged, "not a regular file"},
		"run empty":          {file("run.json", empty), failure.RecordDamaged, "run.json"},
		"run gone":           {file("run.json", os.Remove), failure.RecordDamaged, "run.json"},
		"exit empty":         {file("exit", old(empty)), failure.RecordDamaged, "not whole"},
		"exit cut":           {file("exit", old(func(p string) error { return os.Truncate(p, 40) })), failure.RecordDamaged, "not whole"},
		"exit of tomorrow":   {file("exit", edit(`"ended":"20`, `"ended":"21`)), failure.RecordDamaged, "exit has the time 21"},
		"start of tomorrow":  {file("start", edit(`"time":"20`, `"time":"21`)), failure.RecordDamaged, "start has the time 21"},
		"intent of tomorrow": {file("intent.json", edit(`"created":"20`, `"created":"21`)), failure.RecordDamaged, "intent.json has the time 21"},
		"intent of another":  {file("intent.json", edit(`"attempt":1`, `"attempt":7`)), failure.RecordDamaged, "of sample 1, attempt 7"},
		"intent a FIFO":      {file("intent.json", fifo), failure.RecordDamaged, "not a regular file"},
		"attempt no number":  {file(".", func(p string) error { return os.Rename(p, filepath.Join(filepath.Dir(p), "attempt-9000000")) }), failure.RecordDamaged, "remove the folder"},
		"tombstone cut":      {file("../replaced.json", empty), failure.RecordDamaged, "replaced.json is empty"},
		"tombstone of all":   {file("../replaced.json", func(p string) error { return os.WriteFile(p, []byte(`{"up_to":99999999,"end":true}`+"\n"), 0o644) }), failure.RecordDamaged, "up_to is 99999999"},
		"tombstone a FIFO":   {file("../replaced.json", func(p string) error { return syscall.Mkfifo(p, 0o644) }), failure.RecordDamaged, "not a regular file"},
		"exit a FIFO":        {file("exit", fifo), failure.RecordDamaged, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			s := store010(t)
			before, err := s.View("test").Results(false)
			if err != nil {
				t.Fatal(err)
			}
			c.damage(t, s)
			s = Open(s.Dir())
			for reader, read := range map[string]func(bool) ([]*results.Result, error){"files": withoutCache(s).Results, "cache": s.View("test").Results} {
				after, err := read(false)
				if err != nil || len(after) != len(before) {
					t.Fatalf("%s: %d results of %d, %v", reader, len(after), len(before), err)
				}
				told := 0
				for _, r := range after {
					if r.Code() == c.code && strings.Contains(r.Cause(), c.says) {
						told++
						if r.Address != "recipe/use_case=own" || r.Counts() || r.Main().Remedy == "" {
							t.Errorf("%s: %+v", reader, r)
						}
					}
				}
				if told != 1 {
					t.Errorf("%s: told %d times", reader, told)
				}
			}
		})
	}
}

// earlyDir is the home that a fingerprint of version 1 names.
func (s *Store) earlyDir(fingerprint string) string {
	return s.KeyDir(Key{Fingerprint: fingerprint, Cluster: "throwaway"})
}

// Where the record of an attempt is damaged while its job may still run, the job is
// waited for.
func TestDamagedInFlight(t *testing.T) {
	for _, name := range []string{"run.json", "intent.json", "start"} {
		s := store010(t)
		record := filepath.Join(s.attempt(s.earlyDir("17755dc09df3"), Key{}, 1, 1).Dir, name)
		if err := errors.Join(os.RemoveAll(record), os.Mkdir(record, 0o700)); err != nil {
			t.Fatal(err)
		}
		k := Key{Fingerprint: "17755dc09df3", Cluster: "throwaway"}
		if st, err := Open(s.Dir()).counts(k, 1); err != nil || len(st.InFlight) != 1 {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
}

// Whichever folder of a run is no folder, all others are read, and that run is neither
// planned nor measured again.
func TestDamagedFolders(t *testing.T) {
	for name, levels := range map[string]int{"attempt": 0, "sample": 1, "cluster": 2, "fingerprint": 3} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			finish(t, newAttempt(t, s, otherKey, 1, "b/other"))
			at := newAttempt(t, s, testKey, 1, testAddress).Dir
			for range levels {
				at = filepath.Dir(at)
			}
			if err := errors.Join(os.RemoveAll(at), os.Symlink(filepath.Base(at), at)); err != nil {
				t.Fatal(err)
			}
			v := s.View("test")
			for reader, held := range map[string]func(Key, int) ([]Sample, error){"files": s.Samples, "view": v.Samples} {
				samples, err := held(testKey, 1)
				if err != nil || len(samples) != 1 || samples[0].Result == nil || samples[0].Result.Code() != failure.RecordDamaged {
					t.Errorf("%s: %+v, %v", reader, samples, err)
				}
				if samples, err := held(otherKey, 1); err != nil || !samples[0].Counts {
					t.Errorf("%s: the other: %+v, %v", reader, samples, err)
				}
			}
			if list, err := v.Results(false); err != nil || len(list) != 1 && len(list) != 2 {
				t.Errorf("%d results, %v", len(list), err)
			}
		})
	}
}
