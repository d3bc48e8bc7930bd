package view

import (
	"fmt"
	"html/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportSeries is the iteration log of one run as curves over its time.
type reportSeries struct {
	Name, Told string
	SVG        template.HTML
	NoKV       bool
}

// reportSerieses are those of the first sample of each run that has one.
func reportSerieses(set *results.Set, names runNames) ([]reportSeries, error) {
	var out []reportSeries
	for _, run := range set.Runs {
		r := counting(run)
		if r == nil || r.Iterations == nil {
			continue
		}
		s, err := newReportSeries(names.full(run.Address), r.Iterations)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func newReportSeries(name string, s *trtllm.Series) (reportSeries, error) {
	out := reportSeries{Name: name, Told: steadyText(s), NoKV: s.Steady.KVUsed == nil}
	panels := seriesPanels(s)
	const each = 104
	var err error
	out.SVG, err = drawn("Iterations of "+name+" over time", func(reportSize) vg.Length { return vg.Length(len(panels))*each + 30 }, func(size reportSize) ([]*plot.Plot, error) {
		var plots []*plot.Plot
		for i, panel := range panels {
			p, err := panel.plot(size, s, i)
			if err != nil {
				return nil, err
			}
			if i == len(panels)-1 {
				p.X.Label.Text = "seconds since the first step"
			} else {
				p.X.Tick.Label.Font.Size = 0
				p.X.Tick.Marker = plot.TickerFunc(unlabelled)
			}
			plots = append(plots, p)
		}
		return plots, nil
	})
	return out, err
}

// unlabelled are ticks for a plot above another with the same axis.
func unlabelled(low, high float64) []plot.Tick {
	ticks := plotTicks(low, high)
	for i := range ticks {
		ticks[i].Label = ""
	}
	return ticks
}

// steadyText says how much of a run was steady, and what it did then.
func steadyText(s *trtllm.Series) string {
	w := s.Steady
	text := fmt.Sprintf("steady from %s to %s s of %s s: %s requests in the batch", tickText(w.StartS), tickText(w.EndS), tickText(s.Seconds), tickText(w.Requests))
	if w.StepMS != nil {
		text += fmt.Sprintf(", %s ms per step", tickText(*w.StepMS))
	}
	if w.KVUsed != nil {
		text += fmt.Sprintf(", %.0f %% of the KV cache", 100**w.KVUsed)
	}
	return text
}

// A seriesPanel is one curve. It is false where a bucket has no value.
type seriesPanel struct {
	title string
	of    func(trtllm.Means) (float64, bool)
}

func seriesPanels(s *trtllm.Series) []seriesPanel {
	optional := func(of func(trtllm.Means) *float64, scale float64) func(trtllm.Means) (float64, bool) {
		return func(m trtllm.Means) (float64, bool) {
			if v := of(m); v != nil {
				return scale * *v, true
			}
			return 0, false
		}
	}
	panels := []seriesPanel{
		{"Requests in the batch", func(m trtllm.Means) (float64, bool) { return m.Requests, true }},
		{"Context tokens per step", func(m trtllm.Means) (float64, bool) { return m.CtxTokens, true }},
		{"Generation tokens per step", func(m trtllm.Means) (float64, bool) { return m.GenTokens, true }},
	}
	if s.Steady.StepMS != nil {
		panels = append(panels, seriesPanel{"Step time in ms", optional(func(m trtllm.Means) *float64 { return m.StepMS }, 1)})
	}
	if s.Steady.KVUsed != nil {
		panels = append(panels, seriesPanel{"KV cache used in %", optional(func(m trtllm.Means) *float64 { return m.KVUsed }, 100)})
	}
	return panels
}

func (panel seriesPanel) plot(size reportSize, s *trtllm.Series, series int) (*plot.Plot, error) {
	p := newReportPlot(size, "", "")
	p.Title.Text = panel.title
	p.X.Padding = 0
	var points plotter.XYs
	most := 0.0
	for _, b := range s.Buckets {
		if y, ok := panel.of(b.Means); ok {
			points, most = append(points, plotter.XY{X: b.StartS, Y: y}), max(most, y)
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, max(s.Seconds, 1e-3), 0, max(most*1.05, 1e-3)
	w := s.Steady
	band, err := plotter.NewPolygon(plotter.XYs{{X: w.StartS, Y: 0}, {X: w.EndS, Y: 0}, {X: w.EndS, Y: p.Y.Max}, {X: w.StartS, Y: p.Y.Max}})
	if err != nil {
		return nil, err
	}
	band.Color, band.LineStyle.Width = plotBand, 0
	line, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	line.Color, line.Width = plotSeries(series), 1.5
	x, y := p.X, p.Y
	p.Add(band, line)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.Min, x.Max, y.Min, y.Max
	return p, nil
}
