package view

import (
	"fmt"
	"math"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// reportBars are rows of bars, or of marks, along one scale.
type reportBars struct {
	Ticks  []reportTick
	Groups []reportBarGroup
}

type reportBarGroup struct {
	Name string
	Bars []reportBar
}

// A reportBar is one row. Places are in percent of the scale; Band and Dot may
// be off.
type reportBar struct {
	Name, Mark, Text, Extra string
	Length                  float64
	HasBand                 bool
	BandLeft, BandWidth     float64
	HasDot                  bool
	Dot                     float64
}

// A reportTick is a mark of a scale.
type reportTick struct {
	At    float64
	Label string
}

// Last reports whether the tick is the i-th of n and the last.
func (reportTick) Last(n, i int) bool { return i == n-1 }

// throughputBars are the medians of all runs with their intervals.
func throughputBars(set *results.Set, names runNames) *reportBars {
	most := 0.0
	for _, run := range set.Runs {
		if s := run.Summary.At(trtllm.OutputThroughputPerGPU); s != nil {
			most = max(most, s.Median, value(s.High))
		}
	}
	if most == 0 {
		return nil
	}
	scale := linearScale(most)
	return newReportBars(set, names, scale, func(run results.RunSummary) (reportBar, bool) {
		s := run.Summary.At(trtllm.OutputThroughputPerGPU)
		if s == nil {
			return reportBar{Text: "no number", Extra: verdictText(run)}, true
		}
		b := reportBar{Text: figure(s.Median), Length: scale.place(s.Median)}
		if s.Low != nil && s.High != nil {
			b.HasBand, b.BandLeft, b.BandWidth = true, scale.place(*s.Low), scale.place(*s.High)-scale.place(*s.Low)
			b.Extra = intervalText(s)
		}
		if run.Verdict == results.Suspect {
			b.Extra = verdictText(run)
		}
		return b, true
	})
}

// predictionBars set what was foretold beside what was measured.
func predictionBars(set *results.Set, names runNames) *reportBars {
	most := 0.0
	if Simulated(set) {
		return nil // a prediction against itself
	}
	for _, run := range set.Runs {
		if e := run.Results[0].Estimate; e != nil && e.OutputThroughputPerGPU != nil {
			most = max(most, e.OutputThroughputPerGPU.High)
			if s := run.Summary.At(trtllm.OutputThroughputPerGPU); s != nil {
				most = max(most, s.Median)
			}
		}
	}
	if most == 0 {
		return nil
	}
	scale := linearScale(most)
	return newReportBars(set, names, scale, func(run results.RunSummary) (reportBar, bool) {
		e, s := run.Results[0].Estimate, run.Summary.At(trtllm.OutputThroughputPerGPU)
		if e == nil || e.OutputThroughputPerGPU == nil || s == nil {
			return reportBar{}, false
		}
		i := e.OutputThroughputPerGPU
		b := reportBar{
			HasBand: true, BandLeft: scale.place(i.Low), BandWidth: scale.place(i.High) - scale.place(i.Low),
			HasDot: true, Dot: scale.place(s.Median), Text: differenceText(s.Median/i.Mid - 1),
			Extra: fmt.Sprintf("%s in %s … %s", figure(s.Median), roundFigure(i.Low), roundFigure(i.High)),
		}
		if s.Median < i.Low || s.Median > i.High {
			b.Extra = fmt.Sprintf("%s outside %s … %s", figure(s.Median), roundFigure(i.Low), roundFigure(i.High))
		}
		return b, true
	})
}

// differenceText is a relative change in percent; none has no sign.
func differenceText(change float64) string {
	if text := fmt.Sprintf("%+.1f %%", 100*change); strings.Trim(text, "+-0. %") != "" {
		return text
	}
	return "0.0 %"
}

func newReportBars(set *results.Set, names runNames, scale scale, bar func(results.RunSummary) (reportBar, bool)) *reportBars {
	out := &reportBars{Ticks: scale.ticks()}
	order, of := grouped(set.Runs, names)
	for _, name := range order {
		g := reportBarGroup{Name: name}
		for _, run := range of[name] {
			if b, ok := bar(run); ok {
				b.Name, b.Mark = names.within(run.Address), string(run.Verdict)
				g.Bars = append(g.Bars, b)
			}
		}
		if len(g.Bars) == 1 && g.Bars[0].Name == name {
			g.Name = "" // the bar has the name already
		}
		if len(g.Bars) > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
	if len(out.Groups) == 0 {
		return nil
	}
	return out
}

func value(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// A scale says where values stand, in percent of its length.
type scale struct {
	low, high float64
	log       bool
	label     func(float64) string
}

// linearScale goes from 0 to a round number above most.
func linearScale(most float64) scale {
	step := niceStep(most)
	return scale{high: step * math.Max(1, math.Ceil(most/step-1e-9)), label: tickText}
}

// timeSteps are round times in milliseconds, from 0.1 ms to 3 hours.
var timeSteps = []float64{
	.1, .2, .5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 20e3, 30e3, 60e3,
	120e3, 300e3, 600e3, 1200e3, 1800e3, 3600e3, 7200e3, 10800e3,
}

// timeScale is logarithmic, from a round time in milliseconds to another.
func timeScale(least, most float64) scale {
	s := scale{low: least, high: most, log: true, label: func(v float64) string { return withoutZeros(milliseconds(&v)) }}
	for _, step := range timeSteps {
		if step <= least {
			s.low = step
		}
		if step >= most {
			s.high = step
			break
		}
	}
	if s.low >= s.high {
		s.high = 2 * s.low
	}
	return s
}

// niceStep divides 0 to most into about four round steps.
func niceStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if most/(f*power) <= 5 {
			return f * power
		}
	}
	return 10 * power
}

func (s scale) place(v float64) float64 {
	at := (v - s.low) / (s.high - s.low)
	if s.log {
		at = math.Log(v/s.low) / math.Log(s.high/s.low)
	}
	return math.Round(1e4*math.Max(0, math.Min(1, at))) / 100
}

func (s scale) ticks() []reportTick {
	var out []reportTick
	if !s.log {
		step := niceStep(s.high)
		for i := 0; float64(i)*step <= s.high*(1+1e-9); i++ {
			out = append(out, reportTick{s.place(float64(i) * step), s.label(float64(i) * step)})
		}
		return out
	}
	var steps []float64
	for _, step := range timeSteps {
		if step >= s.low && step <= s.high {
			steps = append(steps, step)
		}
	}
	const most = 7
	for i := 0; i < len(steps); i += (len(steps) + most - 1) / most {
		out = append(out, reportTick{s.place(steps[i]), s.label(steps[i])})
	}
	return out
}
