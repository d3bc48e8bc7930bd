package view

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/search"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A reportFrontier sets what a GPU gives against what a user gets, in percent of the plot.
type reportFrontier struct {
	Name, Lengths, Axes string
	// Unranked says why no run is called the best, "" where some are.
	Unranked string
	X, Y     []reportTick
	Points   []reportPoint
	Front    []reportPoint // those that no other beats, from the right to the left
	Labels   []reportLabel
	Paths    []reportPath
	Bounds   []reportTick // of searches and slos
	Goodput  string       // what its marks mean, "" without any
	CSV      reportCSV
}

// A reportPoint is one run. Low and High are the places of its interval, 0 for none.
type reportPoint struct {
	Run           int
	X, Y          float64
	Low, High     float64
	Goodput       *float64 // its place, nil without an slo
	Best, Suspect bool     // Best is one that no other beats in both numbers
	Tip           string
	run           results.RunSummary
	x, y          float64 // tokens/s/user, tokens/s/GPU
	label         string  // of the best, the values of the axes that tell them apart
}

// A reportLabel names a point on the frontier: DX and DY are CSS pixels from it.
type reportLabel struct {
	X, Y   float64
	DX, DY int
	Class  string // end where the text ends there, on-wide or on-narrow where that is for plots of one width alone
	Text   string
}

// reportFrontiers are those of the traffics that have two runs with both numbers.
func reportFrontiers(set *results.Set, names runNames, searches []ReportSearch, number func(results.RunSummary) int) []reportFrontier {
	var out []reportFrontier
	order, of := grouped(set.Runs, names)
	for _, name := range order {
		points, axes := frontierOf(of[name])
		if len(points) < 2 {
			continue
		}
		f := reportFrontier{Name: name, Lengths: lengths(of[name][0].Results[0].UseCase), Unranked: unranked(of[name]), Axes: strings.Join(axes, ", ")}
		var xs, ys []float64
		for i, p := range points {
			xs, ys = append(xs, p.x), append(ys, p.y)
			if good := p.run.Of(trtllm.GoodputPerGPU); good != nil && (len(points) <= mostRows || p.Best) {
				points[i].Goodput = &good.Median
				ys = append(ys, good.Median)
			}
		}
		slos, head := slosIn(of[name]), "address,verdict,job,output_tok_s_user,output_tok_s_gpu,low,high,pareto"
		if len(slos) > 0 {
			f.Goodput, head = "goodput: output tok/s/GPU of the requests within the slo", head+",goodput_tok_s_gpu,within_slo_pct"
		}
		f.CSV = newReportCSV(name+" pareto", head)
		x, y := fittedScale(xs), fittedScale(ys)
		down := func(v float64) float64 { return round2(100 - y.position(v)) }
		f.X, f.Y = x.ticks(), downwards(y.ticks())
		for _, p := range points {
			p.Run, p.X, p.Y = number(p.run), x.position(p.x), down(p.y)
			p.Suspect, p.Tip = p.run.Verdict == results.Suspect, tip(p.run, names, searches)
			s := throughput(p.run)
			if s.Low != nil && s.High != nil {
				p.Low, p.High = down(*s.Low), down(*s.High)
			}
			if p.Goodput != nil {
				at := down(*p.Goodput)
				p.Goodput = &at
			}
			row := []string{p.run.Address, string(p.run.Verdict), jobID(p.run), csvNumber(&p.x), csvNumber(&p.y), csvNumber(s.Low), csvNumber(s.High), strconv.FormatBool(p.Best)}
			if good := p.run.Of(trtllm.GoodputPerGPU); good != nil {
				row = append(row, csvNumber(&good.Median), csvNumber(&p.run.Of(trtllm.WithinSLO).Median))
			} else if len(slos) > 0 {
				row = append(row, "", "")
			}
			f.CSV.add(row...)
			if p.Best {
				f.Front = append(f.Front, p)
			} else {
				f.Points = append(f.Points, p)
			}
		}
		f.Points = append(f.Points, f.Front...) // drawn over the others
		for i, p := range f.Points {
			var hidden []string
			for _, q := range f.Points {
				if p.Run != q.Run && p.X == q.X && p.Y == q.Y {
					hidden = append(hidden, names.full(q.run.Address))
				}
			}
			if len(hidden) > 0 {
				f.Points[i].Tip += "\nat the same place: " + Some(hidden, 3)
			}
		}
		for _, one := range searches {
			if path, ok := newReportPath(one, f.Points); ok {
				f.Paths = append(f.Paths, path)
			}
			for _, b := range one.Bounds {
				if b.Metric == trtllm.OutputThroughputPerUser && b.Min != nil && x.holds(*b.Min) {
					f.Bounds = append(f.Bounds, reportTick{At: x.position(*b.Min), Label: boundText(one, b)})
				}
			}
		}
		for _, slo := range slos {
			if speed, text := slowestWithin(slo, of[name][0].Results[0].UseCase.OSL); x.holds(speed) && speed > 0 {
				f.Bounds = append(f.Bounds, reportTick{At: x.position(speed), Label: text})
			}
		}
		narrow := positionLabels(f, 250, 280)
		for _, l := range positionLabels(f, 400, 340) {
			if i := slices.Index(narrow, l); i >= 0 {
				narrow = slices.Delete(narrow, i, i+1)
			} else {
				l.Class = strings.TrimSpace(l.Class + " on-wide")
			}
			f.Labels = append(f.Labels, l)
		}
		for _, l := range narrow {
			l.Class = strings.TrimSpace(l.Class + " on-narrow")
			f.Labels = append(f.Labels, l)
		}
		out = append(out, f)
	}
	return out
}

