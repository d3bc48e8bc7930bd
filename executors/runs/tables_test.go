package runs

import (
	"io"
	"os"
	"path/filepath"
	"testing"
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
