package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmbench/llmbench/executors/jobdir"
)

func TestPrepareFillsTheFolder(t *testing.T) {
	s := Open(t.TempDir())
	a, err := s.Reserve(testKey, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := testPrepared(s, a, testAddress)
	if err := a.Prepare(p); err != nil {
		t.Fatal(err)
	}
	l, err := jobdir.List(a.Dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"attempt", "config.yml", "dataset.jsonl", "intent.json", "job.out", "run.json", "script.sh", "secrets"}
	if diff := cmp.Diff(want, l.Names); diff != "" {
		t.Error(diff)
	}
	in, err := a.Intent()
	if err != nil || len(in.Files) != 4 {
		t.Fatalf("intent %+v, %v; want a list without secrets", in, err)
	}
	if p.Intent.Files = in.Files; !cmp.Equal(*in, p.Intent) {
		t.Errorf("intent %+v, %v; want %+v", in, err, p.Intent)
	}
	if run, err := a.Run(); err != nil || run.Address != testAddress || run.Fingerprint != testKey.Fingerprint {
		t.Errorf("run %+v, %v", run, err)
	}
	if b, _ := os.ReadFile(filepath.Join(a.Dir, "secrets")); string(b) != "TOKEN=very secret\n" {
		t.Errorf("secrets: %q", b)
	}
	for name, want := range map[string]os.FileMode{"secrets": 0o600, "script.sh": 0o755} {
		fi, err := os.Stat(filepath.Join(a.Dir, name))
		if err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", name, fi.Mode(), err, want)
		}
	}
	link, err := os.Readlink(filepath.Join(a.Dir, "dataset.jsonl"))
	if err != nil || filepath.IsAbs(link) || filepath.Join(a.Dir, link) != s.datasetPath("00") {
		t.Errorf("data set link %q, %v", link, err)
	}
}

func TestPrepareKeepsTheUsersOwnDatasetWhereItIs(t *testing.T) {
	s := Open(t.TempDir())
	own := filepath.Join(t.TempDir(), "own.jsonl")
	a, err := s.Reserve(testKey, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := testPrepared(s, a, testAddress)
	p.Dataset = own
	if err := a.Prepare(p); err != nil {
		t.Fatal(err)
	}
	if link, err := os.Readlink(filepath.Join(a.Dir, "dataset.jsonl")); err != nil || link != own {
		t.Errorf("data set link %q, %v", link, err)
	}
}

func TestPrepareRefuses(t *testing.T) {
	for name, change := range map[string]func(*Prepared){
		"secret with a line break": func(p *Prepared) { p.Secrets = []string{"TOKEN=hush\nhush"} },
		"secret without a name":    func(p *Prepared) { p.Secrets = []string{"hush"} },
		"relative data set":        func(p *Prepared) { p.Dataset = "rows.jsonl" },
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			a, err := s.Reserve(testKey, 1)
			if err != nil {
				t.Fatal(err)
			}
			p := testPrepared(s, a, testAddress)
			change(&p)
			err = a.Prepare(p)
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error shows the secret: %v", err)
			}
			if in, err := a.Intent(); in != nil || err != nil {
				t.Errorf("there is an intent: %v, %v", in, err)
			}
		})
	}
}
