package results

import (
	"slices"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// shortSteady is the share of the measured time below which the steady window is
// a small part of it.
const shortSteady = 0.5

// Watch takes in the iteration log of the result, nil for none. Where the batch
// was full for less than half of the time, the throughput gets the note
// short_window, whatever the plan expected.
func (r *Result) Watch(s *trtllm.Series) {
	r.Iterations = s
	const code = failure.ShortWindow
	if s == nil || !r.Counts() || slices.ContainsFunc(r.Caveats, func(c Caveat) bool { return c.Code == code }) {
		return
	}
	if s.Steady.EndS-s.Steady.StartS < shortSteady*s.Seconds {
		r.Caveats = append(r.Caveats, Caveat{Metric: "output_throughput_per_gpu_tok_s", Code: code})
	}
}
