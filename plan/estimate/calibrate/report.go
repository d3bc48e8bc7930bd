package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/estimate"
)

// A report is a calibration with how good it is: what is predicted by the fit of
// all measurements, by fits without the measurement's cell, and by fits without its model.
type report struct {
	data                   []measurement
	calibration            *estimate.Calibration
	fitted, unseen, models []estimate.Averages
	without                []estimate.Averages // unseen, by fits without the build
	intervals              []interval          // of unseen
}

// kinds are the two kinds of measurements, and parts of them.
var kinds = []struct {
	name  string
	suits func(measurement) bool
}{
	{"saturated", saturated},
	{"saturated, Llama-4-Maverick", measurement.maverick},
	{"saturated, rows of the first calibration", measurement.first},
	{"saturated, Hopper", func(r measurement) bool { return saturated(r) && r.scenario.GPU.Hopper }},
	{"saturated, Blackwell", func(r measurement) bool { return saturated(r) && !r.scenario.GPU.Hopper }},
	{"saturated, attention data parallelism", func(r measurement) bool { return saturated(r) && r.AttentionDP }},
	{"limited concurrency", measurement.limited},
	{"limited, up to 16 requests", func(r measurement) bool { return r.limited() && r.Concurrency <= 16 }},
	{"limited, tensor parallelism", func(r measurement) bool { return r.limited() && r.TP > 1 }},
	{"limited, without builds that drafted tokens", func(r measurement) bool { return r.limited() && !r.drafted() }},
}

const scoreHead = "| %s | rows | MAPE | median | P90 | bias | TPOT MAPE |\n|:--|--:|--:|--:|--:|--:|--:|\n"

func (r report) scores(b *strings.Builder, name string, predicted []estimate.Averages, suits func(measurement) bool) {
	s, between := scoreOf(throughput, r.data, predicted, suits), "-"
	if t := scoreOf(tpot, r.data, predicted, suits); t.n > 0 {
		between = fmt.Sprintf("%.1f %%", 100*t.mape)
	}
	fmt.Fprintf(b, "| %s | %d | %.1f %% | %.1f %% | %.1f %% | %+.1f %% | %s |\n", name, s.n, 100*s.mape, 100*s.median, 100*s.p90, 100*s.bias, between)
}

// summary is the table of scores on unseen cells.
func (r report) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, scoreHead, "cells held back")
	for _, k := range kinds {
		r.scores(&b, k.name, r.unseen, k.suits)
	}
	b.WriteString("\n| by regime, cells held back | rows | MAPE | bias | inside the interval | median width |\n|:--|--:|--:|--:|--:|--:|\n")
	line := func(name string, suits func(measurement) bool) {
		s := scoreOf(throughput, r.data, r.unseen, suits)
		inside, median := coverage(r.data, r.intervals, suits)
		fmt.Fprintf(&b, "| %s | %d | %.1f %% | %+.1f %% | %.0f %% | ±%.0f %% |\n", name, s.n, 100*s.mape, 100*s.bias, 100*inside, 100*median)
	}
	line("all", all)
	line("saturated", saturated)
	line("limited concurrency", measurement.limited)
	for _, w := range r.calibration.Widths {
		if strings.Contains(w.Regime, ":") {
			line(w.Regime, func(one measurement) bool { return one.scenario.Regime() == w.Regime })
		}
	}
	return b.String()
}

// markdown is the whole report.
func (r report) markdown() string {
	var b strings.Builder
	c := r.calibration
	fmt.Fprintf(&b, "# Calibration of the estimator, version %s\n\n", c.Version)
	b.WriteString("Written by `make calibrate` from rows.csv, which names the source, edition and build of every row. Errors are predicted / measured - 1 of output throughput per GPU, and of the time between tokens where it is published.\n\n")
	fmt.Fprintf(&b, "%s\n\n", c.Sentence())
	fmt.Fprintf(&b, "A cell is a model and its type on a number of GPUs of a kind. Cells held back: each row is predicted by a fit that has seen no row of its cell, in %d folds by a hash of the cell's name. An interval is judged by widths that come from the other folds too.\n\n", folds)
	b.WriteString("## Cells that no fit has seen\n\n" + r.summary())
	r.rivals(&b)
	r.byModel(&b)
	r.byBuild(&b)
	b.WriteString("\n## All rows in the fit\n\n")
	fmt.Fprintf(&b, scoreHead, "fitted")
	for _, k := range kinds {
		r.scores(&b, k.name, r.fitted, k.suits)
	}
	r.unknown(&b)
	r.widthTable(&b)
	b.WriteString("\n## Parameters\n\n| name | prior | fitted | unit | what |\n|:--|--:|--:|:--|:--|\n")
	for _, p := range c.Parameters {
		fmt.Fprintf(&b, "| %s | %.4g | %.4g | %s | %s |\n", p.Name, p.Prior, p.Fitted, p.Unit, p.What)
	}
	r.residuals(&b)
	return b.String()
}

