package runs

import (
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
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

// The drift of a shared engine is held against the noise that was known when its run was
// submitted; of an attempt of before, against what is assumed.
func TestDriftIsHeldAgainstKnownNoise(t *testing.T) {
	for noise, want := range map[float64]failure.Code{0: "", 0.01: failure.EngineDrift} {
		s := Open(t.TempDir())
		if err := s.Create(); err != nil {
			t.Fatal(err)
		}
		a, err := s.Reserve(testKey, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := testPrepared(s, a, testAddress)
		p.Run.Engine, p.Intent.Noise = plan.SharedEngine, noise
		if err := a.Prepare(p); err != nil {
			t.Fatal(err)
		}
		put(t, a, jobdir.MemberFile, `{"engine": "7.1", "position": 1, "starts": 1, "calls": 1}`+"\n")
		put(t, a, jobdir.EngineFile, `{"first": {"system_output_throughput_tok_s": 1000}, "again": {"system_output_throughput_tok_s": 960}}`+"\n")
		finish(t, a)
		if r, err := a.Result(); err != nil || r.SharedEngine == nil || r.Code() != want {
			t.Errorf("noise of %g: %s, %v", noise, r.Code(), err)
		}
	}
}
