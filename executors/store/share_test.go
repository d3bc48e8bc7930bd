package store

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
)

func TestShareWith(t *testing.T) {
	g, err := user.LookupGroupId(strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Skip("this process's group has no name: ", err)
	}
	s := Open(filepath.Join(t.TempDir(), "store"))
	if err := s.ShareWith(g.Name); err != nil {
		t.Fatal(err)
	}
	a := newAttempt(t, s, testKey, 1, testAddress)
	looks := filepath.Join(s.Dir(), "doctor", "one")
	if err := s.Mkdir(looks); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{a.Dir, looks} {
		for ; dir != filepath.Dir(s.Dir()); dir = filepath.Dir(dir) {
			fi, err := os.Stat(dir)
			if err != nil || fi.Mode().Perm() != 0o770 || fi.Mode()&os.ModeSetgid == 0 {
				t.Errorf("%s has mode %v, %v", dir, fi.Mode(), err)
			}
		}
	}
	if fi, err := os.Stat(filepath.Join(a.Dir, "secrets")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("secrets: %v, %v", fi.Mode(), err)
	}
	if err := s.ShareWith("no such group"); err == nil {
		t.Error("a group that does not exist is no error")
	}
}
