package store

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// An attempt that was given back counts for nothing, and no job may claim it.
func TestDefer(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	for range 2 { // again is no error
		if given, err := a.Defer("too little time"); err != nil || !given {
			t.Fatalf("%v %v", given, err)
		}
	}
	if state, err := a.State(); err != nil || state != plan.Deferred {
		t.Errorf("state %s, %v", state, err)
	}
	if claim, err := a.Claim(); err != nil || claim.Deferred != "too little time" {
		t.Errorf("%+v, %v", claim, err)
	}
	if st := held(t, s, testKey, 1); st.Missing() != 1 || len(st.Failed) != 0 {
		t.Errorf("%+v", st)
	}
	samples, err := s.Samples(testKey, 1)
	if err != nil || samples[0].Attempt != nil || samples[0].Deferred != "too little time" {
		t.Errorf("%+v, %v", samples, err)
	}
	put(t, a, "claim.7", "{}\n")
	if os.Link(filepath.Join(a.Dir, "claim.7"), filepath.Join(a.Dir, "claim")) == nil {
		t.Error("a job could claim it")
	}
	finish(t, newAttempt(t, s, testKey, 1, testAddress))
	if st := held(t, s, testKey, 1); st.Valid != 1 {
		t.Errorf("%+v", st)
	}
}

// What a job has claimed is the job's.
func TestDeferComesTooLate(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	put(t, a, "claim", left("4711", "")[0].content)
	if given, err := a.Defer("too late"); err != nil || given {
		t.Errorf("%v %v", given, err)
	}
	if state, _ := a.State(); state != plan.Starting {
		t.Errorf("state %s", state)
	}
}

// Of a job and several who give it back one wins, with links and without.
func TestDeferExcludes(t *testing.T) {
	for _, links := range []bool{true, false} {
		s := Open(t.TempDir())
		if !links {
			s.link = func(string, string) error { return syscall.EPERM }
		}
		a := newAttempt(t, s, testKey, 1, testAddress)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := a.Defer("why"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if claim, err := a.Claim(); err != nil || claim == nil || claim.Deferred != "why" {
			t.Errorf("links %v: %+v %v", links, claim, err)
		}
	}
}

// The folder of a job is won once, its members are found again, and its intent is the
// last thing that is written.
func TestJobFolder(t *testing.T) {
	s := Open(t.TempDir())
	first, err := s.ReserveJob("gb", true, "llmb-pack-0123")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.ReserveJob("gb", true, "llmb-pack-0123")
	if err != nil || first.Name != "llmb-pack-0123-p1" || second.Name != "llmb-pack-0123-p2" {
		t.Errorf("%s %s %v", first.Name, second.Name, err)
	}
	if list, err := first.Members(); err != nil || list != nil {
		t.Errorf("%v %v", list, err)
	}
	member := jobdir.Member{Fingerprint: testKey.Fingerprint, Sample: 2, Attempt: 3}
	if _, err := first.Fill(testPack(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := first.Intend(jobdir.Intent{JobName: first.Name, Members: []jobdir.Member{member}}); err != nil {
		t.Fatal(err)
	}
	found := s.Job("gb", true, first.Name)
	list, err := found.Members()
	want := s.Attempt(Key{Fingerprint: testKey.Fingerprint, Cluster: "gb", Simulated: true}, 2, 3)
	if err != nil || len(list) != 1 || list[0].Dir != want.Dir {
		t.Errorf("%v %v", list, err)
	}
	if p, err := found.Planned(); err != nil || p.Script != testPack().Script {
		t.Errorf("%v %v", p, err)
	}
	if _, err := s.ReserveJob("gb", true, "../x"); err == nil {
		t.Error("a job lies outside the store")
	}
}
