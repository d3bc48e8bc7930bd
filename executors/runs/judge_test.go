package runs

import (
	"fmt"
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

// Samples of one shared engine tell nothing of the noise between samples, and count as
// one for a search.
func TestSamplesOfAnEngineAreOneToASearch(t *testing.T) {
	s := Open(t.TempDir())
	if err := s.Create(); err != nil {
		t.Fatal(err)
	}
	for i := range 14 { // seven engines, a percent apart, with two samples each
		a, err := s.Reserve(testKey, i+1)
		if err != nil {
			t.Fatal(err)
		}
		p := testPrepared(s, a, testAddress)
		p.Run.Engine = plan.SharedEngine
		if err := a.Prepare(p); err != nil {
			t.Fatal(err)
		}
		put(t, a, jobdir.MemberFile, fmt.Sprintf(`{"engine": "%d.1", "position": %d, "starts": 1, "calls": 1}`+"\n", i/2, i%2+1))
		tps := fmt.Sprintf(`"output_throughput_per_gpu_tok_s": %d`, 1000+10*(i/2))
		for _, f := range left("4711", strings.Replace(reportJSON(), `"output_throughput_per_gpu_tok_s": 775.9`, tps, 1)) {
			put(t, a, f.name, f.content)
		}
	}
	sd, err := s.View("test").Noise("registry/image:1.0", testKey.Cluster, false)
	if err != nil || sd < 0.0205 || sd > 0.0215 {
		t.Errorf("noise %v, %v", sd, err)
	}
	values, samples, err := s.View("test").Figures(testKey.Fingerprint, testKey.Cluster, false)
	if err != nil || len(values) != 7 || samples != 14 || values[6]["output_throughput_per_gpu_tok_s"] != 1060 {
		t.Errorf("%d values of %d samples, %v: %v", len(values), samples, err, values)
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
