package runs

import (
	"math"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// Precision implements plan.Ledger.
func (v *View) Precision(fingerprint, cluster string, simulated bool) (int, float64, error) {
	if cluster == "" {
		return 0, math.Inf(1), nil
	}
	slots, err := v.Samples(Key{Fingerprint: fingerprint, Cluster: cluster, Simulated: simulated}, 0)
	if err != nil {
		return 0, 0, err
	}
	var values []float64
	for _, r := range resultsOf(slots) {
		if tps := r.Metrics.At(trtllm.OutputThroughputPerGPU); r.Counts() && tps != nil {
			values = append(values, *tps)
		}
	}
	sum := results.Summarise(values)
	if sum == nil || sum.Low == nil || sum.High == nil || sum.Median == 0 {
		return len(values), math.Inf(1), nil
	}
	return len(values), max(sum.Median-*sum.Low, *sum.High-sum.Median) / sum.Median, nil
}
