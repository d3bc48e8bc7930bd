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

func foldOf(r row) int {
	h := fnv.New32a()
	h.Write([]byte(r.cell())) //nolint:errcheck // never fails
	return int(h.Sum32() % folds)
}

// fold is foldOf as a name.
func fold(r row) string { return strconv.Itoa(foldOf(r)) }

// crossValidate predicts every row by a fit without all rows that have the same
// name, and returns what it predicts. Fits begin at full, the fit of all rows.
func crossValidate(f estimate.Fit, full estimate.Parameters, rows []row, name func(row) string) []estimate.Averages {
	out := make([]estimate.Averages, len(rows))
	var names []string
	at := map[string][]int{}
	for i, r := range rows {
		if at[name(r)] == nil {
			names = append(names, name(r))
		}
		at[name(r)] = append(at[name(r)], i)
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, held := range names {
		g.Go(func() error {
			p := f.From(full, observations(without(rows, name, held)))
			for _, i := range at[held] {
				out[i] = rows[i].trace.Averages(p)
			}
			return nil
		})
	}
	g.Wait() //nolint:errcheck // no fit fails
	return out
}

// without are the rows that do not have a name.
func without(rows []row, name func(row) string, held string) []row {
	var rest []row
	for _, r := range rows {
		if name(r) != held {
			rest = append(rest, r)
		}
	}
	return rest
}

// predict predicts every row by the same parameters.
func predict(rows []row, p estimate.Parameters) []estimate.Averages {
	out := make([]estimate.Averages, len(rows))
	for i, r := range rows {
		out[i] = r.trace.Averages(p)
	}
	return out
}
