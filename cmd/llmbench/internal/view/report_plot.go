package view

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

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
	Cells []*reportHeatCell // nil where there is no such run
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
					r.Cells = append(r.Cells, nil)
					continue
				}
				c := &reportHeatCell{Run: number(run), Mark: mark(run)}
				s := throughput(run)
				if s == nil {
					c.Text = strings.ReplaceAll(c.Mark, "_", " ")
					s = &results.Summary{Median: math.NaN()}
				} else {
					c.Text, c.Level = figure(s.Median), int(math.Round(100*(s.Median-low)/max(high-low, 1e-9)))
				}
				h.CSV.add(name, row, column, run.Address, strings.TrimPrefix(csvNumber(&s.Median), "NaN"), string(run.Verdict))
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

// reportBars shows the throughput of each run where no axis is swept.
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
func throughputBars(set *results.Set, names runNames, number func(results.RunSummary) int) *reportBars {
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
		b := reportBar{Run: number(run), Name: names.full(run.Address), Mark: mark(run), Text: "no number", Extra: verdictText(run)}
		if s := throughput(run); s != nil {
			b.Text, b.Length, b.Extra = figure(s.Median), scale.position(s.Median), ""
			if s.Low != nil && s.High != nil {
				b.BandLeft, b.BandWidth = scale.position(*s.Low), round2(scale.position(*s.High)-scale.position(*s.Low))
				b.Extra = figure(*s.Low) + " … " + figure(*s.High)
			}
			if run.Verdict == results.Suspect {
				b.Extra = verdictText(run)
			}
			out.CSV.add(run.Address, csvNumber(&s.Median), csvNumber(s.Low), csvNumber(s.High), string(run.Verdict))
		}
		out.Bars = append(out.Bars, b)
	}
	return out
}

// A reportSpread is how a time was spread over the requests of each run.
type reportSpread struct {
	Title, Unit string
	Ticks       []reportTick
	Groups      []reportSpreadGroup
	// Waiting says that some runs hold the time that requests waited, Left how many
	// runs stand in the CSV alone.
	Waiting bool
	// Steady says that some runs are shown in their steady window.
	Steady bool
	Left   int
	Bounds []reportBound
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
	// Shape is the path of the distribution of the requests, 120 wide and 20 high; "" without
	// records of them.
	Shape string
}

// Style hands the places to the style sheet.
func (r reportSpreadRow) Style() template.CSS {
	var b strings.Builder
	for i, place := range r.Places {
		fmt.Fprintf(&b, ";--%c:%.3g", "abcd"[i], place/100)
	}
	return template.CSS(b.String()[1:]) //nolint:gosec // numbers
}

// mark is a verdict that a plot shows by colour, "" for a valid one.
func mark(run results.RunSummary) string {
	if run.Verdict == results.Valid {
		return ""
	}
	return string(run.Verdict)
}

// mostRows is how many runs the plots of latency show; of more those on the frontier.
const mostRows = 40

