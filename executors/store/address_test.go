package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddresses(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	deep := testAddress + "/concurrency=64"
	for _, address := range []string{deep, testAddress, testAddress} {
		if err := s.LinkAddress(address, a); err != nil {
			t.Fatal(err)
		}
	}
	v := s.View("test")
	if got, err := v.Addresses(false); err != nil || !cmp.Equal(got, []string{testAddress}) { // as the intent has it
		t.Errorf("%v, %v", got, err)
	}
	if got, err := v.Addresses(true); len(got) != 0 || err != nil {
		t.Errorf("simulated: %v, %v", got, err)
	}
	link := filepath.Join(s.Dir(), "by-address", filepath.FromSlash(deep), "gb")
	if to, err := os.Readlink(link); err != nil || filepath.IsAbs(to) {
		t.Errorf("link %q, %v", to, err)
	}
	if _, err := os.Stat(filepath.Join(link, "sample-1", "attempt-1", "run.json")); err != nil {
		t.Errorf("the link leads nowhere: %v", err)
	}
}

func TestLastAt(t *testing.T) {
	s := Open(t.TempDir())
	first := newAttempt(t, s, testKey, 1, testAddress)
	link := func(a *Attempt) {
		t.Helper()
		if err := s.LinkAddress(testAddress, a); err != nil {
			t.Fatal(err)
		}
	}
	last := func(want string, why string) {
		t.Helper()
		run, err := s.View("test").LastAt(testAddress, false)
		if err != nil || run == nil || run.Fingerprint != want {
			t.Errorf("%s: %+v, %v", why, run, err)
		}
	}
	link(first)
	last(testKey.Fingerprint, "in flight, nothing else")
	finish(t, first)

	newAttempt(t, s, otherKey, 1, testAddress)
	second := newAttempt(t, s, otherKey, 1, testAddress) // an hour later than the first
	link(second)
	last(testKey.Fingerprint, "the newer one measured nothing yet")
	fail(t, second, "gpu_oom")
	last(testKey.Fingerprint, "the newer one failed")
	third := newAttempt(t, s, otherKey, 1, testAddress)
	finish(t, third)
	last(otherKey.Fingerprint, "the newer one measured")
}

func TestAddressesStayInside(t *testing.T) {
	s := Open(t.TempDir())
	a := newAttempt(t, s, testKey, 1, testAddress)
	for _, address := range []string{"", "/", "..", "a/../b", "a//b", "/etc", "a/.all", "a/b c", "a/b=c\x00"} {
		if err := s.LinkAddress(address, a); err == nil {
			t.Errorf("LinkAddress(%q) is no error", address)
		}
		if _, err := s.KeysAt(address, false); err == nil {
			t.Errorf("KeysAt(%q) is no error", address)
		}
	}
}
