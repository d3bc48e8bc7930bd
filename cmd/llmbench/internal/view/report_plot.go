package view

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportFrontier sets, for one traffic, what a GPU gives against what a user gets.
// Places are in percent of the plot, from the left and from the top.
type reportFrontier struct {
	Name, Lengths, Axes string
	// Unranked says why no run is called the best, "" where some are.
	Unranked     string
	X, Y         []reportTick
	Points       []reportPoint
	Lines        [][4]float64
	Wide, Narrow []reportLabel
	CSV          reportCSV
}

// A reportPoint is one run. Low and High are the places of its interval, 0 for none.
type reportPoint struct {
	Run            int
	X, Y           float64
	Low, High      float64
	Best, Suspect  bool
	Tip            string
	address, label string
}

// A reportLabel names a point on the frontier: DX and DY are CSS pixels from it.
type reportLabel struct {
	Run    int
	X, Y   float64
	DX, DY float64
	End    bool // the text ends there
	Text   string
}

// reportFrontiers are those of the traffics that have two runs with both numbers.
func reportFrontiers(set *results.Set, names runNames, index func(results.RunSummary) int) []reportFrontier {
	var out []reportFrontier
	order, of := grouped(set.Runs, names)
	for _, name := range order {
		points := frontierOf(of[name])
		if len(points) < 2 {
			continue
		}
		f := reportFrontier{Name: name, Lengths: lengths(of[name][0].Results[0]), Unranked: unranked(of[name]), CSV: newReportCSV(name+" pareto", "address,verdict,job,output_tok_s_user,output_tok_s_gpu,low,high,pareto")}
		var xs, ys []float64
		for _, p := range points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
		x, y := fittedScale(xs), fittedScale(ys)
		f.X = x.ticks()
		for _, t := range y.ticks() {
			f.Y = append(f.Y, reportTick{round2(100 - t.At), t.Label})
		}
		var last *reportPoint
		var axes []string
		for _, q := range points {
			p := reportPoint{
				Run: index(q.run), X: x.place(q.x), Y: round2(100 - y.place(q.y)), Best: q.best, Suspect: q.run.Verdict == results.Suspect,
				Tip: tip(q.run, names), address: q.run.Address, label: q.label,
			}
			s := throughput(q.run)
			if s.Low != nil && s.High != nil {
				p.Low, p.High = round2(100-y.place(*s.Low)), round2(100-y.place(*s.High))
			}
			f.CSV.add(q.run.Address, string(q.run.Verdict), jobID(q.run), csvNumber(&q.x), csvNumber(&q.y), csvNumber(s.Low), csvNumber(s.High), strconv.FormatBool(q.best))
			if q.best {
				if last != nil {
					f.Lines = append(f.Lines, [4]float64{last.X, last.Y, p.X, p.Y})
				}
				last, axes = &p, q.axes
			}
			f.Points = append(f.Points, p)
		}
		slices.SortStableFunc(f.Points, func(a, b reportPoint) int { // the best are drawn over the others
			if a.Best == b.Best {
				return 0
			} else if a.Best {
				return 1
			}
			return -1
		})
		f.Axes = strings.Join(axes, ", ")
		f.Wide, f.Narrow = placeLabels(f, 400, 340), placeLabels(f, 250, 280)
		out = append(out, f)
	}
	return out
}

// A frontierPoint is one run of a traffic; best says that no other beats it in both
// numbers. The label has the values of the axes that tell the best apart.
type frontierPoint struct {
	x, y  float64 // tokens/s/user, tokens/s/GPU
	run   results.RunSummary
	best  bool
	label string
	axes  []string
}

