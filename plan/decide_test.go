package plan

import (
	"testing"

	"github.com/llmbench/llmbench/plan/failure"
)

// What a run's stored state makes of it: failures that would repeat block it, a
// failure of one node does not, and what is in flight is waited for.
func TestDecide(t *testing.T) {
	one := Samples{Wanted: 1}
	failed := func(failures ...Failed) Samples { s := one; s.Failed = failures; return s }
	for name, test := range map[string]struct {
		state Samples
		retry bool
		want  Action
	}{
		"nothing":            {one, false, Measure},
		"stored":             {Samples{Wanted: 1, Valid: 1}, false, Keep},
		"in flight":          {Samples{Wanted: 2, Valid: 1, InFlight: []InFlight{{}}}, false, Wait},
		"time limit":         {failed(Failed{Code: failure.TimeLimit}), false, Blocked},
		"time limit, -retry": {failed(Failed{Code: failure.TimeLimit}), true, Measure},
		"out of memory":      {failed(Failed{Code: failure.GPUOOM}), false, Blocked},
		"node failure":       {failed(Failed{Code: failure.NodeFail}), false, Measure},
		"container":          {failed(Failed{Code: failure.Container}), false, Blocked},
		"container, one node": {
			failed(Failed{Code: failure.Container, Node: "gb01"}), false, Measure},
		"container, two nodes": {
			failed(Failed{Code: failure.Container, Node: "gb01"}, Failed{Code: failure.Container, Node: "gb02"}), false, Blocked},
	} {
		r := &Run{Address: "a", State: test.state}
		r.decide(nil, Selection{Retry: test.retry})
		if r.Action != test.want {
			t.Errorf("%s: %s (%s), want %s", name, r.Action, r.Reason, test.want)
		}
	}
}
