package view

import (
	"io"
	"testing"
	"time"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

// A sample has one bar from its data set to its end.
func TestBarsStay(t *testing.T) {
	run := &plan.Run{Address: "load/use_case=chat", State: plan.Samples{Wanted: 1}}
	b := newBars(io.Discard, &plan.Plan{})
	for _, e := range []executors.Event{
		{Type: executors.RunProgress, Done: 4000, Total: 4000, Text: "writing data set"},
		{Type: executors.RunSubmitted, State: plan.Submitted},
		{Type: executors.RunState, State: plan.Running},
		{Type: executors.RunProgress, Done: 400, Total: 4000},
	} {
		e.Run = run
		if !b.event(e) {
			t.Errorf("%s is not drawn", e.Type)
		}
	}
	at := b.byID["…/chat"]
	if at == nil || at.b.Completed() || at.b.Aborted() || at.b.Current() != 400 {
		t.Fatalf("the bar is gone: %+v", b.byID)
	}
	if b.event(executors.Event{Type: executors.RunComplete, Run: run}) || len(b.byID) > 1 {
		t.Error("the end is no line of its own")
	}
	b.close()
}

// The totals count samples by where they are, those of which nothing is heard yet too,
// and each running job says its phase and for how long it has run.
func TestLiveTotals(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := &plan.Estimate{StartupSeconds: &estimate.Interval{Mid: 300}, MeasureSeconds: &estimate.Interval{Mid: 100}}
	run := func(name string, action plan.Action) *plan.Run {
		return &plan.Run{Address: "load/use_case=" + name, Action: action, Estimate: e, State: plan.Samples{Wanted: 1}}
	}
	one, two, three, kept := run("a", plan.Measure), run("b", plan.Measure), run("c", plan.Measure), run("d", plan.Keep)
	b := newBars(io.Discard, &plan.Plan{Runs: []*plan.Run{one, two, three, kept}})
	b.began = now.Add(-10 * time.Minute)
	says := func(r *plan.Run) string { return (*b.byID[short(r.Address)].says.Load())(now) }
	step := func(want string, e executors.Event) {
		t.Helper()
		e.Time = now.Add(-time.Minute)
		b.event(e)
		if got := b.summary(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	step("0 of 3 done, 0 failed, 0 running, 3 waiting; 10 min, ~20 min left", executors.Event{Type: executors.RunState, Run: one, State: plan.Queued})
	step("0 of 3 done, 0 failed, 1 running, 2 waiting; 10 min, ~17 min left", executors.Event{Type: executors.RunState, Run: one, State: plan.Running, Started: now.Add(-200 * time.Second)})
	step("0 of 3 done, 0 failed, 1 running, 2 waiting; 10 min, ~17 min left", executors.Event{Type: executors.RunProgress, Run: one, State: plan.Running, Text: "loading"})
	if got := says(one); got != "loading, 3 min" {
		t.Errorf("%q", got)
	}
	step("0 of 3 done, 0 failed, 1 running, 2 waiting; 10 min, ~14 min left", executors.Event{Type: executors.RunProgress, Run: one, State: plan.Running, Done: 63, Total: 100, Text: "measuring 63 %"})
	if got := says(one); got != "measuring 63 %, 3 min" {
		t.Errorf("%q", got)
	}
	step("0 of 3 done, 1 failed, 1 running, 1 waiting; 10 min, ~7 min left", executors.Event{Type: executors.RunErrored, Run: two})
	step("0 of 3 done, 0 failed, 1 running, 2 waiting; 10 min, ~14 min left", executors.Event{Type: executors.RunSubmitted, Run: two, State: plan.Submitted}) // its next attempt
	step("1 of 3 done, 0 failed, 0 running, 2 waiting; 10 min, ~13 min left", executors.Event{Type: executors.RunComplete, Run: one})
	b.close()
}
