package store

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestReserveNeverSharesAnAttempt(t *testing.T) {
	s := Open(t.TempDir())
	const workers, each = 16, 10
	var wg sync.WaitGroup
	won := make(chan int, workers*each)
	for range workers {
		wg.Go(func() {
			for range each {
				a, err := s.Reserve(testKey, 1)
				if err != nil {
					t.Error(err)
					return
				}
				won <- a.Number
			}
		})
	}
	wg.Wait()
	close(won)
	seen := map[int]bool{}
	for n := range won {
		if seen[n] {
			t.Errorf("attempt %d was won twice", n)
		}
		seen[n] = true
	}
	if len(seen) != workers*each {
		t.Errorf("%d attempts were won, want %d", len(seen), workers*each)
	}
}

func TestReserveNeverSharesAnAttemptBetweenProcesses(t *testing.T) {
	s := Open(t.TempDir())
	outs := make([]bytes.Buffer, 4)
	var wg sync.WaitGroup
	for i := range outs {
		cmd := process("reserve", s)
		cmd.Stdout = &outs[i]
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[int]bool{}
	for i := range outs {
		for line := range strings.Lines(outs[i].String()) {
			n := atoi(t, strings.TrimSpace(line))
			if seen[n] {
				t.Errorf("attempt %d was won twice", n)
			}
			seen[n] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("%d attempts were won, want at least 100", len(seen))
	}
}

func TestKeysStayInside(t *testing.T) {
	s := Open(t.TempDir())
	for _, k := range []Key{
		{Fingerprint: testKey.Fingerprint},
		{Fingerprint: testKey.Fingerprint, Cluster: ".."},
		{Fingerprint: testKey.Fingerprint, Cluster: "a/b"},
		{Fingerprint: testKey.Fingerprint, Cluster: ".hidden"},
		{Fingerprint: testKey.Fingerprint, Cluster: "a=b"},
		{Fingerprint: testKey.Fingerprint, Cluster: "a b"},
		{Fingerprint: "short", Cluster: "gb"},
		{Fingerprint: "../../../../etc", Cluster: "gb"},
		{Fingerprint: strings.ToUpper(testKey.Fingerprint), Cluster: "gb"},
	} {
		if _, err := s.Reserve(k, 1); err == nil {
			t.Errorf("Reserve(%+v) is no error", k)
		}
		if _, err := s.Samples(k, 1); err == nil {
			t.Errorf("Samples(%+v) is no error", k)
		}
	}
	if s.exists() {
		entries, _ := os.ReadDir(s.Dir())
		if len(entries) != 0 {
			t.Errorf("something was made: %v", entries)
		}
	}
}

func TestOpenTouchesNothing(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "store"))
	if st, err := s.View("").Look(testKey.Fingerprint, "gb", false, 2); err != nil || st.Missing() != 2 {
		t.Errorf("Look: %+v, %v", st, err)
	}
	if run, err := s.View("test").LastAt(testAddress, false); run != nil || err != nil {
		t.Errorf("LastAt: %v, %v", run, err)
	}
	if l, err := s.View("test").Addresses(true); len(l) != 0 || err != nil {
		t.Errorf("Addresses: %v, %v", l, err)
	}
	if l, err := s.View("test").Results(false); len(l) != 0 || err != nil {
		t.Errorf("Results: %v, %v", l, err)
	}
	if l, err := s.Keys(); len(l) != 0 || err != nil {
		t.Errorf("Keys: %v, %v", l, err)
	}
	if s.exists() {
		t.Error("the store was made")
	}
}

func TestCreateKeepsResultsOutOfGit(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "a", "store"))
	for range 2 {
		if err := s.Create(); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(s.Dir(), ".gitignore")); err != nil || string(b) != "*\n" {
		t.Errorf(".gitignore: %q, %v", b, err)
	}
}
