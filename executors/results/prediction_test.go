package results

import (
	"testing"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func TestOutsidePrediction(t *testing.T) {
	band := estimate.Interval{Low: 800, Mid: 1000, High: 1200}
	for _, c := range []struct {
		got       float64
		simulated bool
		want      string
	}{{1000, false, ""}, {800, false, ""}, {799, false, "outside_prediction"}, {1300, false, "outside_prediction"}, {1300, true, ""}} {
		r := &Result{Simulated: c.simulated, Estimate: &plan.Estimate{OutputThroughputPerGPU: &band}, Metrics: trtllm.Measured(map[string]float64{trtllm.OutputThroughputPerGPU: c.got})}
		code := ""
		r.doubtPrediction()
		for _, reason := range r.Reasons {
			code = string(reason.Code)
			if reason.Level != Suspect {
				t.Errorf("%+v", reason)
			}
		}
		if code != c.want {
			t.Errorf("%v (simulated %v): %q, want %q", c.got, c.simulated, code, c.want)
		}
	}
}
