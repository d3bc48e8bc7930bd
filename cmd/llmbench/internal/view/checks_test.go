package view

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

// A cause that nodes share is printed once, with all of them.
func TestChecksShareCauses(t *testing.T) {
	var b strings.Builder
	fail := func(node, detail string) executors.Check {
		return executors.Check{Name: "paths", Node: node, Result: executors.CheckFail, Detail: detail, Remedy: "exclude = \"" + node + "\" keeps runs away from it"}
	}
	if err := Checks(&b, []executors.Check{fail("gb01", "does not see /w"), fail("gb02", "does not see /w"), fail("gb03", "does not see /x")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gb01,gb02 paths  does not see /w\n", `exclude = "gb01,gb02" keeps`, "gb03 paths       does not see /x\n"} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, b.String())
		}
	}
}

// A job that has written nothing for more than twice the expected time is shown with
// a warning.
func TestStatusWarnsOfSilence(t *testing.T) {
	st := store.Open(t.TempDir())
	a, err := st.Reserve(store.Key{Fingerprint: strings.Repeat("ab", 32), Cluster: "gb"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "stdout"), []byte("loading\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	minutes := estimate.Interval{Low: 60, Mid: 300, High: 600}
	r := &plan.Run{Estimate: &plan.Estimate{StartupSeconds: &minutes, MeasureSeconds: &minutes}}
	for after, warned := range map[time.Duration]bool{19 * time.Minute: false, 21 * time.Minute: true} {
		s, err := NewRunStatus(r, []store.Sample{{Attempt: a, State: plan.Running}}, time.Now().Add(after))
		if err != nil || strings.Contains(s.Reason, "nothing was written for") != warned {
			t.Errorf("after %s: %q, %v", after, s.Reason, err)
		}
	}
}