// A reportPath goes from the first choice of each round of a search to that of the next.
type reportPath struct {
	Title string
	Lines [][4]float64
}

func slosIn(runs []results.RunSummary) []*plan.SLO {
	var out []*plan.SLO
	for _, run := range runs {
		if r := counting(run); r != nil && r.Requests != nil && r.Requests.SLO != nil && !slices.ContainsFunc(out, r.Requests.SLO.Equal) {
			out = append(out, r.Requests.SLO)
		}
	}
	return out
}

// slowestWithin is the tok/s/user of a mean request that just meets an slo, 0 without a bound.
func slowestWithin(slo *plan.SLO, osl *int) (speed float64, text string) {
	if osl == nil || *osl < 2 || slo.TPOT == nil && slo.Latency == nil {
		return 0, ""
	}
	ms := math.Inf(1)
	if slo.TPOT != nil {
		ms = value(slo.TTFT) + *slo.TPOT*float64(*osl-1)
	}
	if slo.Latency != nil {
		ms = min(ms, *slo.Latency)
	}
	speed = float64(*osl) / ms * 1000
	return speed, fmt.Sprintf("slo %s: a request of %s output tokens that just meets it gets %s tok/s", slo, count(int64(*osl)), figure(speed))
}

func boundText(s ReportSearch, b search.Bound) string {
	return "search " + s.Name() + ": " + searchGoal(&plan.Search{Maximize: plan.Text(s.Metric()), Bounds: []search.Bound{b}})
}

// newReportPath is false for a search without points; points without a label get the round.
func newReportPath(s ReportSearch, points []reportPoint) (path reportPath, ok bool) {
	path.Title = "search " + s.Name() + ", from the first run of each round to that of the next: " + s.Label + " 1 is that of round 1"
	last := -1
	for _, round := range s.Rounds {
		for _, r := range round.Runs {
			at := slices.IndexFunc(points, func(p reportPoint) bool { return p.run.Address == r.Address })
			if at < 0 {
				continue
			}
			if last >= 0 {
				path.Lines = append(path.Lines, [4]float64{points[last].X, points[last].Y, points[at].X, points[at].Y})
			}
			if last = at; points[at].label == "" {
				points[at].label = fmt.Sprintf("%s %d", s.Label, round.Number)
			}
			break
		}
	}
	return path, last >= 0
}

