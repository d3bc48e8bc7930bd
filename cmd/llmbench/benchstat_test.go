package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The real benchstat groups an export by the components of addresses.
func TestBenchstatReadsExports(t *testing.T) {
	llmbench := func(args ...string) []byte {
		t.Helper()
		out, err := exec.Command(built(t), args...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	store := filepath.Join(t.TempDir(), "store")
	llmbench("apply", "-auto-approve", "-executor=simulate", "-store="+store, "-target=moe_backend=WIDEEP", "-target=streaming=true", "../../examples/sweep")
	export := filepath.Join(t.TempDir(), "sweep.txt")
	if err := os.WriteFile(export, llmbench("results", "-executor=simulate", "-store="+store, "-format=benchfmt", "-all", "../../examples/sweep"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "benchstat", "-row", "/use_case", "-col", "/concurrency", "-filter", ".unit:tok/s/gpu /moe_backend:WIDEEP /streaming:true", export).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"64", "512", "4096", "reasoning", "chat", "tok/s/gpu"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("benchstat's table lacks %q:\n%s", want, out)
		}
	}
}
