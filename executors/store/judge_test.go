package store

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
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
	told := r.Cause() + r.Main().Log
	if r.Code() != "gpu_oom" || strings.Contains(told, "very secret") || strings.Count(told, "(secret)") != 3 {
		t.Errorf("%s: %q and %q", r.Code(), r.Cause(), r.Main().Log)
	}
	if r.Main().Change == "" || r.Main().Remedy == "" {
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

// Wherever a kill stops it, the records stay readable, say the same, and end as the small
// file alone when it is done again. What cannot be read, or may still be written, is left.
func TestCondense(t *testing.T) {
	var big, small bytes.Buffer
	if err := errors.Join(trtllm.WriteRequestJSON(&big, testRequests(), "what the model wrote"), trtllm.WriteRequests(&small, testRequests())); err != nil {
		t.Fatal(err)
	}
	told := func(a *Attempt) *results.Requests {
		t.Helper()
		r, err := a.Result()
		if err != nil || r.Verdict != results.Valid {
			t.Fatalf("%v, %+v", err, r)
		}
		return r.Requests
	}
	var want *results.Requests
	for _, c := range []struct {
		name  string
		files map[string]string
	}{
		{"nothing done", map[string]string{jobdir.RequestsFile: big.String()}},
		{"the small file half written", map[string]string{jobdir.RequestsFile: big.String(), "." + jobdir.RequestsCSV + ".tmp": small.String()[:99]}},
		{"the big file not removed", map[string]string{jobdir.RequestsFile: big.String(), jobdir.RequestsCSV: small.String()}},
		{"all done", map[string]string{jobdir.RequestsCSV: small.String()}},
	} {
		a := newAttempt(t, Open(t.TempDir()), testKey, 1, testAddress)
		for name, content := range c.files {
			put(t, a, name, content)
		}
		if err := a.Condense(); err != nil {
			t.Fatal(err)
		}
		if l, _ := jobdir.List(a.Dir); l.Has(jobdir.RequestsFile) != (c.files[jobdir.RequestsFile] != "") {
			t.Errorf("%s: records of a run that goes on were touched", c.name)
		}
		finish(t, a)
		if want == nil {
			if want = told(a); want == nil || want.Recorded != 100 {
				t.Fatalf("%+v", want)
			}
		}
		if diff := cmp.Diff(want, told(a)); diff != "" {
			t.Errorf("%s, before: %s", c.name, diff)
		}
		for range 2 {
			if err := a.store.Condense(testKey); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, told(a)); diff != "" {
				t.Errorf("%s, afterwards: %s", c.name, diff)
			}
		}
		if l, _ := jobdir.List(a.Dir); l.Has(jobdir.RequestsFile) || !l.Has(jobdir.RequestsCSV) {
			t.Errorf("%s: %v", c.name, l.Names)
		}
		if list, err := ReadRequests(filepath.Join(a.Dir, jobdir.RequestsFile)); err != nil || len(list) != 100 {
			t.Errorf("a reader that saw the big file: %d, %v", len(list), err)
		}
	}
	a := newAttempt(t, Open(t.TempDir()), testKey, 1, testAddress)
	put(t, a, jobdir.RequestsFile, big.String()[:200])
	finish(t, a)
	if err := a.Condense(); err != nil {
		t.Fatal(err)
	}
	r, err := a.Result()
	if err != nil || r.Requests != nil || !slices.ContainsFunc(r.Caveats, func(c results.Caveat) bool { return c.Code == failure.NoRequestLog }) {
		t.Errorf("%+v, %v", r, err)
	}
	if l, _ := jobdir.List(a.Dir); !l.Has(jobdir.RequestsFile) || l.Has(jobdir.RequestsCSV) {
		t.Errorf("records that cannot be read are gone: %v", l.Names)
	}
}

// Records that other hosts cannot see yet are waited for, for a while.
func TestRecordsArrive(t *testing.T) {
	s := Open(t.TempDir())
	a, err := s.Reserve(testKey, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := testPrepared(s, a, testAddress)
	p.Run.RequestLog, p.Run.SLO = true, &plan.SLO{Latency: ptr(950.0)}
	if err := a.Prepare(p); err != nil {
		t.Fatal(err)
	}
	finish(t, a)
	exit, err := a.ExitRecord()
	if err != nil {
		t.Fatal(err)
	}
	for after, ended := range map[time.Duration]bool{arrival - time.Second: false, arrival: true} {
		s.now = func() time.Time { return exit.Ended.Add(after) }
		if r, err := a.Result(); err != nil || (r != nil) != ended {
			t.Errorf("%s after the end: %v, %v", after, r, err)
		}
	}
	s.now = func() time.Time { return exit.Ended }
	var big bytes.Buffer
	if err := trtllm.WriteRequestJSON(&big, testRequests(), ""); err != nil {
		t.Fatal(err)
	}
	put(t, a, jobdir.RequestsFile, big.String()[:big.Len()/2])
	for after, ended := range map[time.Duration]bool{0: false, arrival: true} {
		s.now = func() time.Time { return exit.Ended.Add(after) }
		if r, err := a.Result(); err != nil || (r != nil) != ended || r != nil && r.Requests != nil {
			t.Errorf("half of the records %s after the end: %v, %v", after, r, err)
		}
	}
	s.now = func() time.Time { return exit.Ended }
	put(t, a, jobdir.RequestsFile, big.String())
	r, err := a.Result()
	if err != nil || r == nil || *r.Measure(trtllm.WithinSLO) != 90 || r.Verdict != results.Valid {
		t.Errorf("%+v, %v", r, err)
	}
}
