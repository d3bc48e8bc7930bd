package view

import (
	"io"
	"testing"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// A sample has one bar from its data set to its end.
func TestBarsStay(t *testing.T) {
	run := &plan.Run{Address: "load/use_case=chat", State: plan.State{Wanted: 1}}
	b := newBars(io.Discard)
	for _, e := range []executors.Event{
		{Type: executors.RunProgress, Done: 4000, Total: 4000, Text: "writing data set"},
		{Type: executors.RunSubmitted, State: executors.Submitted},
		{Type: executors.RunState, State: executors.Running},
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
	if b.event(executors.Event{Type: executors.RunComplete, Run: run}) || len(b.byID) > 0 {
		t.Error("the end is no line of its own")
	}
	b.close()
}
