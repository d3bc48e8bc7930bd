package jobdir

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What no record can be is refused: it is neither read into memory nor waited for.
func TestReadFileRefuses(t *testing.T) {
	dir := t.TempDir()
	large, fifo := filepath.Join(dir, "run.json"), filepath.Join(dir, "exit")
	if err := os.WriteFile(large, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 3<<30); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{large: "it has 3221225472 bytes, and at most 67108864 are read", fifo: "not a regular file", dir: "not a regular file"} {
		if b, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
}
