package main

import (
	"os/exec"
	"strings"
	"testing"
)

// BenchmarkStart runs commands that everyone waits for as processes of their own.
// The test binary, which is larger, takes the place of llmbench.
func BenchmarkStart(b *testing.B) {
	for _, line := range []string{"version", "validate ../../examples/llama4-maverick"} {
		args := strings.Fields(line)
		b.Run("command="+args[0], func(b *testing.B) {
			cpu := 0.0
			for b.Loop() {
				cmd := exec.Command("llmbench", args...)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatal(err, string(out))
				}
				cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			}
			b.ReportMetric(cpu*1e9/float64(b.N), "cpu-ns/op")
		})
	}
}
