package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan/trtllm"
)

var testShape = trtllm.Shape{ISL: 20, OSL: 4, Seed: 420, Lines: 300, Vocab: 1000, EOS: 2}

func TestEnsureDatasetGeneratesOnce(t *testing.T) {
	s := Open(t.TempDir())
	told := 0
	path, sha, err := s.EnsureDataset(t.Context(), testShape, func(lines int) { told = lines })
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sha || !strings.HasSuffix(path, "/datasets/"+sha+".jsonl") {
		t.Errorf("%s has the hash %x", path, sum)
	}
	if told != testShape.Lines {
		t.Errorf("told of %d rows, want %d", told, testShape.Lines)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := s.EnsureDataset(t.Context(), testShape, func(int) { t.Error("generated again") })
	after, statErr := os.Stat(path)
	if err != nil || again != path || statErr != nil || !os.SameFile(before, after) {
		t.Errorf("%s, %v, %v", again, err, statErr)
	}
	other := testShape
	other.Seed++
	if _, otherSHA, err := s.EnsureDataset(t.Context(), other, nil); err != nil || otherSHA == sha {
		t.Errorf("another seed: %s, %v", otherSHA, err)
	}
}

func TestEnsureDatasetHealsALoss(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"removed": os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 100) },
		"NULs": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, make([]byte, info.Size()), 0o644)
		},
		"recipe": func(path string) error { return os.RemoveAll(filepath.Join(filepath.Dir(path), recipesDir)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			path, sha, err := s.EnsureDataset(t.Context(), testShape, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*Store{s, Open(s.Dir())} {
				if _, again, err := s.EnsureDataset(t.Context(), testShape, nil); err != nil || again != sha {
					t.Fatalf("%s, %v", again, err)
				}
			}
			if b, err := os.ReadFile(path); err != nil || digestOf(b) != sha {
				t.Errorf("not healed: %v", err)
			}
		})
	}
}

func TestEnsureDatasetByManyAtOnce(t *testing.T) {
	s := Open(t.TempDir())
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			path, sha, err := s.EnsureDataset(t.Context(), testShape, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if b, err := os.ReadFile(path); err != nil || digestOf(b) != sha {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
	wg.Wait()
	left, err := os.ReadDir(s.datasetsDir())
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestEnsureDatasetStops(t *testing.T) {
	s := Open(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.EnsureDataset(ctx, testShape, nil); err == nil {
		t.Error("no error")
	}
	left, err := os.ReadDir(s.datasetsDir())
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// A data set of the user's own is read once, until it changes, in a store that exists.
func TestOwnDatasetIsReadOnce(t *testing.T) {
	path, row := filepath.Join(t.TempDir(), "own.jsonl"), `{"task_id": 0, "input_ids": [1, 2, 3], "output_tokens": 5}`+"\n"
	s := Open(filepath.Join(t.TempDir(), "store"))
	kept := func() int {
		found, _ := filepath.Glob(cachePath(s.Dir()) + ".dataset-*")
		return len(found)
	}
	read := func(lines int) string {
		t.Helper()
		d, err := s.ReadDataset(path, lines)
		if err != nil || d.Lines != 2 || len(d.Lengths) != 2 || d.Lengths[1].OSL != 5 {
			t.Fatal(d, err)
		}
		return d.SHA256
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(row + row)
	s.now = func() time.Time { return time.Now().Add(time.Hour) }
	if read(2); kept() != 0 || s.exists() {
		t.Error("reading made a store")
	}
	if err := s.Create(); err != nil {
		t.Fatal(err)
	}
	first := read(2)
	if again := read(2); kept() != 1 || again != first {
		t.Errorf("%d kept, %s, %s", kept(), first, again)
	}
	made, _ := filepath.Glob(cachePath(s.Dir()) + ".dataset-*")
	if read(0); kept() != 2 {
		t.Error("another number of rows is another reading")
	}
	write(strings.Replace(row, "1, 2", "4, 5", 1) + row)
	if changed := read(2); changed == first {
		t.Error("a changed data set is taken for the first")
	}
	// What is new may change without a sign, and is not kept.
	before, err := os.ReadFile(made[0])
	if err != nil {
		t.Fatal(err)
	}
	s.now = time.Now
	write(row + row)
	read(2)
	if now, _ := os.ReadFile(made[0]); !bytes.Equal(now, before) {
		t.Error("what changed just now was kept")
	}
	if d, err := s.ReadDataset(filepath.Join(t.TempDir(), "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(d, err)
	}
}
