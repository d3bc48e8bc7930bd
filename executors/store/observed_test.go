package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
)

// What the job did not see, or could not be, stays open.
func TestObservedSideBySide(t *testing.T) {
	for value, want := range map[string]int{"2": 2, "": 0, "x": 0} {
		var p results.Provenance
		observed(&p, "side_by_side", value)
		if (p.SideBySide != nil) != (want > 0) || want > 0 && *p.SideBySide != want {
			t.Errorf("%q is %v, want %d", value, p.SideBySide, want)
		}
	}
}

// What nvidia-smi does not tell of a GPU is not known.
func TestObservedGPU(t *testing.T) {
	var p results.Provenance
	observed(&p, "gpu", "GB200, [N/A], 1965, [Not Supported], 3996")
	if p.GPUName == nil || *p.GPUName != "GB200" || p.Driver != nil || p.PowerCapW != nil || p.Clocks == nil || *p.Clocks != "SM at most 1965 MHz, memory at most 3996 MHz" {
		t.Errorf("%+v", p)
	}
	p = results.Provenance{}
	if observed(&p, "gpu", "GB200, 570.86.15, [N/A], 1200.00"); p.Clocks != nil || p.Driver == nil || *p.PowerCapW != 1200 {
		t.Errorf("%+v", p)
	}
}

// The time in the log is the node's or the container's; one outside of the job
// is neither.
func TestMeasuredUntil(t *testing.T) {
	started := time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)
	ended := started.Add(20 * time.Minute)
	zone := zoneOf("+0200")
	for name, c := range map[string]struct {
		log  string
		want time.Time
	}{
		"node's zone":      {"x\n[05/04/2026-11:45:10] [TRT-LLM] [I] Benchmark complete.\nmore\n", started.Add(15*time.Minute + 10*time.Second)},
		"container in UTC": {"[05/04/2026-09:45:10] [TRT-LLM] [I] Benchmark complete.\n", started.Add(15*time.Minute + 10*time.Second)},
		"under srun -l":    {"0: [05/04/2026-09:45:10] [TRT-LLM] [I] Benchmark complete.\n", started.Add(15*time.Minute + 10*time.Second)},
		"another day":      {"[05/03/2026-09:45:10] [TRT-LLM] [I] Benchmark complete.\n", time.Time{}},
		"no time":          {"Benchmark complete.\n", time.Time{}},
		"nothing":          {"", time.Time{}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, jobdir.StdoutFile), []byte(c.log), 0o644); err != nil {
			t.Fatal(err)
		}
		s := &snapshot{files: jobdir.Listing{Dir: dir, Names: []string{jobdir.StdoutFile}}}
		in := &results.Evidence{Job: results.Job{Started: &started, Ended: &ended}}
		if got := s.measuredUntil(in, zone); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