// frontierOf are the points of one traffic from right to left, and the axes in which the best vary.
func frontierOf(runs []results.RunSummary) (points []reportPoint, axes []string) {
	for _, run := range runs {
		if x, y := run.Summary.At(trtllm.OutputThroughputPerUser), throughput(run); x != nil && y != nil {
			points = append(points, reportPoint{x: x.Median, y: y.Median, run: run})
		}
	}
	slices.SortStableFunc(points, func(a, b reportPoint) int { return cmp.Or(cmp.Compare(b.x, a.x), cmp.Compare(b.y, a.y)) })
	most, ranked := 0.0, unranked(runs) == ""
	var best []string
	for i, p := range points {
		if ranked && p.y > most {
			most, points[i].Best = p.y, true
			best = append(best, p.run.Address)
		}
	}
	along := namesOf(best)
	for i, p := range points {
		if p.Best {
			points[i].label = along.values(p.run.Address)
		}
	}
	return points, along.axes
}

// unranked says why the numbers of simulated runs do not rank them, "" where they do.
func unranked(runs []results.RunSummary) string {
	names := results.Unranked(runs)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("the runs differ in %s, which simulations do not account for", strings.Join(names, ", "))
}

// positionLabels puts labels where they cover nothing in a plot of so many CSS pixels.
func positionLabels(f reportFrontier, width, height int) []reportLabel {
	at := func(x, y float64) image.Point { return image.Pt(int(x*float64(width)/100), int(y*float64(height)/100)) }
	var taken []image.Rectangle
	for _, p := range f.Points {
		taken = append(taken, image.Rect(-4, -4, 4, 4).Add(at(p.X, p.Y)))
		if p.Goodput != nil {
			taken = append(taken, image.Rect(-6, -2, 6, 2).Add(at(p.X, *p.Goodput)))
		}
	}
	for i, p := range f.Front[:max(0, len(f.Front)-1)] {
		from, way := at(p.X, p.Y), at(f.Front[i+1].X, f.Front[i+1].Y).Sub(at(p.X, p.Y))
		steps := int(math.Hypot(float64(way.X), float64(way.Y))/5) + 1
		for i := range steps {
			taken = append(taken, image.Rect(-1, -1, 1, 1).Add(from).Add(way.Mul(i).Div(steps)))
		}
	}
	var out []reportLabel
	for _, p := range f.Points {
		if p.label == "" {
			continue
		}
		for _, l := range []reportLabel{{DX: 8, DY: -5}, {DX: -8, DY: 14, Class: "end"}, {DX: 8, DY: 14}, {DX: -8, DY: -5, Class: "end"}, {DX: -8, DY: -12, Class: "end"}} {
			box := image.Rect(0, -11, 7*utf8.RuneCountInString(p.label), 3)
			if l.Class != "" {
				box = box.Sub(image.Pt(box.Dx(), 0))
			}
			box = box.Add(at(p.X, p.Y)).Add(image.Pt(l.DX, l.DY))
			if box.In(image.Rect(0, 0, width, height)) && !slices.ContainsFunc(taken, box.Overlaps) {
				taken = append(taken, box)
				l.X, l.Y, l.Text = p.X, p.Y, p.label
				out = append(out, l)
				break
			}
		}
	}
	return out
}

func tip(run results.RunSummary, names runNames, searches []ReportSearch) string {
	lines := []string{names.full(run.Address)}
	if s := throughput(run); s != nil {
		lines = append(lines, summaryText(s)+" output tok/s/GPU")
	}
	if s := run.Summary.At(trtllm.OutputThroughputPerUser); s != nil {
		lines = append(lines, figure(s.Median)+" tok/s/user")
	}
	if good := run.Of(trtllm.GoodputPerGPU); good != nil {
		lines = append(lines, fmt.Sprintf("goodput %s output tok/s/GPU, %s %% within the slo", figure(good.Median), withinSLO(run)))
	}
	verdict := verdictText(run)
	if job := jobID(run); job != "-" {
		verdict += ", job " + job
	}
	lines = append(lines, verdict)
	for _, s := range searches {
		for _, round := range s.Rounds {
			if slices.ContainsFunc(round.Runs, func(r plan.RoundRun) bool { return r.Address == run.Address }) {
				lines = append(lines, fmt.Sprintf("search %s, round %d", s.Name(), round.Number))
			}
		}
	}
	return strings.Join(lines, "\n")
}
