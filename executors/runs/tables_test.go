package runs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriteTables(t *testing.T) {
	s := Open(t.TempDir())
	for _, simulated := range []bool{false, true} {
		dir, err := s.WriteTables(simulated, map[string][]byte{"results.md": []byte("| a |\n"), "results.csv": []byte("a\n")})
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
	if _, err := s.WriteTables(false, map[string][]byte{"../x": nil}); err == nil {
		t.Error("a name outside is no error")
	}
}
