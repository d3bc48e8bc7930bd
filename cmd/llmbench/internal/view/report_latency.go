package view

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportSpread is how a time was spread over the requests of each run.
type reportSpread struct {
	Title, Unit string
	Ticks       []reportTick
	Rows        []reportSpreadRow
	// Waiting says that some runs hold the time that requests waited, Left how many
	// runs stand in the CSV alone.
	Waiting bool
	// Steady says that some runs are shown in their steady window.
	Steady bool
	Left   int
	Bounds []reportTick
}

// A reportSpreadRow is one run: the places of p50, p90, p95 and p99, and the figures.
type reportSpreadRow struct {
	Run        int
	Head       string // of the rows of a traffic, in the first
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

// mostRows is how many runs the plots of latency show; of more those on the frontier.
const mostRows = 40

func reportSpreads(set *results.Set, names runNames, searches []ReportSearch, number func(results.RunSummary) int) ([]reportSpread, reportCSV) {
	var out []reportSpread
	head, data := "address,verdict", map[int][]string{} // by run
	order, of := grouped(set.Runs, names)
	shown := map[int]bool{}
	for _, name := range order {
		points, _ := frontierOf(of[name])
		for _, p := range points {
			shown[number(p.run)] = p.Best || p.run.Verdict == results.Suspect || unranked(of[name]) != ""
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
		s := reportSpread{Title: strings.ToUpper(m.Title[:1]) + m.Title[1:], Unit: unit, Ticks: scale.ticks()}
		if !strings.Contains(m.Title, strings.ToLower(m.Spread.Tag)) {
			s.Title += " (" + m.Spread.Tag + ")"
		}
		for _, p := range trtllm.PercentileNames[:4] {
			head += "," + m.Spread.CSV + p
		}
		for _, b := range bounds {
			s.Bounds = append(s.Bounds, reportTick{scale.position(b.At), b.Label})
		}
		for _, name := range order {
			head := name
			if len(of[name]) == 1 && names.within(of[name][0].Address) == name {
				head = "" // the row has the name already
			}
			for _, run := range of[name] {
				q := firstSpread(run, m)
				if q == nil {
					data[number(run)] = append(data[number(run)], "", "", "", "")
					continue
				}
				data[number(run)] = append(data[number(run)], csvNumber(&q.P50), csvNumber(&q.P90), csvNumber(&q.P95), csvNumber(&q.P99))
				if len(set.Runs) > mostRows && (!shown[number(run)] || len(s.Rows) >= mostRows) {
					s.Left++
					continue
				}
				for _, c := range counting(run).Caveats {
					s.Waiting = s.Waiting || c.Code == failure.UnlimitedConcurrency && string(c.Metric) == m.Name
				}
				row := reportSpreadRow{Run: number(run), Head: head, Name: names.within(run.Address), Mark: mark(run)}
				head = ""
				if steady := steadySpread(run, m); steady != nil {
					s.Steady, row.Shape = true, shape(steady.Quantiles, scale)
				}
				for i, v := range []float64{q.P50, q.P90, q.P95, q.P99} {
					row.Places[i], row.Figures[i] = scale.position(v), figure(v/by)
				}
				s.Rows = append(s.Rows, row)
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

func latencyBounds(set *results.Set, searches []ReportSearch, m trtllm.Metric) []reportTick {
	var out []reportTick
	for _, one := range searches {
		for _, b := range one.Bounds {
			if (b.Metric == m.Name || strings.HasPrefix(b.Metric, m.Spread.CSV)) && b.Max != nil {
				out = append(out, reportTick{*b.Max, boundText(one, b)})
			}
		}
	}
	for _, slo := range slosIn(set.Runs) {
		if bound := slo.Bound(m.Name); bound != nil {
			out = append(out, reportTick{*bound, fmt.Sprintf("slo: %s at most %g ms", m.Spread.Tag, *bound)})
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

func firstSpread(run results.RunSummary, m trtllm.Metric) *trtllm.Percentiles {
	if s := steadySpread(run, m); s != nil {
		return &trtllm.Percentiles{P50: s.P50.Value, P90: s.P90.Value, P95: s.P95.Value, P99: s.P99.Value}
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

// shape is the path of a density over a scale: between quantiles requests are taken to lie evenly.
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
