package store

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/llmbench/llmbench/executors/results"
)

func TestWriteTables(t *testing.T) {
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		}
	}
	s := Open(t.TempDir())
	for _, simulated := range []bool{false, true} {
		dir, err := s.WriteTables(simulated, map[string]func(io.Writer) error{"results.md": text("| a |\n"), "results.csv": text("a\n")})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "results.md")); err != nil || string(b) != "| a |\n" {
			t.Errorf("%q, %v", b, err)
		}
		if simulated != (dir == filepath.Join(s.Dir(), "simulated", "results")) {
			t.Errorf("simulated %v: written to %s", simulated, dir)
		}
	}
	if _, err := s.WriteTables(false, map[string]func(io.Writer) error{"../x": text("")}); err == nil {
		t.Error("a name outside is no error")
	}
}

// Imported results of one run are samples of it only where they are of one cluster.
func TestImportedSamples(t *testing.T) {
	s := Open(t.TempDir())
	for i, cluster := range []string{"gb", "eos", "gb"} {
		r := &results.Result{Address: testAddress, Fingerprint: testKey.Fingerprint, Cluster: cluster}
		if _, err := s.Import(fmt.Append(nil, "log ", i), nil, "", 1, r); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Imported()
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string][]int{}
	for _, r := range list {
		samples[r.Cluster] = append(samples[r.Cluster], r.Sample)
	}
	if want := map[string][]int{"gb": {1, 2}, "eos": {1}}; !maps.EqualFunc(samples, want, slices.Equal) {
		t.Errorf("samples by cluster: %v, want %v", samples, want)
	}
}

// What an imported result says of its log is not trusted: the log is read from the
// store, wherever that is now, and nowhere else.
func TestImportedLogIsOfTheStore(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "store"))
	if _, err := s.Import([]byte("log"), []byte("errors"), "", 1, &results.Result{Address: testAddress}); err != nil {
		t.Fatal(err)
	}
	moved := Open(filepath.Join(t.TempDir(), "moved"))
	if err := os.Rename(s.dir, moved.dir); err != nil {
		t.Fatal(err)
	}
	files := func() results.Files {
		t.Helper()
		list, err := moved.Imported()
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0].Files
	}
	if f := files(); f.Stdout == nil || f.Stderr == nil || filepath.Dir(*f.Stdout) != moved.importedDir() || filepath.Dir(*f.Stderr) != moved.importedDir() {
		t.Errorf("after the store was moved: %+v", f)
	}
	found, _ := filepath.Glob(filepath.Join(moved.importedDir(), "*.json"))
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	write(t, found[0], regexp.MustCompile(`"[^"]*\.log"`).ReplaceAllString(string(text), `"/etc/passwd"`))
	if f := files(); f.Stdout != nil {
		t.Errorf("its log is %s", *f.Stdout)
	}
}
