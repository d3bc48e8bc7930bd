package main

import (
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/plan/estimate"
)

// pull is the weight of the priors against one measurement.
const pull = 0.3

// fixed are parameters that published measurements do not constrain.
var fixed = map[string]bool{"dense_bf16": true, "moe_fp8": true, "workspace": true, "activation": true}

func newFit(c *estimate.Calibration) estimate.Fit {
	f := estimate.Fit{Pull: pull}
	for _, p := range c.Parameters {
		*f.Priors.At(p.Name) = p.Prior
		if fixed[p.Name] {
			*f.Priors.At(p.Name) = p.Fitted
			continue
		}
		f.Free = append(f.Free, p.Name)
	}
	return f
}

func observations(data []measurement) []estimate.Observation {
	list := make([]estimate.Observation, len(data))
	for i, r := range data {
		list[i] = estimate.Observation{Trace: r.trace, TPSPerGPU: r.measured, TPOT: r.tpot, Weight: r.weight}
	}
	return list
}

// folds divide the cells, by a hash of their names.
const folds = 10

func foldOf(r measurement) int {
	h := fnv.New32a()
	h.Write([]byte(r.cell())) //nolint:errcheck // never fails
	return int(h.Sum32() % folds)
}

// fold is foldOf as a name.
func fold(r measurement) string { return strconv.Itoa(foldOf(r)) }

// crossValidate predicts every measurement by a fit without all measurements that have the same
// name, and returns what it predicts. Fits begin at full, the fit of all measurements.
func crossValidate(f estimate.Fit, full estimate.Parameters, data []measurement, name func(measurement) string) []estimate.Averages {
	out := make([]estimate.Averages, len(data))
	at := map[string][]int{}
	for i, r := range data {
		at[name(r)] = append(at[name(r)], i)
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for held, members := range at {
		g.Go(func() error {
			rest := slices.DeleteFunc(slices.Clone(data), func(r measurement) bool { return name(r) == held })
			p := f.Run(full, observations(rest))
			for _, i := range members {
				out[i] = data[i].trace.Averages(p)
			}
			return nil
		})
	}
	g.Wait() //nolint:errcheck // no fit fails
	return out
}

// predict predicts every measurement by the same parameters.
func predict(data []measurement, p estimate.Parameters) []estimate.Averages {
	out := make([]estimate.Averages, len(data))
	for i, r := range data {
		out[i] = r.trace.Averages(p)
	}
	return out
}

// A score sums relative errors up.
type score struct {
	n                       int
	mape, median, p90, bias float64
}

// A figure is what was measured, 0 where it was not, and what is predicted.
type figure func(measurement, estimate.Averages) (measured, said float64)

func throughput(r measurement, p estimate.Averages) (measured, said float64) {
	return r.measured, p.TPSPerGPU
}

func tpot(r measurement, p estimate.Averages) (measured, said float64) { return r.tpot, p.TPOT }

func ttft(r measurement, p estimate.Averages) (measured, said float64) { return r.ttft, p.TTFT }

// scoreOf scores a figure, predicted over measured less one, of the measurements that suit.
func scoreOf(of figure, data []measurement, predicted []estimate.Averages, suits func(measurement) bool) score {
	var errs []float64
	for i, r := range data {
		if measured, said := of(r, predicted[i]); measured > 0 && suits(r) {
			errs = append(errs, said/measured-1)
		}
	}
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

func all(measurement) bool { return true }

func saturated(r measurement) bool { return !r.limited() }

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
