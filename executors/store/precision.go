package store

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
	list, n := resultsOf(slots), 0
	for _, r := range list {
		if r.Counts() && r.Metrics.At(trtllm.OutputThroughputPerGPU) != nil {
			n++
		}
	}
	sum := results.Summarise(results.Values(list, trtllm.OutputThroughputPerGPU))
	if sum == nil || sum.Low == nil || sum.High == nil || sum.Median == 0 {
		return n, math.Inf(1), nil
	}
	return n, max(sum.Median-*sum.Low, *sum.High-sum.Median) / sum.Median, nil
}
