package main

import (
	"math"
	"slices"

	"github.com/llmbench/llmbench/plan/estimate"
)

// A score sums relative errors up.
type score struct {
	n                       int
	mape, median, p90, bias float64
}

func newScore(errs []float64) score {
	s := score{n: len(errs)}
	if s.n == 0 {
		return s
	}
	abs := make([]float64, len(errs))
	for i, e := range errs {
		abs[i] = math.Abs(e)
		s.mape += abs[i] / float64(len(errs))
		s.bias += e / float64(len(errs))
	}
	slices.Sort(abs)
	at := func(q float64) float64 { return abs[min(len(abs)-1, int(q*float64(len(abs))))] }
	s.median, s.p90 = at(0.5), at(0.9)
	return s
}

// throughputErrors are predicted over measured throughput less one, of the measurements
// that suit; tpotErrors and ttftErrors are alike, of those that were measured.
func throughputErrors(data []measurement, predicted []estimate.Averages, suits func(measurement) bool) []float64 {
	return relativeErrors(data, predicted, suits, func(r measurement, p estimate.Averages) (measured, said float64) { return r.measured, p.TPSPerGPU })
}

func tpotErrors(data []measurement, predicted []estimate.Averages, suits func(measurement) bool) []float64 {
	return relativeErrors(data, predicted, suits, func(r measurement, p estimate.Averages) (measured, said float64) { return r.tpot, p.TPOT })
}

func ttftErrors(data []measurement, predicted []estimate.Averages, suits func(measurement) bool) []float64 {
	return relativeErrors(data, predicted, suits, func(r measurement, p estimate.Averages) (measured, said float64) { return r.ttft, p.TTFT })
}

func relativeErrors(data []measurement, predicted []estimate.Averages, suits func(measurement) bool, of func(measurement, estimate.Averages) (measured, said float64)) []float64 {
	var errs []float64
	for i, r := range data {
		if measured, said := of(r, predicted[i]); measured > 0 && suits(r) {
			errs = append(errs, said/measured-1)
		}
	}
	return errs
}

func all(measurement) bool { return true }

func saturated(r measurement) bool { return !r.limited() }

func limited(r measurement) bool { return r.limited() }

// miss is by how much of the prediction a measurement misses it.
func miss(r measurement, predicted estimate.Averages) float64 {
	return math.Abs(r.measured/predicted.TPSPerGPU - 1)
}

// quantile is the smallest value that a share of list does not exceed, counted
// as if one more, greater than all, were there.
func quantile(list []float64, share float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[min(len(list)-1, int(math.Ceil(share*float64(len(list)+1)))-1)]
}
