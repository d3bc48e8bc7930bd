package view

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

// A job that has written nothing for more than twice the expected time is shown with
// a warning.
func TestStatusWarnsOfSilence(t *testing.T) {
	store := runs.Open(t.TempDir())
	a, err := store.Reserve(runs.Key{Fingerprint: strings.Repeat("ab", 32), Cluster: "gb"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "stdout"), []byte("loading\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	minutes := estimate.Interval{Low: 60, Mid: 300, High: 600}
	r := &plan.Run{Estimate: &plan.Estimate{StartupSeconds: &minutes, MeasureSeconds: &minutes}}
	for after, warned := range map[time.Duration]bool{19 * time.Minute: false, 21 * time.Minute: true} {
		s, err := NewStanding(r, []runs.Slot{{InFlight: true, Attempt: a, Phase: runs.Running}}, time.Now().Add(after))
		if err != nil || strings.Contains(s.Reason, "nothing was written for") != warned {
			t.Errorf("after %s: %q, %v", after, s.Reason, err)
		}
	}
}