// rivals sets our figures beside those of others, and of the version before,
// which was fitted to the measurements of the first calibration.
func (r report) rivals(b *strings.Builder) {
	first, between := scoreOf(ttft, r.data, r.unseen, all), scoreOf(tpot, r.data, r.unseen, all)
	lim, sat := scoreOf(throughput, r.data, r.unseen, measurement.limited), scoreOf(throughput, r.data, r.unseen, saturated)
	inside, _ := coverage(r.data, r.intervals, all)
	b.WriteString("\n## Beside others\n\n| | measured on | TPOT MAPE | TTFT MAPE | throughput MAPE, limited | saturated | inside its interval |\n|:--|:--|--:|--:|--:|--:|--:|\n")
	fmt.Fprintf(b, "| this version, cells held back | the %d rows with TPOT, all %d | %.1f %% | %.0f %% | %.1f %% | %.1f %% | %.0f %% |\n", between.n, len(r.data), 100*between.mape, 100*first.mape, 100*lim.mape, 100*sat.mape, 100*inside)
	b.WriteString("| version 5, fitted to the first 88 saturated rows | the same rows | 24.7 % | 38 % | 19.0 % | 10.3 % | 63 % |\n")
	b.WriteString("| AIConfigurator, NVIDIA's nightly | 1,137 points of one node, kernel tables of the software measured | 24.4 % | 43.1 % | | | none printed |\n")
	b.WriteString("\nAIConfigurator's figures are those of inference-sim/blis-latency-kernel, testdata/measurements/aisimulate_e2e.json. Its points and these rows overlap and are not the same.\n")
}

func (r report) byModel(b *strings.Builder) {
	b.WriteString("\n## By model\n")
	for _, part := range []struct {
		name      string
		predicted []estimate.Averages
	}{{"cells held back", r.unseen}, {"whole model held back", r.models}} {
		fmt.Fprintf(b, "\n"+scoreHead, part.name)
		names := map[string]bool{}
		for _, one := range r.data {
			names[one.Model] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			r.scores(b, name, part.predicted, func(one measurement) bool { return one.Model == name })
		}
	}
}

// byBuild says what measurements of the build do for those of the release that shares
// its number.
func (r report) byBuild(b *strings.Builder) {
	b.WriteString("\n## Builds called 1.2\n\nRows of commit 585c756 and of release 1.2.0 are fitted as one version: they differ by 8 %, to either side, and release rows are predicted better with them than without.\n\n")
	fmt.Fprintf(b, scoreHead, "cells held back")
	r.scores(b, "release 1.2.0", r.unseen, measurement.release)
	r.scores(b, "release 1.2.0, no row of commit 585c756 in the fit", r.without, measurement.release)
	r.scores(b, "commit 585c756", r.unseen, measurement.build)
	r.scores(b, "commit 585c756, no row of it in the fit", r.without, measurement.build)
}

// unknown says what no measurement tells.
func (r report) unknown(b *strings.Builder) {
	b.WriteString(`
## What is not known

- No published run has FP8 experts under attention data parallelism on Blackwell: predictions of Llama 4 Maverick FP8 on GB200 rest on its FP8 runs on Hopper, its NVFP4 runs on B200, and DeepSeek-R1 FP8 under tensor parallelism on B200. Plan says so until a real result is in the store.
- No published run under attention data parallelism has limited concurrency.
- Rows of one edition hide max_batch_size, max_num_tokens and the memory fraction.
- Serving rows of build 1.2.0rc6.post3 generate faster than smaller batches of the build before: their tokens were probably drafted. They are scored, and not fitted to.
- Options other than those of published runs: the backend of experts, the overlap scheduler, compilation, stream_interval. Runs that set them carry the note not_modelled, and their intervals are wider by a judgement.
`)
}

func (r report) widthTable(b *strings.Builder) {
	b.WriteString("\n## Widths\n\n| regime | rows | cells | half-width |\n|:--|--:|--:|--:|\n")
	for _, w := range r.calibration.Widths {
		fmt.Fprintf(b, "| %s | %d | %d | ±%.0f %% |\n", w.Regime, w.Measurements, w.Cells, 100*w.Width)
	}
	b.WriteString("\nAdded by squares for what no row covers:\n\n| | |\n|:--|--:|\n")
	for _, name := range slices.Sorted(maps.Keys(r.calibration.Wider)) {
		why := "measured by holding it back"
		if _, ok := judged[name]; ok {
			why = "a judgement"
		}
		fmt.Fprintf(b, "| %s, %s | %.0f %% |\n", name, why, 100*r.calibration.Wider[name])
	}
}

func (r report) residuals(b *strings.Builder) {
	b.WriteString("\n## Residuals\n\n| row | edition | measured | fitted | cell held back | interval | TPOT, held back |\n|:--|:--|--:|--:|--:|--:|--:|\n")
	for i, one := range r.data {
		tpot := "-"
		if one.tpot > 0 {
			tpot = fmt.Sprintf("%+.1f %%", 100*(r.unseen[i].TPOT/one.tpot-1))
		}
		outside := ""
		if !r.intervals[i].inside {
			outside = ", outside"
		}
		fmt.Fprintf(b, "| %s | %s | %.0f | %+.1f %% | %+.1f %% | ±%.0f %%%s | %s |\n", one, one.edition, one.measured,
			100*(r.fitted[i].TPSPerGPU/one.measured-1), 100*(r.unseen[i].TPSPerGPU/one.measured-1), 100*r.intervals[i].width, outside, tpot)
	}
}
