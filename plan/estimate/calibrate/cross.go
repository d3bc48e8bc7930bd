package main

import (
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/plan/estimate"
)

// folds divide the rows: every fold holds back each fifth row of every group of
// relatives, so that each row is predicted from others of its kind.
const folds = 5

// crossValidate predicts every row by a fit without its fold and returns the
// relative errors.
func crossValidate(f estimate.Fit, rows []row, fold func(int) int) []float64 {
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
			p := f.Run(observations(rest))
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

// by holds whole groups of rows back, those of one name together.
func by(rows []row, name func(row) string) func(int) int {
	index := map[string]int{}
	for _, r := range rows {
		if _, ok := index[name(r)]; !ok {
			index[name(r)] = len(index)
		}
	}
	return func(i int) int { return index[name(rows[i])] }
}

func relatives(r row) string { return r.group }

func model(r row) string { return r.Model }

// A score sums errors up.
type score struct {
	n                       int
	mape, median, p90, bias float64
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
	s.median, s.p90 = at(0.5), at(0.9)
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

// widthFor is the smallest width, in whole percent, that covers a share of the
// measurements.
func widthFor(errs []float64, share float64) float64 {
	percent := 1.0
	for coverage(errs, percent/100) < share {
		percent++
	}
	return percent / 100
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
