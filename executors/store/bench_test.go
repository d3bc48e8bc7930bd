package store

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
		got, err := s.View("test").Results(false)
		if err != nil || len(got) != 1000 {
			b.Fatalf("%d, %v", len(got), err)
		}
	}
}

// BenchmarkView asks a store of 1,000 results for what a plan asks, from its
// cache and without one.
func BenchmarkView(b *testing.B) {
	s := Open(b.TempDir())
	keys := fillOld(b, s, 1000)
	v := keeping(s)
	if _, err := v.scan(false); err != nil {
		b.Fatal(err)
	}
	v.Keep()
	for name, open := range map[string]func() *View{"cache": func() *View { return s.View("test") }, "none": func() *View { return withoutCache(s) }} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v := open()
				for i, k := range keys {
					if st, err := v.Look(k.Fingerprint, k.Cluster, false, 1); err != nil || st.Valid != 1 {
						b.Fatal(st, err)
					}
					if last, err := v.LastAt(fmt.Sprintf("b/use_case=u%d", i), false); err != nil || last == nil && i == 0 {
						b.Fatal(last, err)
					}
				}
			}
		})
	}
}
