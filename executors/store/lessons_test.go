package store

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// Only real samples that count teach; what was predicted of them is kept.
func TestLessons(t *testing.T) {
	s := Open(t.TempDir())
	real, simulated := testKey, testKey
	simulated.Simulated = true
	finish(t, newAttempt(t, s, real, 1, testAddress))
	finish(t, newAttempt(t, s, simulated, 1, testAddress))
	fail(t, newAttempt(t, s, otherKey, 1, testAddress), "gpu_oom")

	all := func(plan.Subject) bool { return true }
	v := s.View("test")
	got, err := v.Lessons(all)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("%d lessons, want that of the real sample alone", len(got))
	}
	l := got[0]
	if l.Cluster != "gb" || l.Run.Fingerprint != real.Fingerprint || l.OutputThroughputPerGPU != 775.9 {
		t.Errorf("%+v", l)
	}
	if want := 600 - 1.031; math.Abs(l.StartupSeconds-want) > 1e-6 {
		t.Errorf("start-up %v s, want %v", l.StartupSeconds, want)
	}

	record := filepath.Join(s.Attempt(real, 1, 1).Dir, jobdir.RunFile)
	if err := errors.Join(os.Remove(record), os.Mkdir(record, 0o700)); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Lessons(all); err != nil || len(got) != 0 {
		t.Errorf("of a run whose record was damaged meanwhile: %d lessons, %v", len(got), err)
	}
}
