package trtllm

import (
	"fmt"
	"math"
)

// No machine has this many ranks, no run as many requests or tokens, and no figure is
// larger.
const (
	mostRanks  = 1 << 16
	mostCount  = 1 << 40
	mostFigure = 1e15
)

// Impossible names a value that no run can have, "" where there is none.
func (r *Report) Impossible() string {
	w, q := r.World, r.Request
	for _, c := range []struct {
		name            string
		v, least, limit float64
	}{
		{"tp_size", float64(w.TP), 1, mostRanks}, {"pp_size", float64(w.PP), 1, mostRanks},
		{"max_batch_size", float64(w.MaxBatchSize), 0, mostCount}, {"max_num_tokens", float64(w.MaxNumTokens), 0, mostCount},
		{"num_requests", float64(q.NumRequests), 0, mostCount},
		{"avg_input_length", q.AvgInputLength, 0, mostCount}, {"avg_output_length", q.AvgOutputLength, 0, mostCount},
	} {
		if !within(c.v, c.least, c.limit) {
			return fmt.Sprintf("%s = %g", c.name, c.v)
		}
	}
	if w.EP != nil && (*w.EP < 1 || *w.EP > mostRanks) {
		return fmt.Sprintf("ep_size = %d", *w.EP)
	}
	if k := w.KVCachePercentage; k != nil && !within(*k, 0, 1) {
		return fmt.Sprintf("kv_cache_percentage = %g", *k)
	}
	for _, m := range Metrics {
		if v := r.Metrics.At(m.Name); v != nil && !within(*v, 0, mostFigure) {
			return fmt.Sprintf("%s = %g", m.Name, *v)
		}
		p := r.Percentiles.At(m.Name)
		if p == nil {
			continue
		}
		for _, name := range PercentileNames {
			if v := *p.At(name); !within(v, 0, mostFigure) {
				return fmt.Sprintf("%s %s = %g", m.Name, name, v)
			}
		}
	}
	return ""
}

func within(v, least, most float64) bool { return !math.IsNaN(v) && v >= least && v <= most }
