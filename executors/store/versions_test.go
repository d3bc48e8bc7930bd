package store

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// store010 is a copy of the store that 0.1.0 wrote.
func store010(t *testing.T) *Store {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "testdata", "store-0.1.0", "store"))); err != nil {
		t.Fatal(err)
	}
	return Open(dir)
}

// chat010 is the key that recipe/use_case=chat has today.
func chat010(t *testing.T, s *Store) Key {
	t.Helper()
	run, err := s.attempt(s.KeyDir(Key{Fingerprint: "ebf0559f09c0", Cluster: "throwaway"}), Key{Fingerprint: "ebf0559f09c0", Cluster: "throwaway"}, 1, 1).Run()
	if err != nil || run == nil {
		t.Fatal(run, err)
	}
	return Key{Fingerprint: run.Fingerprint, Cluster: "throwaway"}
}

// Attempts of version 1 have the keys of today wherever they are asked for.
func TestEarlierVersionsAreRead(t *testing.T) {
	s := store010(t)
	keys, err := s.Keys()
	if err != nil || len(keys) != 12 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	for _, k := range keys {
		if k.early() {
			t.Errorf("%v is not of today", k)
		}
	}
	k := chat010(t, s)
	for name, held := range map[string]func(Key, int) ([]Sample, error){"store": s.Samples, "view": s.View("test").Samples} {
		samples, err := held(k, 2)
		if err != nil || len(samples) != 2 || !samples[0].Counts || !samples[1].State.InFlight() || samples[1].Job.JobID != "16" {
			t.Errorf("%s: %+v, %v", name, samples, err)
		}
	}
	all, err := s.View("test").Results(false)
	if err != nil || len(all) != 5 {
		t.Errorf("%d results, %v", len(all), err)
	}
	lost := Key{Fingerprint: strings.Repeat("ab", 32), Cluster: "throwaway"}
	if samples, err := s.Samples(lost, 1); err != nil || len(samples) != 1 || samples[0].Attempt != nil {
		t.Errorf("%+v, %v", samples, err)
	}
}

// What is measured next has a number that no attempt of version 1 has, and -replace
// retires those.
func TestEarlierAttemptsAreReplaced(t *testing.T) {
	s := store010(t)
	k := chat010(t, s)
	if err := s.ReplaceAll(k, "test", ""); err != nil {
		t.Fatal(err)
	}
	if st, err := s.counts(k, 2); err != nil || st.Valid != 0 || len(st.InFlight) != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	a, err := s.Reserve(k, 1)
	if err != nil || a.Number != 2 || !strings.Contains(a.Dir, k.Fingerprint[:fingerprintLength]) {
		t.Errorf("%v, %v", a, err)
	}
}

// The members of a pack of version 1 are found where they lie.
func TestEarlierPackMembers(t *testing.T) {
	s := store010(t)
	folder := s.Job("throwaway", false, "llmb-pack-4f7d793fccd3-p1")
	members, err := folder.Members()
	if err != nil || len(members) != 2 {
		t.Fatal(members, err)
	}
	for _, m := range members {
		if state, err := m.State(); state != plan.Submitted || err != nil {
			t.Errorf("%v: %v, %v", m, state, err)
		}
		if j, err := m.Job(); err != nil || j.Dir != folder.Dir {
			t.Errorf("%v: its job is %v, %v", m, j, err)
		}
	}
}

// The fingerprint is the SHA-256 of what identity.json says.
func TestIdentityIsKept(t *testing.T) {
	s := Open(t.TempDir())
	a, err := s.Reserve(testKey, 1)
	if err != nil {
		t.Fatal(err)
	}
	identity := []byte(`{"fingerprint_version":2}`)
	if err := a.Prepare(Prepared{Run: testRun(testKey, testAddress), Job: &plan.Job{}, Identity: identity, Intent: jobdir.Intent{Address: testAddress}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(a.Dir, "identity.json"))
	if err != nil {
		t.Fatal(err)
	}
	want, sum := sha256.Sum256(identity), sha256.Sum256([]byte(strings.TrimSuffix(string(got), "\n")))
	if hex.EncodeToString(want[:]) != hex.EncodeToString(sum[:]) {
		t.Errorf("%s", got)
	}
}
