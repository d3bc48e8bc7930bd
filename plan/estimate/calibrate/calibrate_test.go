package main

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/plan/estimate"
)

const root = "../../../"

func load(t *testing.T) []measurement {
	f, err := os.Open(root + measurementsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := readMeasurements(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What is built in predicts the published measurements as well as its report says.
func TestShippedParametersSuitTheMeasurements(t *testing.T) {
	data := load(t)
	if len(data) != 594 {
		t.Errorf("%d rows, want the 594 that were published", len(data))
	}
	predicted := predict(data, estimate.Shipped())
	for _, c := range []struct {
		name  string
		suits func(measurement) bool
		most  float64
	}{
		{"saturated", saturated, 0.07}, {"limited", measurement.limited, 0.085}, {"first", measurement.first, 0.07}, {"Maverick", measurement.maverick, 0.05},
	} {
		if s := scoreOf(throughput, data, predicted, c.suits); s.mape > c.most {
			t.Errorf("%s: MAPE %.1f %% of %d rows with the parameters that are built in, want %.1f %%", c.name, 100*s.mape, s.n, 100*c.most)
		}
	}
	if s := scoreOf(tpot, data, predicted, all); s.mape > 0.105 {
		t.Errorf("TPOT: MAPE %.1f %%", 100*s.mape)
	}
}

// On cells that no fit has seen predictions are as good as is promised.
func TestCalibrationKeepsItsPromise(t *testing.T) {
	u := estimate.Calibrated().Unseen
	if u.Saturated > 0.09 || u.Limited > 0.12 || u.TPOT > 0.15 || u.Coverage < 0.88 || u.Width > 0.25 {
		t.Errorf("%+v", u)
	}
}

// README and report say what the calibration says.
func TestFiguresAreThoseOfTheCalibration(t *testing.T) {
	c := estimate.Calibrated()
	readme, err := os.ReadFile(root + readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	if !marked.Match(readme) || withSentence(string(readme), c) != string(readme) {
		t.Errorf("%s does not say %q: run `make calibrate`", readmeFile, c.Sentence())
	}
	report, err := os.ReadFile(root + reportFile)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(report), c.Sentence()) {
		t.Errorf("%s is of another calibration: run `make calibrate`", reportFile)
	}
}

// The fit ends at a minimum: no parameter that is moved by itself does better.
func TestFitIsAMinimum(t *testing.T) {
	data := load(t)
	f := newFit(estimate.Calibrated())
	best := f.Loss(observations(data), estimate.Shipped())
	for _, name := range []string{"weights", "kv", "layer", "launch", "reduce", "skew", "tile"} {
		for _, ratio := range []float64{0.9, 1.1} {
			p := estimate.Shipped()
			*p.At(name) *= ratio
			if f.Loss(observations(data), p) < best*0.995 {
				t.Errorf("%s times %v is better: the parameters are not those of `make calibrate`", name, ratio)
			}
		}
	}
}

// A cell is held back whole.
func TestFoldsHoldWholeCellsBack(t *testing.T) {
	of := map[string]string{}
	sizes := map[string]int{}
	for _, r := range load(t) {
		if other, ok := of[r.cell()]; ok && other != fold(r) {
			t.Fatalf("%v in folds %s and %s", r, other, fold(r))
		}
		of[r.cell()] = fold(r)
		sizes[fold(r)]++
	}
	if len(sizes) != folds {
		t.Errorf("%d folds have rows: %v", len(sizes), sizes)
	}
}

// Whole cells err alike: the few of a regime do not say that it errs less than its load.
func TestFewCellsAreNoNarrowerThanTheirLoad(t *testing.T) {
	data := load(t)
	list := widths(data, predict(data, estimate.Shipped()))
	of := map[string]float64{}
	for _, w := range list {
		of[w.Regime] = w.Width
	}
	narrow := 0
	for _, w := range list {
		load, _, ok := strings.Cut(w.Regime, ":")
		if !ok || w.Width >= of[load] {
			continue
		}
		if narrow++; w.Cells < 8 {
			t.Errorf("%s of %d cells is ±%v, its load ±%v", w.Regime, w.Cells, w.Width, of[load])
		}
	}
	if narrow == 0 {
		t.Error("no regime is narrower than its load")
	}
}

func TestQuantileCountsOneMore(t *testing.T) {
	list := []float64{9, 1, 2, 3, 4, 5, 6, 7, 8}
	for share, want := range map[float64]float64{0.5: 5, 0.9: 9, 0.99: 9, 0.1: 1} {
		if got := quantile(list, share); got != want {
			t.Errorf("quantile %v: %v, want %v", share, got, want)
		}
	}
}

func TestIntervalsOfAFoldComeFromTheOthers(t *testing.T) {
	data := load(t)[:40]
	same := predict(data, estimate.Shipped())
	first := intervals(data, same, judged)
	// What a measurement itself measured does not move its interval.
	data[0].measured *= 100
	if again := intervals(data, same, judged); math.Abs(again[0].width-first[0].width) > 1e-12 || again[0].inside {
		t.Errorf("%+v after the row was moved, %+v before", again[0], first[0])
	}
}
