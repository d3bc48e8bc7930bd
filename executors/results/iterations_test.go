package results

import (
	"testing"

	"github.com/llmbench/llmbench/plan/trtllm"
)

func TestWatch(t *testing.T) {
	for _, c := range []struct {
		end     float64
		verdict Verdict
		want    int
	}{{40, Valid, 1}, {80, Valid, 0}, {40, Failed, 0}} {
		r := &Result{Verdict: c.verdict}
		for range 2 { // a second look adds nothing
			r.Watch(&trtllm.Series{Seconds: 100, Steady: trtllm.Window{StartS: 5, EndS: c.end}})
		}
		if len(r.Caveats) != c.want || r.Iterations == nil {
			t.Errorf("steady to %v, %s: %v", c.end, c.verdict, r.Caveats)
		}
	}
}
