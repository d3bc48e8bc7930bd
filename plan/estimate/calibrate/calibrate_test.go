package main

import (
	"math"
	"os"
	"testing"

	"github.com/llmbench/llmbench/plan/estimate"
)

func load(t *testing.T) []row {
	f, err := os.Open("../../../" + rowsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := readRows(f)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// What is built in predicts the published rows as well as its report says.
func TestShippedParametersSuitTheRows(t *testing.T) {
	rows := load(t)
	if len(rows) != 88 {
		t.Errorf("%d rows, want the 88 that were published", len(rows))
	}
	sum := 0.0
	for _, r := range rows {
		sum += math.Abs(r.trace.TPSPerGPU(estimate.Shipped())/r.measured - 1)
	}
	if mape := sum / float64(len(rows)); mape > 0.08 {
		t.Errorf("MAPE %.1f %% with the parameters that are built in", 100*mape)
	}
}

// The fit ends at a minimum: no parameter that is moved by itself does better.
func TestFitIsAMinimum(t *testing.T) {
	rows := load(t)
	f := newFit(estimate.Calibrated())
	best := f.Loss(observations(rows), estimate.Shipped())
	for _, name := range f.Free {
		for _, ratio := range []float64{0.9, 1.1} {
			p := estimate.Shipped()
			*p.At(name) *= ratio
			if f.Loss(observations(rows), p) < best*0.995 {
				t.Errorf("%s times %v is better: the parameters are not those of `make calibrate`", name, ratio)
			}
		}
	}
}

func TestFoldsHoldEveryRowBackOnce(t *testing.T) {
	rows := load(t)
	group := by(rows, relatives)
	for i, r := range rows {
		for j, other := range rows {
			if r.group == other.group && group(i) != group(j) {
				t.Fatalf("%v and %v are relatives in different folds", r, other)
			}
		}
		if k := interleaved(i); k < 0 || k >= folds {
			t.Fatalf("row %d in fold %d", i, k)
		}
	}
}
