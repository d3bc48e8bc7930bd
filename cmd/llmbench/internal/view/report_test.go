package view

import (
	"bytes"
	"encoding/csv"
	"flag"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/search"
	"github.com/llmbench/llmbench/plan/trtllm"
)

var update = flag.Bool("update", false, "write the golden files")

func reportPageOf(t testing.TB, sets ...*results.Set) string {
	t.Helper()
	return reportPageWith(t, nil, sets...)
}

func reportPageWith(t testing.TB, histories []*results.History, sets ...*results.Set) string {
	t.Helper()
	var b bytes.Buffer
	r := Report{Histories: histories, Title: "maverick", Origin: "definitions 3f2c9ab, clean, llmbench 0.1.0", Sets: sets, Price: Price{PerGPUHour: 10.5, Currency: "USD"}}
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReportGolden(t *testing.T) {
	_, got, _ := strings.Cut(reportPageOf(t, reportSet()), "</head>\n") // what the page says, without style and script
	got, _, _ = strings.Cut(got, "<script>")
	path := filepath.Join("testdata", "report.html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// The page loads nothing, and equal results make equal pages.
func TestReportIsSelfContained(t *testing.T) {
	page := reportPageOf(t, sweepSet())
	if again := reportPageOf(t, sweepSet()); page != again {
		t.Error("a second page differs")
	}
	page = strings.ReplaceAll(page, "'http://www.w3.org/2000/svg'", "") // a name
	for _, banned := range []string{"<script src", "<link", "<img", "@import", "url(", "src=", "http:", "https:", "#ZgotmplZ", "NaN%", "%!", "fetch(", "eval("} {
		if i := strings.Index(page, banned); i >= 0 {
			t.Errorf("%s: …%s…", banned, page[max(0, i-80):min(len(page), i+80)])
		}
	}
	for _, m := range regexp.MustCompile(`href="([^"]{0,20})`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "data:text/csv") {
			t.Errorf("href %s", m[1])
		}
	}
	for what, want := range map[string]int{`<figure class="pareto"`: 4, `class="pt`: 48, `data-courses="`: 48, `<table class="heat"`: 4, `class="whisker"`: 0, `download="`: 6} {
		if n := strings.Count(page, what); n != want {
			t.Errorf("%d of %s, want %d", n, what, want)
		}
	}
}

// A page has at most 10 kB a run from 4 to 100 runs, with histories, records of requests
// or iteration logs, and from 12 runs on with all of these; 2 MB at 1,000 runs. Below 4
// runs it has what 4 may have.
func TestReportSize(t *testing.T) {
	for _, runs := range []int{1, 3, 4, 12, 20, 36, 100, 1000} {
		for _, kind := range []string{"histories", "records", "iterations", "all"} {
			set, histories, series := gridSet(runs), 0, 0
			var with []*results.History
			if kind == "histories" || kind == "all" {
				with, histories = []*results.History{overTime(set, 40)}, min(runs, 12)
			}
			for _, r := range WithSeries([]*results.Set{set}) {
				if kind == "iterations" || kind == "all" {
					r.Iterations = longIterations()
				}
			}
			if kind == "records" || kind == "all" {
				for _, r := range set.Results {
					recorded(r)
				}
			}
			if kind != "histories" {
				series = map[int]int{1000: 5}[runs]
				if runs <= 100 {
					series = runs
				}
			}
			page := reportPageWith(t, with, set)
			most := min(2000e3, 10e3*max(4, runs))
			if kind == "all" && runs < 12 {
				most = 13e3 * max(4, runs)
			}
			t.Logf("%d runs, %s: %d bytes, %d a run", runs, kind, len(page), len(page)/runs)
			if len(page) > most {
				t.Errorf("%d runs, %s: %d bytes, at most %d", runs, kind, len(page), most)
			}
			for what, want := range map[string]int{`data-courses="`: series, `<figure class="history"`: histories, "<details data-r=": runs} {
				if n := strings.Count(page, what); n != want {
					t.Errorf("%d runs, %s: %d of %s, want %d", runs, kind, n, what, want)
				}
			}
		}
	}
}

// The data of a plot is CSV that is read back.
func TestReportCSV(t *testing.T) {
	page := reportPageOf(t, reportSet())
	links := regexp.MustCompile(`download="([^"]*)" href="data:text/csv;charset=utf-8,([^"]*)"`).FindAllStringSubmatch(page, -1)
	names := map[string]int{}
	for _, l := range links {
		text, err := url.PathUnescape(html.UnescapeString(l[2]))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", l[1], err)
		}
		names[l[1]] = len(rows)
	}
	want := map[string]int{"reasoning-pareto.csv": 4, "summarization-pareto.csv": 3, "latency.csv": 6}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestReportAnswers(t *testing.T) {
	r := Report{Title: "t", Sets: []*results.Set{reportSet()}, Price: Price{PerGPUHour: 10.5}, MaxGPUHours: 40}
	part := r.part(r.Sets[0])
	if part.State != "6 runs: 4 valid, 1 suspect (throttled), 1 failed (gpu_oom)" {
		t.Error(part.State)
	}
	want := []reportAnswer{
		{Group: "reasoning", Lengths: "1000/1000", Value: "13,118", With: "concurrency=4096", More: "16.1 tok/s/user, $0.22 per million output tokens, suspect: throttled", Next: "concurrency=512, -55.8 %"},
		{Group: "summarization", Lengths: "8000/512", Value: "725", Interval: " ± 1.5 %", With: "concurrency=512", More: "63.5 tok/s/user, $4.02 per million output tokens", Next: "concurrency=64, -81.7 %"},
	}
	if diff := cmp.Diff(want, part.Answers); diff != "" {
		t.Error(diff)
	}
	facts := map[string]string{}
	for _, f := range part.Facts {
		facts[f.Name] = f.Value
	}
	if !strings.Contains(facts["spent"], " of 40, $") || facts["measured"] != "2026-05-04 (UTC)" || facts["hardware"] != "8x GB200, 4 per node" {
		t.Error(facts)
	}
}

// What was measured more than once has a plot of its values over time, with the steps
// that the noise does not explain, and its data.
func TestReportHistory(t *testing.T) {
	set := reportSet()
	if page := reportPageWith(t, []*results.History{overTime(set, 1)}, set); strings.Contains(page, `id="history"`) {
		t.Error("runs that were measured once have a history")
	}
	h := newReportHistory(set, overTime(set, 14), newRunNames(set.Runs))
	if len(h.Series) != 5 || h.Left != 0 || !strings.HasPrefix(h.Noise, "± is the 95 % interval") {
		t.Fatalf("%d series, %d left out: %s", len(h.Series), h.Left, h.Noise)
	}
	s := h.Series[1]
	const step = "2026-05-01, 0000000: ▼ -10.0 %: max_batch_size 896 → 256"
	if s.Name != "reasoning concurrency=512" || s.Run != 1 || len(s.Points) != 14 || !cmp.Equal(s.Steps, []string{step}) {
		t.Errorf("%s of run %d has %d points and the steps %q", s.Name, s.Run, len(s.Points), s.Steps)
	}
	p := s.Points[10]
	if p.Step != "▼" || p.Y <= s.Points[9].Y || p.Low <= p.Y || p.High >= p.Y {
		t.Errorf("%+v", p)
	}
	page := reportPageWith(t, []*results.History{overTime(set, 14)}, set)
	for what, want := range map[string]int{`<a href="#history">`: 1, `<figure class="history"`: 5, `dy="4">▼</text>`: 5, `-history.csv"`: 5, "%0A2026-05-01,0000000,": 5, ",7,-10,max_batch_size%20896%20→%20256%0A": 2, "<li>" + step: 5} {
		if n := strings.Count(page, what); n != want {
			t.Errorf("%d of %s, want %d", n, what, want)
		}
	}
	for _, r := range set.Results {
		r.Simulated = true
	}
	h = newReportHistory(set, overTime(set, 14), newRunNames(set.Runs))
	if p := h.Series[0].Points[10]; h.Noise != "Simulations have no noise: no steps are marked." || p.Step != "" || p.Low != 0 || !cmp.Equal(h.Series[0].Steps, []string{"2026-05-01, 0000000: max_batch_size 896 → 256"}) {
		t.Errorf("a simulation has noise: %s %+v %q", h.Noise, p, h.Series[0].Steps)
	}
}

// A search shows its rounds, its path from one to the next, and its bounds where they
// lie; of a set that it is not of, nothing.
func TestReportSearch(t *testing.T) {
	set := reportSet()
	most := 300.
	s := ReportSearch{
		Search: &plan.Search{
			Benchmark: "load", Label: "fast", Maximize: trtllm.OutputThroughputPerGPU, State: search.Done, MaxRuns: 4, Candidates: 6,
			Bounds: []search.Bound{{Metric: "ttft_ms_p99", Max: &most}, {Metric: trtllm.OutputThroughputPerUser, Min: ptr(50.)}},
		},
		Rounds: []plan.Round{
			{Number: 1, Runs: []plan.RoundRun{{Address: "load/use_case=reasoning/concurrency=64", Reason: "first"}, {Address: "load/use_case=reasoning/concurrency=4096", Reason: "last"}}},
			{Number: 2, Runs: []plan.RoundRun{{Address: "load/use_case=reasoning/concurrency=512", Reason: "between"}}},
		},
	}
	part := Report{Searches: []ReportSearch{s}}.part(set)
	reasoning, summarization := part.Frontiers[0], part.Frontiers[1]
	if len(reasoning.Paths) != 1 || len(reasoning.Paths[0].Lines) != 1 || len(summarization.Paths) != 0 {
		t.Errorf("paths %+v and %+v", reasoning.Paths, summarization.Paths)
	}
	unranked := reportSet()
	for i, r := range unranked.Results {
		r.Simulated, r.Estimate.NotModelled = true, map[string]any{"moe_config.backend": i}
	}
	simulated := ReportSearch{Search: &plan.Search{Benchmark: "load", Label: "fast", Simulated: true}, Rounds: s.Rounds}
	var labels []string
	for _, l := range (Report{Searches: []ReportSearch{simulated}}).part(unranked).Frontiers[0].Labels {
		labels = append(labels, l.Text)
	}
	if !slices.Contains(labels, "fast 1") || !slices.Contains(labels, "fast 2") { // there is no frontier that has others
		t.Errorf("labels %q", labels)
	}
	if len(reasoning.Bounds) != 1 || !strings.HasSuffix(reasoning.Bounds[0].Label, "output_throughput_per_user_tok_s at least 50") {
		t.Errorf("bounds of the frontier: %+v", reasoning.Bounds)
	}
	if b := part.Latency[0].Bounds; len(b) != 1 || b[0].At <= 0 || b[0].At >= 100 || len(part.Latency[1].Bounds) != 0 {
		t.Errorf("bounds of TTFT: %+v, of TPOT: %+v", b, part.Latency[1].Bounds)
	}
	want := []reportRound{{1, "reasoning concurrency=64", "first"}, {0, "reasoning concurrency=4096", "last"}, {2, "reasoning concurrency=512", "between"}}
	if diff := cmp.Diff(want, part.Searches[0].Rows); diff != "" {
		t.Error(diff)
	}
	if tip := reasoning.Points[len(reasoning.Points)-2].Tip; !strings.HasSuffix(tip, "\nsearch load/fast, round 2") {
		t.Error(tip)
	}
	s.Simulated = true
	if part := (Report{Searches: []ReportSearch{s}}).part(set); len(part.Searches)+len(part.Frontiers[0].Paths)+len(part.Latency[0].Bounds) > 0 {
		t.Error("a simulated search stands among measured runs")
	}
}

// With records of requests the page shows how they lie, and with an slo what is delivered
// within it, and where its bounds stand.
func TestReportGoodput(t *testing.T) {
	set := recordedSet(64, 512, 4096)
	page := reportPageOf(t, set)
	for what, want := range map[string]int{
		`<rect data-r="`: 3, `<svg viewBox="0 0 120 20"`: 9, `<path class="bound"`: 1, "--bounds:": 2,
		"slo TTFT 300 ms, TPOT 20 ms: a request of 1,000 output tokens that just meets it gets 49.3 tok/s": 1, "goodput: output tok/s/GPU of the requests within the slo": 1,
		",goodput_tok_s_gpu,within_slo_pct%0A": 1, "output tok/s/GPU, 100.0 % within the slo": 1, "output tok/s/GPU, 73.3 (72.1…74.6) % within the slo": 1, "output tok/s/GPU, 0.0 % within the slo": 1,
		"The shapes show how these requests are spread": 1, "slo: TTFT at most 300 ms": 1, "slo: TPOT at most 20 ms": 1,
		"most goodput: 4,255 output tok/s/GPU with concurrency=512, 73.3 (72.1…74.6) % of requests within the slo (TTFT 300 ms, TPOT 20 ms)": 1,
	} {
		if n := strings.Count(page, what); n != want {
			t.Errorf("%d of %s, want %d", n, what, want)
		}
	}
	for i, want := range []bool{false, true, true} { // 0 stands at the bottom, and what met all on its point
		f := reportFrontiers(set, newRunNames(set.Runs), nil, func(results.RunSummary) int { return i })[0]
		if p := f.Points[i]; (*p.Goodput > p.Y+1) != want {
			t.Errorf("goodput at %v of %+v", *p.Goodput, p)
		}
	}
}

// Of runs with equal numbers one mark hides the others: each tells of them.
func TestReportSamePlace(t *testing.T) {
	var list []*results.Result
	for _, backend := range []string{"WIDEEP", "CUTLASS"} {
		r := measuredResult("chat", 128, 128, 64, 1, 1)
		r.Address += "/moe_backend=" + backend
		list = append(list, r)
	}
	f := Report{}.part(results.NewSet(list)).Frontiers[0]
	if a, b := f.Points[0].Tip, f.Points[1].Tip; !strings.HasSuffix(a, "\nat the same place: chat moe_backend=WIDEEP") || !strings.HasSuffix(b, "\nat the same place: chat moe_backend=CUTLASS") {
		t.Errorf("%q and %q", a, b)
	}
}

// A bound far from all values stands at its place, not at the end of their scale; the
// Pareto picture leaves it out.
func TestReportFarBounds(t *testing.T) {
	set := recordedSet(64, 512)
	far, slow := 7e3, 40e3
	for _, run := range set.Runs {
		for _, r := range run.Results {
			r.Requests.SLO = &plan.SLO{TTFT: &far, TPOT: &slow}
		}
	}
	part := Report{Sets: []*results.Set{set}}.part(set)
	for _, s := range part.Latency[:2] {
		if len(s.Bounds) != 1 || s.Bounds[0].At < s.Rows[1].Places[3]+20 || s.Bounds[0].At == 100 || s.Unit != "ms" {
			t.Errorf("%s: bounds %+v, ticks %+v in %s", s.Title, s.Bounds, s.Ticks, s.Unit)
		}
	}
	if b := part.Frontiers[0].Bounds; len(b) > 0 {
		t.Errorf("the Pareto picture has %+v", b)
	}
}

// A request that just meets an slo takes the TTFT and then a TPOT for each further token,
// or the latency where that is less. An slo without these says nothing of its speed.
func TestSlowestWithin(t *testing.T) {
	for _, c := range []struct {
		slo  plan.SLO
		osl  *int
		want float64
	}{
		{plan.SLO{TPOT: ptr(10.)}, ptr(101), 101}, {plan.SLO{TTFT: ptr(10.), TPOT: ptr(10.)}, ptr(101), 100}, {plan.SLO{Latency: ptr(500.)}, ptr(101), 202},
		{plan.SLO{TPOT: ptr(10.), Latency: ptr(500.)}, ptr(101), 202}, {plan.SLO{TPOT: ptr(10.), Latency: ptr(5000.)}, ptr(101), 101},
		{plan.SLO{TTFT: ptr(10.)}, ptr(101), 0}, {plan.SLO{TPOT: ptr(10.)}, nil, 0}, {plan.SLO{TPOT: ptr(10.)}, ptr(1), 0},
	} {
		if got, text := slowestWithin(&c.slo, c.osl); round2(got) != c.want || (text == "") != (c.want == 0) {
			t.Errorf("%s: %v, %q, want %v", &c.slo, got, text, c.want)
		}
	}
}

// A shape is high where requests lie close together, and ends where there are none.
func TestShape(t *testing.T) {
	even := scale{high: 100}
	far := slices.Concat(slices.Repeat([]float64{1}, 200), slices.Repeat([]float64{50}, 200))
	for _, c := range []struct {
		quantiles []float64
		want      string
	}{
		{[]float64{50, 50, 50}, "M57 20l2-10 2-10 2 10 2 10"},
		{[]float64{0, 0, 5, 5, 5}, "M0 20l1-14 2 3 2-3 2-6 2 11 2 9"},
		{far, "M0 20l1-20 2 10 2 10 52 0 2-10 2-10 2 10 2 10"},
	} {
		if got := shape(c.quantiles, even); got != c.want {
			t.Errorf("%v: %s, want %s", c.quantiles, got, c.want)
		}
	}
}

// Simulations that differ in what is not modelled have no frontier and no best run.
func TestReportUnranked(t *testing.T) {
	set := unrankedSet()
	const why = "the runs differ in moe_config.backend, which simulations do not account for"
	page := reportPageOf(t, set)
	for text, want := range map[string]int{"</h3>not ranked: " + why: 4, "No frontier: " + why: 4, `"pt best"`: 0, `class="pt"`: 48} {
		if n := strings.Count(page, text); n != want {
			t.Errorf("%d of %s, want %d", n, text, want)
		}
	}
}

// How far the second is behind is told with what noise leaves of it: 2 % are taken for
// the noise of few samples, and a simulation has none.
func TestNextText(t *testing.T) {
	run := func(concurrency int, of ...float64) []*results.Result {
		var list []*results.Result
		for i, v := range of {
			list = append(list, measuredResult("chat", 1000, 1000, concurrency, i+1, v))
		}
		return list
	}
	quiet := []float64{1, 1.001, .999, 1.0005, .9995}
	names := namesOf([]string{"load/concurrency=64", "load/concurrency=65", "load/concurrency=512"})
	for _, c := range []struct {
		best, second []*results.Result
		simulated    bool
		want         string
	}{
		{run(65, 1), run(64, 1), false, "concurrency=64, -1.4 %, which noise explains"},
		{run(65, 1), run(64, 1), true, "concurrency=64, -1.4 %"},
		{run(65, quiet...), run(64, quiet...), false, "concurrency=64, -1.4 %"},
		{run(65, 1, 1.03, .97, 1.02, .98), run(64, quiet...), false, "concurrency=64, -1.4 %, which noise explains"},
		{run(512, 1), run(64, 1), false, "concurrency=64, -81.7 %"},
		{run(65, 1), run(64, 1.0142175), false, "concurrency=64, 0.0 %"},
	} {
		list := append(c.best, c.second...)
		for _, r := range list {
			r.Simulated = c.simulated
		}
		set := results.NewSet(list)
		if got := nextText(set, set.Runs[0], set.Runs[1], names); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// What got worse comes first, and what is not compared is said once a reason.
func TestReportAgainst(t *testing.T) {
	base, now := reportSet(), reportSet()
	for _, r := range now.Results {
		if v := r.Metrics.At(trtllm.OutputThroughputPerGPU); v != nil && strings.Contains(r.Address, "reasoning/concurrency=512") {
			r.Metrics.Set(trtllm.OutputThroughputPerGPU, ptr(.9**v))
		}
	}
	now = results.NewSet(now.Results)
	c := results.Compare(base, now, results.Comparing{Threshold: .01, Metrics: []string{trtllm.OutputThroughputPerGPU}})
	a := newReportAgainst("../before", c, newRunNames(now.Runs))
	if len(a.Rows) == 0 || a.Rows[0] != (reportCompared{"reasoning concurrency=512", "output tok/s/GPU", "5,802 ± 1.5 %", "5,222 ± 1.5 %", "-10.0 %", "worse"}) {
		t.Errorf("%+v", a.Rows)
	}
	if !strings.HasPrefix(a.Told, "Of 5 numbers, 1 got worse, 0 got better") || len(a.Refused) != 1 || !strings.HasPrefix(a.Refused[0], "summarization concurrency=4096: the base has no sample") {
		t.Errorf("%s, %q", a.Told, a.Refused)
	}
}

func TestReportMarksSimulated(t *testing.T) {
	set := reportSet()
	for _, r := range set.Results {
		r.Simulated = true
	}
	page := reportPageOf(t, set)
	if !strings.Contains(page, "SIMULATED: nothing here was measured") || strings.Contains(page, "GPU-hours spent") || !strings.Contains(page, `content: "SIMULATED"`) {
		t.Error("a simulation is not marked, or has a cost")
	}
	both := reportPageOf(t, reportSet(), set)
	if !strings.Contains(both, ">Measured</h1>") || !strings.Contains(both, ">Simulated</h1>") || strings.Contains(both, `content: "SIMULATED"`) {
		t.Error("what was measured and what was simulated do not stand apart")
	}
}

func TestRunNames(t *testing.T) {
	runs := func(addresses ...string) (out []results.RunSummary) {
		for _, a := range addresses {
			out = append(out, results.RunSummary{Address: a})
		}
		return out
	}
	for _, c := range []struct {
		runs                []results.RunSummary
		group, within, full string
	}{
		{runs("a/use_case=chat"), "chat", "chat", "chat"},
		{runs("a/use_case=chat/tp=8", "a/use_case=long/tp=8"), "chat", "chat", "chat"},
		{runs("a/use_case=chat/tp=8/c=1", "a/use_case=chat/tp=8/c=2"), "chat", "c=1", "chat c=1"},
		{runs("a/use_case=chat", "b/use_case=chat"), "a/chat", "a/chat", "a/chat"},
		{runs("a/use_case=chat/c=1", "a/use_case=long"), "chat", "c=1", "chat c=1"},
	} {
		n, a := newRunNames(c.runs), c.runs[0].Address
		if n.group(a) != c.group || n.within(a) != c.within || n.full(a) != c.full {
			t.Errorf("%s: %q, %q, %q", a, n.group(a), n.within(a), n.full(a))
		}
	}
}

func TestScales(t *testing.T) {
	for most, want := range map[float64]string{15352: "0 5,000 10,000 15,000 20,000", 3: "0 1 2 3", .07: "0 0.02 0.04 0.06 0.08", 100: "0 20 40 60 80 100"} {
		s := linearScale(most)
		s.label = tickText
		if got := labelsOf(s); got != want {
			t.Errorf("to %v: %s, want %s", most, got, want)
		}
	}
	for _, c := range []struct {
		low, high  float64
		want, unit string
	}{
		{9.7, 44, "5 10 20 50", "ms"}, {31, 10800, "0.02 0.1 0.5 2 10", "s"}, {600, 650e3, "0.5 2 10 30 120 600", "s"}, {5, 5, "5 10", "ms"}, {.01, 1e9, "0", "s"},
	} {
		s, unit, _ := timeScale(c.low, c.high, c.high)
		if got := labelsOf(s); !strings.HasPrefix(got, c.want) || unit != c.unit {
			t.Errorf("%v to %v: %s in %s, want %s in %s", c.low, c.high, got, unit, c.want, c.unit)
		}
	}
	if s := fittedScale([]float64{7000, 8000}); s.position(7000) < 5 || s.position(7000) > 10 || labelsOf(s) != "7,000 7,250 7,500 7,750 8,000" {
		t.Errorf("the axis from 7,000 to 8,000 has %s, 7,000 at %v %%", labelsOf(s), s.position(7000))
	}
}

func labelsOf(s scale) string {
	var out []string
	for _, tick := range s.ticks() {
		out = append(out, tick.Label)
	}
	return strings.Join(out, " ")
}
