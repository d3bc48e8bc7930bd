package view

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportFrontier sets what a user gets against what a GPU gives, and joins in
// each traffic the runs that no other beats in both.
type reportFrontier struct {
	SVG    template.HTML
	Groups []reportFrontierGroup
	// Suspect says that some point is of a suspect run.
	Suspect bool
}

type reportFrontierGroup struct {
	Name   string
	Series int // its colour, from 1
	// Unranked says why there are no points, "" where there are.
	Unranked string
	Points   []reportFrontierPoint
}

// A reportFrontierPoint is a run on the frontier.
type reportFrontierPoint struct{ Name, PerUser, PerGPU string }

// A frontierPoint is one run of the plot.
type frontierPoint struct {
	plotter.XY
	name, label     string
	address         string
	series          int
	best, suspect   bool
	perUser, perGPU string
}

// newReportFrontier is nil where there is nothing to weigh up: no traffic with
// two runs that have both numbers.
func newReportFrontier(set *results.Set, names runNames) (*reportFrontier, error) {
	f := &reportFrontier{}
	var all []frontierPoint
	order, of := grouped(set.Runs, names)
	worth := false
	for i, name := range order {
		points := frontierOf(of[name], names, i)
		if len(points) == 0 {
			continue
		}
		worth = worth || len(points) > 1
		g := reportFrontierGroup{Name: name, Series: i%mostSeries + 1, Unranked: unranked(of[name])}
		for _, p := range points {
			f.Suspect = f.Suspect || p.suspect
			if p.best {
				g.Points = append(g.Points, reportFrontierPoint{p.name, p.perUser, p.perGPU})
			}
		}
		f.Groups, all = append(f.Groups, g), append(all, points...)
	}
	if !worth {
		return nil, nil
	}
	var err error
	f.SVG, err = drawn("Tokens per second per GPU against those per user", func(s reportSize) vg.Length { return min(420, s.width) }, func(size reportSize) ([]*plot.Plot, error) {
		p, err := frontierPlot(size, all)
		return []*plot.Plot{p}, err
	})
	return f, err
}

// frontierOf are the points of one traffic from the right to the left. Of equal
// runs the first is the best; none is where the numbers do not rank the runs.
func frontierOf(runs []results.RunSummary, names runNames, series int) []frontierPoint {
	var out []frontierPoint
	for _, run := range runs {
		x, y := run.Summary.At(trtllm.OutputThroughputPerUser), run.Summary.At(trtllm.OutputThroughputPerGPU)
		if x == nil || y == nil {
			continue
		}
		out = append(out, frontierPoint{
			XY: plotter.XY{X: x.Median, Y: y.Median}, name: names.within(run.Address), address: run.Address, series: series,
			suspect: run.Verdict == results.Suspect, perUser: figure(x.Median), perGPU: figure(y.Median),
		})
	}
	slices.SortStableFunc(out, func(a, b frontierPoint) int { return cmp.Or(cmp.Compare(b.X, a.X), cmp.Compare(b.Y, a.Y)) })
	most, ranked := 0.0, unranked(runs) == ""
	var best []results.RunSummary
	for i := range out {
		if ranked && out[i].Y > most {
			most, out[i].best = out[i].Y, true
			best = append(best, results.RunSummary{Address: out[i].address})
		}
	}
	along := newRunNames(best)
	for i := range out {
		out[i].label = along.values(out[i].address)
	}
	return out
}

// unranked says why the numbers of simulated runs do not rank them, "" where they do.
func unranked(runs []results.RunSummary) string {
	names := results.Unranked(runs)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("the runs differ in %s, which simulations do not account for", strings.Join(names, ", "))
}

func frontierPlot(size reportSize, all []frontierPoint) (*plot.Plot, error) {
	p := newReportPlot(size, "output tokens/s/user", "output tokens/s/GPU")
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = plotGrid, plotGrid
	p.Add(grid)
	lines := map[int]plotter.XYs{}
	for _, q := range all {
		if q.best {
			lines[q.series] = append(lines[q.series], q.XY)
		}
	}
	for series := range mostSeries * 8 {
		if len(lines[series]) < 2 {
			continue
		}
		line, err := plotter.NewLine(lines[series])
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = plotSeries(series), 2
		p.Add(line)
	}
	p.Add(frontierMarks{points: all, text: size.text})
	p.X.Min, p.Y.Min = 0, 0
	for _, q := range all {
		p.X.Max, p.Y.Max = max(p.X.Max, q.X*1.06), max(p.Y.Max, q.Y*1.06)
	}
	return p, nil
}

// frontierMarks draws the points, and names beside those on the frontier where
// there is room.
type frontierMarks struct {
	points []frontierPoint
	text   vg.Length
}

// Plot implements plot.Plotter.
func (m frontierMarks) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	var taken []vg.Rectangle
	for _, q := range m.points {
		at := vg.Point{X: toX(q.X), Y: toY(q.Y)}
		c.DrawGlyph(q.glyph(), at)
		taken = append(taken, around(at, 5))
	}
	style := p.X.Tick.Label
	style.Font.Size, style.XAlign, style.YAlign = m.text-1, draw.XLeft, draw.YBottom
	for _, q := range m.points {
		if !q.best || q.label == "" {
			continue
		}
		width := style.Width(q.label) * 1.15 // another font may be wider
		height := style.Height(q.label)
		at := vg.Point{X: toX(q.X), Y: toY(q.Y)}
		for _, low := range []vg.Point{
			{X: at.X + 8, Y: at.Y + 3}, {X: at.X - 8 - width, Y: at.Y - 3 - height}, {X: at.X - 8 - width, Y: at.Y + 3}, {X: at.X + 8, Y: at.Y - 3 - height},
		} {
			box := vg.Rectangle{Min: low, Max: vg.Point{X: low.X + width, Y: low.Y + height}}
			if !inside(box, c.Rectangle) || slices.ContainsFunc(taken, func(t vg.Rectangle) bool { return overlap(t, box) }) {
				continue
			}
			c.FillText(style, low, q.label)
			taken = append(taken, box)
			break
		}
	}
}

func (q frontierPoint) glyph() draw.GlyphStyle {
	g := draw.GlyphStyle{Color: plotSeries(q.series), Radius: 4, Shape: draw.RingGlyph{}}
	switch {
	case q.suspect:
		g.Radius, g.Shape = 5, draw.PyramidGlyph{}
	case q.best:
		g.Shape = draw.CircleGlyph{}
	}
	return g
}

func around(at vg.Point, r vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r}}
}

func overlap(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

func inside(a, b vg.Rectangle) bool {
	return a.Min.X >= b.Min.X && a.Max.X <= b.Max.X && a.Min.Y >= b.Min.Y && a.Max.Y <= b.Max.Y
}
