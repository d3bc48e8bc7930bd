package store

import (
	"cmp"
	"slices"
	"sync"

	"github.com/llmbench/llmbench/executors/results"
)

// resultsOf are the results of the attempts that speak for samples.
func resultsOf(slots []Sample) []*results.Result {
	var out []*results.Result
	for _, slot := range slots {
		if slot.Result != nil {
			out = append(out, slot.Result)
		}
	}
	return out
}

// inOrder sorts results by address, fingerprint, cluster, sample and attempt.
func inOrder(out []*results.Result) []*results.Result {
	slices.SortStableFunc(out, func(a, b *results.Result) int {
		return cmp.Or(
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Cluster, b.Cluster),
			cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Attempt, b.Attempt))
	})
	return out
}

// History returns the outcome of every attempt that ended, retired and replaced ones
// too, in the order of Results, as Shown.
func (v *View) History(simulated bool) ([]*results.Result, error) {
	var mu sync.Mutex
	var out []*results.Result
	h := v.half(simulated)
	err := h.each(func(fingerprint string) error {
		known, _, err := h.history(fingerprint, contents)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		known.outcomes(func(_ string, o *outcome) {
			if o.result != nil {
				out = append(out, o.result)
			}
		})
		return nil
	})
	return inOrder(out), err
}
