package runs

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkResults reads a store of 1,000 results.
func BenchmarkResults(b *testing.B) {
	s := Open(b.TempDir())
	for i := range 1000 {
		k := Key{Fingerprint: fmt.Sprintf("%012x", i) + strings.Repeat("0", 52), Cluster: "gb"}
		finish(b, newAttempt(b, s, k, 1, fmt.Sprintf("b/use_case=u%d", i)))
	}
	for b.Loop() {
		got, err := s.Results(false)
		if err != nil || len(got) != 1000 {
			b.Fatalf("%d, %v", len(got), err)
		}
	}
}
