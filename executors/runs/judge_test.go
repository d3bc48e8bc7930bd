package runs

import (
	"strings"
	"testing"
)

// What is told of a log holds no secret of the run.
func TestCauseHidesSecrets(t *testing.T) {
	s := Open(t.TempDir())
	if err := s.Create(); err != nil {
		t.Fatal(err)
	}
	a := newAttempt(t, s, testKey, 1, testAddress)
	put(t, a, "stderr", "using very secret\ntorch.OutOfMemoryError: CUDA out of memory (very secret)\n")
	fail(t, a, "")
	r, err := a.Result()
	if err != nil || r == nil {
		t.Fatalf("%v %v", r, err)
	}
	told := r.Cause() + r.Log()
	if r.Code() != "gpu_oom" || strings.Contains(told, "very secret") || strings.Count(told, "(secret)") != 3 {
		t.Errorf("%s: %q and %q", r.Code(), r.Cause(), r.Log())
	}
	if r.Change() == "" || r.Remedy() == "" {
		t.Errorf("no proposal: %+v", r.Reasons)
	}
}
