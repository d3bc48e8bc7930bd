package main

import (
	"hash/fnv"
	"runtime"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/plan/estimate"
)

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
			p := f.From(full, observations(without(data, name, held)))
			for _, i := range at[held] {
				out[i] = data[i].trace.Averages(p)
			}
			return nil
		})
	}
	g.Wait() //nolint:errcheck // no fit fails
	return out
}

// without are the measurements that do not have a name.
func without(data []measurement, name func(measurement) string, held string) []measurement {
	var rest []measurement
	for _, r := range data {
		if name(r) != held {
			rest = append(rest, r)
		}
	}
	return rest
}

// predict predicts every measurement by the same parameters.
func predict(data []measurement, p estimate.Parameters) []estimate.Averages {
	out := make([]estimate.Averages, len(data))
	for i, r := range data {
		out[i] = r.trace.Averages(p)
	}
	return out
}
