package view

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
)

// A reportHeat shows the throughput over two axes, a table for each traffic.
type reportHeat struct {
	Row, Column   string
	Rows, Columns []string
	// Others says that cells have the best run over the axes that are left.
	Others string
	Groups []reportHeatGroup
	CSV    reportCSV
}

// A reportHeatGroup has a cell for each row and column, nil where there is no such run.
type reportHeatGroup struct {
	Name, Low, High string
	Cells           [][]*reportHeatCell
}

// A reportHeatCell is one run. Level is 0 to 100.
type reportHeatCell struct {
	Run        int
	Text, Mark string
	Level      int
}

// newReportHeat is of the two axes with the most values, nil for less than two axes.
func newReportHeat(set *results.Set, names runNames, number func(results.RunSummary) int) *reportHeat {
	axes := slices.Clone(names.axes)
	if len(axes) < 2 {
		return nil
	}
	values := map[string][]string{}
	for _, axis := range axes {
		for _, run := range set.Runs {
			if v := axisValue(run.Address, axis); v != "" && !slices.Contains(values[axis], v) {
				values[axis] = append(values[axis], v)
			}
		}
		sortValues(values[axis])
	}
	slices.SortStableFunc(axes, func(a, b string) int { return cmp.Compare(len(values[b]), len(values[a])) })
	h := &reportHeat{Column: axes[0], Row: axes[1], Columns: values[axes[0]], Rows: values[axes[1]], Others: strings.Join(axes[2:], ", ")}
	h.CSV = newReportCSV("heat map", "use_case,"+h.Row+","+h.Column+",address,output_tok_s_gpu,verdict")
	order, of := grouped(set.Runs, names)
	for _, name := range order {
		best := map[[2]string]results.RunSummary{}
		low, high := math.Inf(1), 0.0
		for _, run := range of[name] {
			s := throughput(run)
			if s != nil {
				low, high = min(low, s.Median), max(high, s.Median)
			}
			key := [2]string{axisValue(run.Address, h.Row), axisValue(run.Address, h.Column)}
			if old, ok := best[key]; !ok || s != nil && (throughput(old) == nil || s.Median > throughput(old).Median) {
				best[key] = run
			}
		}
		if high == 0 {
			continue
		}
		g := reportHeatGroup{Name: name, Low: figure(low), High: figure(high)}
		for _, row := range h.Rows {
			cells := make([]*reportHeatCell, len(h.Columns))
			for i, column := range h.Columns {
				run, ok := best[[2]string{row, column}]
				if !ok {
					continue
				}
				c := &reportHeatCell{Run: number(run), Mark: mark(run), Text: strings.ReplaceAll(mark(run), "_", " ")}
				exact := ""
				if s := throughput(run); s != nil {
					c.Text, c.Level, exact = figure(s.Median), int(math.Round(100*(s.Median-low)/max(high-low, 1e-9))), csvNumber(&s.Median)
				}
				h.CSV.add(name, row, column, run.Address, exact, string(run.Verdict))
				cells[i] = c
			}
			g.Cells = append(g.Cells, cells)
		}
		h.Groups = append(h.Groups, g)
	}
	if len(h.Groups) == 0 {
		return nil
	}
	return h
}

// sortValues orders the values of an axis if all are numbers.
func sortValues(values []string) {
	numbers := map[string]float64{}
	for _, v := range values {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return
		}
		numbers[v] = f
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Compare(numbers[a], numbers[b]) })
}

// A reportBar is the throughput of one run in percent of the scale; a Band of width 0 is none.
type reportBar struct {
	Run                         int
	Name, Mark, Text, Extra     string
	Length, BandLeft, BandWidth float64
}

