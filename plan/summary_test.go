package plan

import (
	"testing"

	"github.com/llmbench/llmbench/schema"
)

// A run of 8 GPUs and 15 minutes costs at most 2 GPU-hours per sample.
func TestGPUHoursLimits(t *testing.T) {
	run := func(r Run) *Run {
		r.Hardware.GPUs, r.TimeLimitSeconds = 8, 900
		return &r
	}
	ten := 10.0
	for _, c := range []struct {
		name               string
		run                Run
		policy             *schema.Policy
		first, withRetries float64
	}{
		{"one sample", Run{Action: Measure, State: Samples{Wanted: 1}, retries: 2}, nil, 2, 6},
		{"no retries", Run{Action: Measure, State: Samples{Wanted: 3, Valid: 1}}, nil, 4, 4},
		{"precision", Run{Action: Measure, State: Samples{Wanted: 6, Valid: 2}, precision: precision{wanted: 0.005, most: 12}, retries: 1}, nil, 20, 40},
		{"precision that waits", Run{Action: Wait, State: Samples{Wanted: 6, InFlight: make([]InFlight, 6)}, precision: precision{wanted: 0.005, most: 7}, retries: 1}, nil, 2, 4 + 12},
		{"precision that is reached", Run{Action: Keep, State: Samples{Wanted: 6, Valid: 6}, precision: precision{wanted: 0.02, most: 12}}, nil, 0, 0},
		{"in flight", Run{Action: Wait, State: Samples{Wanted: 1, InFlight: make([]InFlight, 1)}, retries: 2}, nil, 0, 4},
		{"policy", Run{Action: Measure, State: Samples{Wanted: 2}, retries: 2}, &schema.Policy{MaxGPUHours: &ten}, 4, 10},
	} {
		p := &Plan{Runs: []*Run{run(c.run)}}
		p.summarise(c.policy)
		if got := p.Summary; got.GPUHoursLimit != c.first || got.GPUHoursLimitWithRetries != c.withRetries {
			t.Errorf("%s: at most %g and %g GPU-hours, want %g and %g", c.name, got.GPUHoursLimit, got.GPUHoursLimitWithRetries, c.first, c.withRetries)
		}
		if c.policy == nil && len(checkPolicy(&schema.Policy{MaxGPUHours: ptr(c.first - 1)}, p)) == 0 && c.first > 0 {
			t.Errorf("%s: a policy of %g GPU-hours does not refuse it", c.name, c.first-1)
		}
	}
}
