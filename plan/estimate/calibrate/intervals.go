package main

import (
	"maps"
	"math"
	"slices"

	"github.com/llmbench/llmbench/plan/estimate"
)

const (
	// asked is the share of measurements of unseen cells that intervals should
	// hold.
	asked = 0.9
	// fewest measurements give a regime a width of its own.
	fewest = 12
	// fewCells are too few to be narrower than all cells of the load: whole cells
	// err alike, and one that is held back is then an eighth.
	fewCells = 8
)

// Judgements: no published measurement is there to measure by what an option that is not
// modelled, a batch smaller or a rate greater than any published one, or
// generating without a CUDA graph moves.
var judged = map[string]float64{"option": 0.15, "batch": 0.3, "rate": 0.2, "graph": 0.3}

// aspects are what may not be covered, with the name that measurements share in it.
var aspects = []struct {
	name string
	of   func(measurement) string
}{
	{"gpu", func(r measurement) string { return r.scenario.GPU.Name }},
	{"model", func(r measurement) string { return r.scenario.Model.Name }},
	{"version", func(r measurement) string { return r.scenario.Version }},
	{"kind", func(r measurement) string { return r.scenario.Kind() }},
	{"load", func(r measurement) string { return r.scenario.Load() }},
}

// widths are how wide intervals have to be, by regime and by load, that they hold
// the share asked for of measurements that no fit has seen. The measurements of a cell err alike,
// so that a regime of few cells is no narrower than its load.
func widths(data []measurement, unseen []estimate.Averages) []estimate.Width {
	missed, cells := map[string][]float64{}, map[string]map[string]bool{}
	loads := map[string]string{}
	for i, r := range data {
		load := r.scenario.Load()
		for _, name := range []string{r.scenario.Regime(), load} {
			loads[name] = load
			missed[name] = append(missed[name], miss(r, unseen[i]))
			if cells[name] == nil {
				cells[name] = map[string]bool{}
			}
			cells[name][r.cell()] = true
		}
	}
	var list []estimate.Width
	for _, name := range slices.Sorted(maps.Keys(missed)) {
		n := len(missed[name])
		if n < fewest {
			continue
		}
		w := quantile(missed[name], asked)
		if len(cells[name]) < fewCells {
			w = max(w, quantile(missed[loads[name]], asked))
		}
		list = append(list, estimate.Width{Regime: name, Measurements: n, Cells: len(cells[name]), Width: percent(w)})
	}
	return list
}

// wider is what to add, by squares, for what is not covered: how much further
// measurements miss when their whole GPU, model, version, kind or load is held back, by
// the name of the aspect, than when their cell is.
func wider(data []measurement, unseen []estimate.Averages, held map[string][]estimate.Averages) map[string]float64 {
	out := maps.Clone(judged)
	misses := func(predicted []estimate.Averages) float64 {
		var list []float64
		for i, r := range data {
			if !r.drafted() {
				list = append(list, miss(r, predicted[i]))
			}
		}
		return quantile(list, asked)
	}
	base := misses(unseen)
	for _, a := range aspects {
		further := misses(held[a.name])
		out[a.name] = percent(math.Sqrt(math.Max(0, further*further-base*base)))
	}
	return out
}

// percent rounds up to whole percent.
func percent(share float64) float64 { return math.Ceil(100*share-1e-9) / 100 }

// seen is what measurements cover.
func seen(data []measurement) estimate.Seen {
	s := estimate.Seen{SmallestBatch: math.Inf(1)}
	for i, to := range []*[]string{&s.GPUs, &s.Models, &s.Versions, &s.Kinds, &s.Loads} {
		for _, r := range data {
			*to = append(*to, aspects[i].of(r))
		}
		slices.Sort(*to)
		*to = slices.Compact(*to)
	}
	for _, r := range data {
		s.SmallestBatch = min(s.SmallestBatch, r.scenario.Batch())
		s.FastestTPSPerGPU = max(s.FastestTPSPerGPU, r.measured)
	}
	return s
}

// An interval is that of one measurement, and whether the measurement lies inside.
type interval struct {
	width  float64
	inside bool
}

// intervals are those of measurements that neither the fit nor the width has seen: the
// widths of a fold come from the measurements of the others.
func intervals(data []measurement, unseen []estimate.Averages, wider map[string]float64) []interval {
	out := make([]interval, len(data))
	for k := range folds {
		var rest []measurement
		var predicted []estimate.Averages
		for i, r := range data {
			if foldOf(r) != k {
				rest, predicted = append(rest, r), append(predicted, unseen[i])
			}
		}
		c := estimate.Calibration{Widths: widths(rest, predicted), Wider: wider, Seen: seen(rest)}
		for i, r := range data {
			if foldOf(r) == k {
				a := c.Around(&r.scenario, unseen[i].TPSPerGPU)
				out[i] = interval{width: a.High/a.Mid - 1, inside: r.measured >= a.Low && r.measured <= a.High}
			}
		}
	}
	return out
}

// coverage is the share of intervals of measurements that suit that hold the
// measurement, and their median width.
func coverage(data []measurement, list []interval, suits func(measurement) bool) (share, median float64) {
	var widths []float64
	for i, one := range list {
		if !suits(data[i]) {
			continue
		}
		widths = append(widths, one.width)
		if one.inside {
			share++
		}
	}
	slices.Sort(widths)
	return share / float64(len(widths)), widths[len(widths)/2]
}
