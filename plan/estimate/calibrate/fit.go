package main

import (
	"hash/fnv"
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
	var names []string
	at := map[string][]int{}
	for i, r := range data {
		if at[name(r)] == nil {
			names = append(names, name(r))
		}
		at[name(r)] = append(at[name(r)], i)
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, held := range names {
		g.Go(func() error {
			rest := slices.DeleteFunc(slices.Clone(data), func(r measurement) bool { return name(r) == held })
			p := f.From(full, observations(rest))
			for _, i := range at[held] {
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