// frontierOf are the points of one traffic from the right to the left. Of equal
// runs the first is the best; none is where the numbers do not rank the runs.
func frontierOf(runs []results.RunSummary) []frontierPoint {
	var out []frontierPoint
	for _, run := range runs {
		if x, y := run.Summary.At(trtllm.OutputThroughputPerUser), throughput(run); x != nil && y != nil {
			out = append(out, frontierPoint{x: x.Median, y: y.Median, run: run})
		}
	}
	slices.SortStableFunc(out, func(a, b frontierPoint) int { return cmp.Or(cmp.Compare(b.x, a.x), cmp.Compare(b.y, a.y)) })
	most, ranked := 0.0, unranked(runs) == ""
	var best []string
	for i := range out {
		if ranked && out[i].y > most {
			most, out[i].best = out[i].y, true
			best = append(best, out[i].run.Address)
		}
	}
	along := namesOf(best)
	for i := range out {
		if out[i].best {
			out[i].label, out[i].axes = along.values(out[i].run.Address), along.axes
		}
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

// placeLabels puts the labels of the best points where they cover nothing in a plot of
// so many CSS pixels; what finds no place is left out. In a wider plot there is more
// room still.
func placeLabels(f reportFrontier, width, height float64) []reportLabel {
	type box struct{ left, top, right, bottom float64 }
	var taken []box
	for _, p := range f.Points {
		x, y := p.X/100*width, p.Y/100*height
		taken = append(taken, box{x - 4, y - 4, x + 4, y + 4})
	}
	for _, l := range f.Lines {
		x, y, dx, dy := l[0]/100*width, l[1]/100*height, (l[2]-l[0])/100*width, (l[3]-l[1])/100*height
		for n, i := math.Hypot(dx, dy)/5, 0.0; i < n; i++ {
			taken = append(taken, box{x + dx*i/n - 1, y + dy*i/n - 1, x + dx*i/n + 1, y + dy*i/n + 1})
		}
	}
	var out []reportLabel
	for _, p := range f.Points {
		if !p.Best || p.label == "" {
			continue
		}
		x, y := p.X/100*width, p.Y/100*height
		wide, high := 7*float64(len([]rune(p.label))), 14.0
		for _, l := range []reportLabel{{DX: 8, DY: -5}, {DX: -8, DY: 14, End: true}, {DX: 8, DY: 14}, {DX: -8, DY: -5, End: true}} {
			b := box{x + l.DX, y + l.DY - high + 3, x + l.DX + wide, y + l.DY + 3}
			if l.End {
				b.left, b.right = x+l.DX-wide, x+l.DX
			}
			if b.left < 0 || b.right > width || b.top < 0 || b.bottom > height ||
				slices.ContainsFunc(taken, func(t box) bool { return t.left < b.right && b.left < t.right && t.top < b.bottom && b.top < t.bottom }) {
				continue
			}
			taken = append(taken, b)
			l.Run, l.X, l.Y, l.Text = p.Run, p.X, p.Y, p.label
			out = append(out, l)
			break
		}
	}
	return out
}

// tip is what is shown of a run that is pointed at.
func tip(run results.RunSummary, names runNames) string {
	lines := []string{names.full(run.Address)}
	if s := throughput(run); s != nil {
		lines = append(lines, summaryText(s)+" output tok/s/GPU")
	}
	if s := run.Summary.At(trtllm.OutputThroughputPerUser); s != nil {
		lines = append(lines, figure(s.Median)+" tok/s/user")
	}
	verdict := verdictText(run)
	if job := jobID(run); job != "-" {
		verdict += ", job " + job
	}
	return strings.Join(append(lines, verdict), "\n")
}

// A reportHeat shows the throughput over two axes, a table for each traffic.
type reportHeat struct {
	Row, Column string
	// Others says that cells have the best run over the axes that are left.
	Others string
	Groups []reportHeatGroup
	CSV    reportCSV
}

type reportHeatGroup struct {
	Name, Low, High string
	Columns         []string
	Rows            []reportHeatRow
}

type reportHeatRow struct {
	Name  string
	Cells []reportHeatCell
}

// A reportHeatCell is empty where there is no such run. Level is 0 to 100.
type reportHeatCell struct {
	Run        int
	Text, Mark string
	Level      int
	There      bool
}

// newReportHeat is of the two axes with the most values, nil for less than two axes.
func newReportHeat(set *results.Set, names runNames, index func(results.RunSummary) int) *reportHeat {
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
	h := &reportHeat{Column: axes[0], Row: axes[1], Others: strings.Join(axes[2:], ", ")}
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
		g := reportHeatGroup{Name: name, Low: figure(low), High: figure(high), Columns: values[h.Column]}
		for _, row := range values[h.Row] {
			r := reportHeatRow{Name: row}
			for _, column := range g.Columns {
				run, ok := best[[2]string{row, column}]
				if !ok {
					r.Cells = append(r.Cells, reportHeatCell{})
					continue
				}
				c := reportHeatCell{Run: index(run), There: true, Mark: string(run.Verdict)}
				s := throughput(run)
				if s == nil {
					c.Text = strings.ReplaceAll(c.Mark, "_", " ")
					s = &results.Summary{Median: math.NaN()}
				} else {
					c.Text, c.Level = figure(s.Median), int(math.Round(100*(s.Median-low)/max(high-low, 1e-9)))
				}
				h.CSV.add(name, row, column, run.Address, strings.TrimPrefix(csvNumber(&s.Median), "NaN"), c.Mark)
				r.Cells = append(r.Cells, c)
			}
			g.Rows = append(g.Rows, r)
		}
		h.Groups = append(h.Groups, g)
	}
	if len(h.Groups) == 0 {
		return nil
	}
	return h
}

// sortValues orders the values of an axis that are all numbers, and leaves any other
// in the order of the definitions.
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

// reportBars are the throughputs of runs that no axis tells apart.
type reportBars struct {
	Ticks []reportTick
	Bars  []reportBar
	CSV   reportCSV
}

// A reportBar is one row. Places are in percent of the scale; a Band of width 0 is
// no interval.
type reportBar struct {
	Run                         int
	Name, Mark, Text, Extra     string
	Length, BandLeft, BandWidth float64
}

// throughputBars are nil where an axis is swept: a frontier or a heat map tells more.
func throughputBars(set *results.Set, names runNames, index func(results.RunSummary) int) *reportBars {
	most := 0.0
	for _, run := range set.Runs {
		if s := throughput(run); s != nil {
			most = max(most, s.Median, value(s.High))
		}
	}
	if most == 0 || len(names.axes) > 0 {
		return nil
	}
	scale := linearScale(most)
	out := &reportBars{Ticks: scale.ticks(), CSV: newReportCSV("throughput", "address,output_tok_s_gpu,low,high,verdict")}
	for _, run := range set.Runs {
		b := reportBar{Run: index(run), Name: names.full(run.Address), Mark: string(run.Verdict), Text: "no number", Extra: verdictText(run)}
		if s := throughput(run); s != nil {
			b.Text, b.Length, b.Extra = figure(s.Median), scale.place(s.Median), ""
			if s.Low != nil && s.High != nil {
				b.BandLeft, b.BandWidth = scale.place(*s.Low), round2(scale.place(*s.High)-scale.place(*s.Low))
				b.Extra = figure(*s.Low) + " … " + figure(*s.High)
			}
			if run.Verdict == results.Suspect {
				b.Extra = verdictText(run)
			}
			out.CSV.add(run.Address, csvNumber(&s.Median), csvNumber(s.Low), csvNumber(s.High), b.Mark)
		}
		out.Bars = append(out.Bars, b)
	}
	return out
}

// A reportSpread is how a time was spread over the requests of each run.
type reportSpread struct {
	Name, Title, Unit string
	Ticks             []reportTick
	Groups            []reportSpreadGroup
	// Waiting says that some runs hold the time that requests waited, Left how many
	// runs stand in the CSV alone.
	Waiting bool
	Left    int
	CSV     reportCSV
}

type reportSpreadGroup struct {
	Name string
	Rows []reportSpreadRow
}

// A reportSpreadRow is one run: the places of p50, p90, p95 and p99, and the figures.
type reportSpreadRow struct {
	Run        int
	Name, Mark string
	Places     [4]float64
	Figures    [4]string
}

// Width is the length of the line from the median to the 99th percentile.
func (r reportSpreadRow) Width() float64 { return round2(r.Places[3] - r.Places[0]) }

// mostRows is how many runs the plots of latency show; of more those on the frontier.
const mostRows = 40

func reportSpreads(set *results.Set, names runNames, index func(results.RunSummary) int) []reportSpread {
	var out []reportSpread
	order, of := grouped(set.Runs, names)
	shown := map[int]bool{}
	for _, name := range order {
		for _, p := range frontierOf(of[name]) {
			shown[index(p.run)] = p.best || p.run.Verdict == results.Suspect || unranked(of[name]) != ""
		}
	}
	for _, m := range trtllm.Columns() {
		if m.Spread.Unit != "ms" {
			continue
		}
		least, most := math.Inf(1), 0.0
		for _, run := range set.Runs {
			if q := firstSpread(run, m); q != nil {
				least, most = min(least, q.P50), max(most, q.P99)
			}
		}
		if most == 0 {
			continue
		}
		scale, unit, by := timeScale(least, most)
		s := reportSpread{
			Name: m.Spread.Tag, Title: strings.ToUpper(m.Title[:1]) + m.Title[1:], Unit: unit, Ticks: scale.ticks(),
			CSV: newReportCSV(m.Spread.Tag, "address,verdict,p50_ms,p90_ms,p95_ms,p99_ms"),
		}
		rows := 0
		for _, name := range order {
			g := reportSpreadGroup{Name: name}
			for _, run := range of[name] {
				q := firstSpread(run, m)
				if q == nil {
					continue
				}
				s.CSV.add(run.Address, string(run.Verdict), csvNumber(&q.P50), csvNumber(&q.P90), csvNumber(&q.P95), csvNumber(&q.P99))
				if len(set.Runs) > mostRows && (!shown[index(run)] || rows >= mostRows) {
					s.Left++
					continue
				}
				rows++
				for _, c := range counting(run).Caveats {
					s.Waiting = s.Waiting || c.Code == failure.UnlimitedConcurrency && string(c.Metric) == m.Name
				}
				row := reportSpreadRow{Run: index(run), Name: names.within(run.Address), Mark: string(run.Verdict)}
				for i, v := range []float64{q.P50, q.P90, q.P95, q.P99} {
					row.Places[i], row.Figures[i] = scale.place(v), figure(v/by)
				}
				g.Rows = append(g.Rows, row)
			}
			if len(g.Rows) == 1 && g.Rows[0].Name == name {
				g.Name = "" // the row has the name already
			}
			if len(g.Rows) > 0 {
				s.Groups = append(s.Groups, g)
			}
		}
		out = append(out, s)
	}
	return out
}

// counting is the first result of a run that counts, nil without one.
func counting(run results.RunSummary) *results.Result {
	if i := slices.IndexFunc(run.Results, (*results.Result).Counts); i >= 0 {
		return run.Results[i]
	}
	return nil
}

// firstSpread is that of the first sample that counts.
func firstSpread(run results.RunSummary, m trtllm.Metric) *results.Percentiles {
	if r := counting(run); r != nil {
		if q := r.Percentiles.At(m.Name); q != nil && q.P50 > 0 {
			return q
		}
	}
	return nil
}

func value(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// A reportTick is a mark of a scale.
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

// timeScale is logarithmic, from a round time in milliseconds to another, in one unit
// of by milliseconds.
func timeScale(least, most float64) (s scale, unit string, by float64) {
	unit, by = "ms", 1
	if most >= 1000 {
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

func round2(v float64) float64 { return math.Round(100*v) / 100 }

func (s scale) place(v float64) float64 {
	at := (v - s.low) / (s.high - s.low)
	if s.log {
		at = math.Log(v/s.low) / math.Log(s.high/s.low)
	}
	return round2(100 * math.Max(0, math.Min(1, at)))
}

func (s scale) ticks() []reportTick {
	var out []reportTick
	if !s.log {
		step := niceStep(s.high - s.low)
		for i := math.Ceil(s.low/step - 1e-9); i*step <= s.high*(1+1e-9); i++ {
			out = append(out, reportTick{s.place(i * step), s.label(i * step)})
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
