package slurm

import (
	"slices"
	"testing"
)

// BenchmarkPack runs the script of a pack of 32 runs that do nothing: what the
// script itself takes between two runs is the time by 32.
func BenchmarkPack(b *testing.B) {
	const runs = 32
	scripts := slices.Repeat([]string{"true"}, runs)
	for b.Loop() {
		b.StopTimer()
		p := newPackJob(b, 60, "", scripts...)
		b.StartTimer()
		p.run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*runs), "ns/run")
}
