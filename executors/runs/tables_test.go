package runs

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
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