func reportSpreads(set *results.Set, names runNames, searches []ReportSearch, number func(results.RunSummary) int) ([]reportSpread, reportCSV) {
	var out []reportSpread
	head, data := "address,verdict", map[int][]string{} // by run
	order, of := grouped(set.Runs, names)
	shown := map[int]bool{}
	for _, name := range order {
		for _, p := range frontierOf(of[name]) {
			shown[number(p.run)] = p.best || p.run.Verdict == results.Suspect || unranked(of[name]) != ""
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
			if q := steadySpread(run, m); q != nil {
				least = min(least, q.Quantiles[1])
			}
		}
		if most == 0 {
			continue
		}
		bounds := latencyBounds(set, searches, m)
		low, high := least, most
		for _, b := range bounds {
			low, high = min(low, b.At), max(high, b.At)
		}
		scale, unit, by := timeScale(low, high, most)
		s := reportSpread{
			Title: strings.ToUpper(m.Title[:1]) + m.Title[1:], Unit: unit, Ticks: scale.ticks(),
		}
		if !strings.Contains(m.Title, strings.ToLower(m.Spread.Tag)) {
			s.Title += " (" + m.Spread.Tag + ")"
		}
		for _, p := range trtllm.PercentileNames[:4] {
			head += "," + m.Spread.CSV + p
		}
		for _, b := range bounds {
			s.Bounds = append(s.Bounds, reportBound{scale.position(b.At), b.Text})
		}
		lines := 0
		for _, name := range order {
			g := reportSpreadGroup{Name: name}
			for _, run := range of[name] {
				q := firstSpread(run, m)
				if q == nil {
					data[number(run)] = append(data[number(run)], "", "", "", "")
					continue
				}
				data[number(run)] = append(data[number(run)], csvNumber(&q.P50), csvNumber(&q.P90), csvNumber(&q.P95), csvNumber(&q.P99))
				if len(set.Runs) > mostRows && (!shown[number(run)] || lines >= mostRows) {
					s.Left++
					continue
				}
				lines++
				for _, c := range counting(run).Caveats {
					s.Waiting = s.Waiting || c.Code == failure.UnlimitedConcurrency && string(c.Metric) == m.Name
				}
				row := reportSpreadRow{Run: number(run), Name: names.within(run.Address), Mark: mark(run)}
				if steady := steadySpread(run, m); steady != nil {
					s.Steady, row.Shape = true, shape(steady.Quantiles, scale)
				}
				for i, v := range []float64{q.P50, q.P90, q.P95, q.P99} {
					row.Places[i], row.Figures[i] = scale.position(v), figure(v/by)
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
	file := newReportCSV("latency", head)
	for _, run := range set.Runs {
		if row := data[number(run)]; strings.Join(row, "") != "" {
			file.add(append([]string{run.Address, string(run.Verdict)}, row...)...)
		}
	}
	return out, file
}

// latencyBounds are the bounds of searches and slos on a latency, at milliseconds.
func latencyBounds(set *results.Set, searches []ReportSearch, m trtllm.Metric) []reportBound {
	var out []reportBound
	for _, one := range searches {
		for _, b := range one.Bounds {
			if (b.Metric == m.Name || strings.HasPrefix(b.Metric, m.Spread.CSV)) && b.Max != nil {
				out = append(out, reportBound{*b.Max, boundText(one, b)})
			}
		}
	}
	for _, slo := range slosIn(set.Runs) {
		if bound := slo.Bound(m.Name); bound != nil {
			out = append(out, reportBound{*bound, fmt.Sprintf("slo: %s at most %g ms", m.Spread.Tag, *bound)})
		}
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
	if s := steadySpread(run, m); s != nil {
		return &results.Percentiles{P50: s.P50.Value, P90: s.P90.Value, P95: s.P95.Value, P99: s.P99.Value}
	}
	if r := counting(run); r != nil {
		if q := r.Percentiles.At(m.Name); q != nil && q.P50 > 0 {
			return q
		}
	}
	return nil
}

// steadySpread is that of the steady window, nil where the records do not tell it whole.
func steadySpread(run results.RunSummary, m trtllm.Metric) *results.RequestSpread {
	if r := counting(run); r != nil && r.Requests != nil && r.Requests.Window != nil {
		if s := r.Requests.Spread(m.Name); s != nil && s.P99 != nil && s.P50.Value > 0 {
			return s
		}
	}
	return nil
}

// shapeSteps divide the scale of a distribution, 2 units each; it is shapeHigh units high.
const shapeSteps, shapeHigh = 60, 20

// shape is the path of a density over a scale: quantiles divide the requests evenly, and
// between two of them they are taken to lie evenly.
func shape(quantiles []float64, s scale) string {
	density, most := make([]float64, shapeSteps+2), 0.0 // with an empty step at each end
	add := func(step int, share float64) { density[1+min(step, shapeSteps-1)] += share }
	for i := range len(quantiles) - 1 {
		from, to := s.position(quantiles[i])*shapeSteps/100, s.position(quantiles[i+1])*shapeSteps/100
		if int(from) == int(to) {
			add(int(from), 1)
			continue
		}
		for step := int(from); step <= int(to); step++ {
			add(step, (min(to, float64(step+1))-max(from, float64(step)))/(to-from))
		}
	}
	smooth := func(i int) float64 { return density[i-1] + 2*density[i] + density[i+1] }
	for i := 1; i <= shapeSteps; i++ {
		most = max(most, smooth(i))
	}
	path, x, last := "", 0, shapeHigh
	to := func(nx, y int) {
		path += strings.ReplaceAll(fmt.Sprintf(" %d %d", nx-x, y-last), " -", "-")
		x, last = nx, y
	}
	for i := 1; i <= shapeSteps; i++ {
		y := shapeHigh - int(math.Round(shapeHigh*smooth(i)/most))
		if y == shapeHigh && last == shapeHigh {
			continue
		}
		if from := max(0, 2*i-3); path == "" {
			path, x = fmt.Sprintf("M%d %dl", from, shapeHigh), from
		} else if last == shapeHigh && x < from {
			to(from, shapeHigh)
		}
		to(2*i-1, y)
	}
	if last < shapeHigh {
		to(2*shapeSteps, shapeHigh)
	}
	return strings.Replace(path, "l ", "l", 1)
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

// timeScale is logarithmic, from a round time in milliseconds to another, in the unit of
// by milliseconds that suits a value.
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

// downwards are ticks from the top.
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

// holds reports whether a value is on the scale.
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