// throughputBars are none where an axis is swept: a frontier or a heat map tells more.
func throughputBars(set *results.Set, names runNames) (bars []reportBar, ticks []reportTick, file reportCSV) {
	most := 0.0
	for _, run := range set.Runs {
		if s := throughput(run); s != nil {
			most = max(most, s.Median, value(s.High))
		}
	}
	if most == 0 || len(names.axes) > 0 {
		return nil, nil, file
	}
	scale := linearScale(most)
	file = newReportCSV("throughput", "address,output_tok_s_gpu,low,high,verdict")
	for i, run := range set.Runs {
		b := reportBar{Run: i, Name: names.full(run.Address), Mark: mark(run), Text: "no number", Extra: verdictText(run)}
		if s := throughput(run); s != nil {
			b.Text, b.Length, b.Extra = figure(s.Median), scale.position(s.Median), ""
			if s.Low != nil && s.High != nil {
				b.BandLeft, b.BandWidth = scale.position(*s.Low), round2(scale.position(*s.High)-scale.position(*s.Low))
				b.Extra = figure(*s.Low) + " … " + figure(*s.High)
			}
			if run.Verdict == results.Suspect {
				b.Extra = verdictText(run)
			}
			file.add(run.Address, csvNumber(&s.Median), csvNumber(s.Low), csvNumber(s.High), string(run.Verdict))
		}
		bars = append(bars, b)
	}
	return bars, scale.ticks(), file
}

// mark is a verdict that a plot shows by colour, "" for a valid one.
func mark(run results.RunSummary) string {
	if run.Verdict == results.Valid {
		return ""
	}
	return string(run.Verdict)
}

func value(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// A reportTick is a mark of a scale, or a bound on it.
type reportTick struct {
	At    float64
	Label string
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

// fittedScale holds all values, with a little room on both sides.
func fittedScale(values []float64) scale {
	low, high := slices.Min(values), slices.Max(values)
	room := .07 * (high - low)
	if room == 0 {
		room = math.Max(.1*math.Abs(high), 1e-9)
	}
	return scale{low: math.Max(0, low-room), high: high + room, label: tickText}
}

// timeSteps are round times in milliseconds, from 0.1 ms to 3 hours.
var timeSteps = []float64{
	.1, .2, .5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 20e3, 30e3, 60e3,
	120e3, 300e3, 600e3, 1200e3, 1800e3, 3600e3, 7200e3, 10800e3,
}

// timeScale is logarithmic between round times in ms, in the unit of by ms that suits a value.
func timeScale(least, most, value float64) (s scale, unit string, by float64) {
	unit, by = "ms", 1
	if value >= 1000 {
		unit, by = "s", 1000
	}
	s = scale{low: least, high: most, log: true, label: func(v float64) string { return tickText(v / by) }}
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
	return s, unit, by
}

func downwards(ticks []reportTick) []reportTick {
	for i, t := range ticks {
		ticks[i].At = round1(100 - t.At)
	}
	return ticks
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

func round1(v float64) float64 { return math.Round(10*v) / 10 }

func round2(v float64) float64 { return math.Round(100*v) / 100 }

func (s scale) position(v float64) float64 {
	at := (v - s.low) / (s.high - s.low)
	if s.log {
		at = math.Log(v/s.low) / math.Log(s.high/s.low)
	}
	return round2(100 * math.Max(0, math.Min(1, at)))
}

func (s scale) holds(v float64) bool { return s.low <= v && v <= s.high }

func (s scale) ticks() []reportTick {
	var out []reportTick
	if !s.log {
		step := niceStep(s.high - s.low)
		for i := math.Ceil(s.low/step - 1e-9); i*step <= s.high*(1+1e-9); i++ {
			out = append(out, reportTick{round1(s.position(i * step)), s.label(i * step)})
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
		out = append(out, reportTick{round1(s.position(steps[i])), s.label(steps[i])})
	}
	return out
}

// tickText is a round figure without zeros behind the point.
func tickText(v float64) string {
	text := figure(v)
	if strings.Contains(text, ".") && !strings.Contains(text, "e") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// csvNumber is a number as CSV has it, with all its digits; "" for none.
func csvNumber(f *float64) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("%.6g", *f)
}
