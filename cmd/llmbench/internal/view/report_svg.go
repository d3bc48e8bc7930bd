package view

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A reportSize is one of the sizes in which every plot is drawn: the page shows
// the one that fits, so that text is never shrunk. Lengths are CSS pixels.
type reportSize struct {
	class       string
	width, text vg.Length
}

var reportSizes = []reportSize{{"on-wide", 900, 13}, {"on-narrow", 340, 11}}

// The colours of plots. The page puts variables in their places, which differ in
// the light, in the dark and in print.
var (
	plotInk  = color.NRGBA{R: 0x11, G: 0x11, B: 0x12, A: 0xff}
	plotGrid = color.NRGBA{R: 0xdd, G: 0xdd, B: 0xde, A: 0xff}
	plotBand = color.NRGBA{R: 0xee, G: 0xee, B: 0xef, A: 0xff}
)

// mostSeries is how many colours tell series apart.
const mostSeries = 8

// plotSeries is the colour of a series.
func plotSeries(i int) color.NRGBA {
	return color.NRGBA{R: 0x40, G: 0x40, B: byte(i % mostSeries), A: 0xff}
}

var (
	colourPattern = regexp.MustCompile(`#[0-9A-F]{6}`)
	fontPattern   = regexp.MustCompile(`style="font-family:[^"]*font-size:([0-9.]+px)"`)
	svgPrologue   = regexp.MustCompile(`(?s)^.*?<svg width="[^"]*" height="[^"]*"`)
	svgNamespaces = regexp.MustCompile(`\s*xmlns(:xlink)?="[^"]*"`)
)

// colourVariables are the names of the colours in the page's style.
func colourVariables() map[string]string {
	hex := func(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }
	names := map[string]string{hex(plotInk): "var(--ink)", hex(plotGrid): "var(--line)", hex(plotBand): "var(--band)"}
	for i := range mostSeries {
		names[hex(plotSeries(i))] = fmt.Sprintf("var(--s%d)", i+1)
	}
	return names
}

// drawn draws plots in all sizes, one below the other with one horizontal axis:
// as high as height says, and as build makes them anew for each size.
func drawn(title string, height func(reportSize) vg.Length, build func(reportSize) ([]*plot.Plot, error)) (template.HTML, error) {
	var out strings.Builder
	for _, size := range reportSizes {
		plots, err := build(size)
		if err != nil {
			return "", err
		}
		canvas := vgsvg.New(size.width, height(size))
		grid := make([][]*plot.Plot, len(plots))
		for i, p := range plots {
			grid[i] = []*plot.Plot{p}
		}
		tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadY: 8, PadTop: 4, PadBottom: 2, PadLeft: 2, PadRight: 14}
		for i, row := range plot.Align(grid, tiles, draw.New(canvas)) {
			plots[i].Draw(row[0])
		}
		var b bytes.Buffer
		if _, err := canvas.WriteTo(&b); err != nil {
			return "", err
		}
		out.WriteString(inlineSVG(b.String(), title, size.class))
	}
	return template.HTML(out.String()), nil //nolint:gosec // our own SVG
}

// inlineSVG makes a file's SVG part of a page: without prologue and fonts, in
// the page's colours, and with a name for who does not see it.
func inlineSVG(svg, title, class string) string {
	svg = svgPrologue.ReplaceAllString(svg, "")
	svg = svgNamespaces.ReplaceAllString(svg, "")
	svg = fontPattern.ReplaceAllString(svg, `style="font-size:$1"`)
	names := colourVariables()
	svg = colourPattern.ReplaceAllStringFunc(svg, func(hex string) string {
		if name, ok := names[hex]; ok {
			return name
		}
		return hex
	})
	return fmt.Sprintf(`<svg class="plot %s" role="img" aria-label="%s"`, class, template.HTMLEscapeString(title)) + svg
}

// newReportPlot is an empty plot in the page's style.
func newReportPlot(size reportSize, x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant, style.Font.Size = "Sans", size.text
	}
	p.Title.Padding = 4
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.Tick.LineStyle.Color = plotInk, plotInk
		a.LineStyle.Width, a.Tick.LineStyle.Width, a.Tick.Length = 1, 1, 4
		a.Tick.Marker = plot.TickerFunc(plotTicks)
		a.Label.Padding = 4
	}
	p.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
		ticks := plotTicks(low, high)
		for i := range ticks {
			ticks[i].Label += " " // away from the mark
		}
		return ticks
	})
	return p
}

// plotTicks are gonum's with figures as the rest of the page has them.
func plotTicks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	out := ticks[:0]
	for _, t := range ticks {
		if t.Label != "" {
			t.Label = tickText(t.Value)
			out = append(out, t)
		}
	}
	return out
}

// tickText is a round figure without zeros behind the point.
func tickText(v float64) string { return withoutZeros(figure(v)) }

// withoutZeros takes the zeros behind the point off a figure, which may have a
// unit: 10.0 s is 10 s.
func withoutZeros(text string) string {
	number, unit, spaced := strings.Cut(text, " ")
	if strings.Contains(number, ".") && !strings.Contains(number, "e") {
		number = strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
	}
	if spaced {
		return number + " " + unit
	}
	return number
}
