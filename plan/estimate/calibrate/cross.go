package main

import (
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// folds divide the rows: every fold holds back each fifth row of every group of
// relatives, so that each row is predicted from others of its kind.
const folds = 5

// crossValidate predicts every row by a fit without its fold and returns the
// relative errors.
func crossValidate(f fitting, rows []row, fold func(int) int) []float64 {
	errs := make([]float64, len(rows))
	count := 0
	for i := range rows {
		count = max(count, fold(i)+1)
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for k := range count {
		g.Go(func() error {
			var rest []row
			for i, r := range rows {
				if fold(i) != k {
					rest = append(rest, r)
				}
			}
			p := f.fit(rest)
			for i, r := range rows {
				if fold(i) == k {
					errs[i] = r.trace.TPSPerGPU(p)/r.measured - 1
				}
			}
			return nil
		})
	}
	g.Wait() //nolint:errcheck // no fit fails
	return errs
}

// interleaved holds every fifth row back.
func interleaved(i int) int { return i % folds }

// byGroup holds whole groups back: a model on a GPU in one edition.
func byGroup(rows []row) func(int) int {
	index := map[string]int{}
	for _, r := range rows {
		if _, ok := index[r.group]; !ok {
			index[r.group] = len(index)
		}
	}
	return func(i int) int { return index[rows[i].group] }
}

// A score sums errors up.
type score struct {
	n                            int
	mape, median, p90, bias, p82 float64
}

func newScore(errs []float64) score {
	s := score{n: len(errs)}
	abs := make([]float64, len(errs))
	for i, e := range errs {
		abs[i] = math.Abs(e)
		s.mape += abs[i] / float64(len(errs))
		s.bias += e / float64(len(errs))
	}
	slices.Sort(abs)
	at := func(q float64) float64 { return abs[min(len(abs)-1, int(q*float64(len(abs))))] }
	s.median, s.p82, s.p90 = at(0.5), at(0.82), at(0.9)
	return s
}

// coverage is the share of measurements inside an interval of width to either
// side of the prediction.
func coverage(errs []float64, width float64) float64 {
	in := 0.0
	for _, e := range errs {
		if measured := 1 / (1 + e); measured >= 1-width && measured <= 1+width {
			in++
		}
	}
	return in / float64(len(errs))
}

// only keeps the errors of rows that suit.
func only(rows []row, errs []float64, suits func(row) bool) []float64 {
	var out []float64
	for i, r := range rows {
		if suits(r) {
			out = append(out, errs[i])
		}
	}
	return out
}
