package jobdir

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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

// Temporary files go at once where their writer can be seen to be gone, and after a day
// where it cannot be seen.
func TestSweep(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	own := func(name, place string, pid int) string { return fmt.Sprintf(".%s~%s~%d~1.tmp", name, place, pid) }
	ours := own("lease", pidSpace(), gone.Process.Pid)
	for _, test := range []struct {
		name        string
		young, aged bool // whether it goes
	}{
		{own("exit", pidSpace(), gone.Process.Pid), true, true},
		{own(ours, pidSpace(), gone.Process.Pid), true, true}, // of one that was to be linked into place
		{own("exit", pidSpace(), os.Getpid()), false, false},
		{own("exit", "another-boot", gone.Process.Pid), false, true},
		{".exit.4711.tmp", false, true}, {".redacted", false, true}, // of a job's script
		{".lease.0123456789abcdef", false, true}, {".job.json123456789", false, true}, // of llmbench 0.1.0
		{"exit", false, false}, {".gitignore", false, false}, {".good", false, false},
	} {
		path := filepath.Join(dir, test.name)
		for age, goes := range map[time.Duration]bool{0: test.young, 25 * time.Hour: test.aged} {
			if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
			if at := time.Now().Add(-age); os.Chtimes(path, at, at) != nil {
				t.Fatal(path)
			}
			Sweep(dir)
			if _, err := os.Stat(path); (err != nil) != goes {
				t.Errorf("%s, %s old: %v, goes %v", test.name, age, err, goes)
			}
		}
	}
}
