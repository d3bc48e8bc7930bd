package slurm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A rehearsal is one whatever the stand-in's binary is called.
func TestSimulatedLauncher(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "bench")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", other, "github.com/llmbench/llmbench/cmd/llmbench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	real := filepath.Join(dir, "trtllm-llmapi-launch")
	if err := os.WriteFile(real, []byte("#!/bin/bash\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		launcher []string
		want     bool
	}{
		{[]string{"llmbench", "trtllm-bench"}, true},
		{[]string{"/opt/llmbench-0.1", "trtllm-bench"}, true},
		{[]string{other, "trtllm-bench"}, true},
		{[]string{"env", "A=1", other, "trtllm-bench"}, true},
		{[]string{real, "trtllm-bench"}, false},
		{[]string{"trtllm-llmapi-launch", "trtllm-bench"}, false},
		{[]string{other, "version"}, false},
		{[]string{"trtllm-bench"}, false},
	} {
		if got := (&Config{Launcher: c.launcher}).simulated(); got != c.want {
			t.Errorf("%q: %v", c.launcher, got)
		}
	}
	// Under any name it takes the command line of trtllm-bench.
	out, err := exec.CommandContext(t.Context(), other, "trtllm-bench", "--model", "m", "throughput", "--no-such-flag").CombinedOutput()
	if err == nil || len(out) == 0 || string(out) == "" {
		t.Errorf("%v: %s", err, out)
	}
}
