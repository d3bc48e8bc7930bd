package plan

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/noise"
	"github.com/llmbench/llmbench/plan/search"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// A Search is where a search block stands: an element of "searches" in the plan
// document.
type Search struct {
	Benchmark string        `json:"benchmark"`
	Label     string        `json:"label"`
	Maximize  Text          `json:"maximize"`
	Minimize  Text          `json:"minimize"`
	Bounds    []SearchBound `json:"bounds"`
	// MaxRuns and MaxGPUHours bound all rounds together. Where the definitions do not
	// give one, it follows from the other: all candidates, or the dearest ones.
	MaxRuns     int     `json:"max_runs"`
	MaxGPUHours float64 `json:"max_gpu_hours"`
	RuleVersion string  `json:"rule_version"`
	// Round is that of Next, or the last one where nothing is next.
	Round         int          `json:"round"`
	Candidates    int          `json:"candidates"`
	Measured      int          `json:"measured"`
	SpentGPUHours float64      `json:"spent_gpu_hours"`
	LeftRuns      int          `json:"left_runs"`
	State         search.State `json:"state"`
	Next          []SearchNext `json:"next"`
	Best          []SearchBest `json:"best"`
	// NotMeasured are the candidates without a sample that are not next, with the
	// reason.
	NotMeasured []SearchReason `json:"not_measured"`

	// Begun says that the round of Next was written down before.
	Begun     bool `json:"-"`
	Simulated bool `json:"-"`
	cluster   string
	estimator string
	unmet     []string
}

// SearchBound is a bound of a search; Max and Min are null for none.
type SearchBound struct {
	Metric string   `json:"metric"`
	Max    *float64 `json:"max"`
	Min    *float64 `json:"min"`
}

// SearchNext is a run that the search measures next, until it has so many samples.
type SearchNext struct {
	Address string `json:"address"`
	Samples int    `json:"samples"`
	Reason  string `json:"reason"`
}

// SearchReason is a candidate with a reason.
type SearchReason struct {
	Address string `json:"address"`
	Reason  string `json:"reason"`
}

// SearchBest is the best measured run of a use case within the bounds. Better is the
// next better one that a bound stops, as Stops says; null for none. Frontier are the
// measured runs that no other beats in the metric and all bounded metrics.
type SearchBest struct {
	UseCase  string   `json:"use_case"`
	Address  string   `json:"address"`
	Value    float64  `json:"value"`
	Low      float64  `json:"low"`
	High     float64  `json:"high"`
	Better   Text     `json:"better"`
	Stops    Text     `json:"stops"`
	Frontier []string `json:"frontier"`
}

// A Round is what a search decided to measure next. It is written down before the first
// of its runs is submitted, and not changed afterwards.
type Round struct {
	FormatVersion    string     `json:"format_version"`
	Benchmark        string     `json:"benchmark"`
	Label            string     `json:"label"`
	Number           int        `json:"round"`
	RuleVersion      string     `json:"rule_version"`
	EstimatorVersion string     `json:"estimator_version"`
	Cluster          string     `json:"cluster"`
	SpentGPUHours    float64    `json:"spent_gpu_hours"`
	Plan             string     `json:"plan,omitempty"` // SHA-256 of the saved plan that was applied
	Created          time.Time  `json:"created"`
	Runs             []RoundRun `json:"runs"`
}

// A RoundRun is a run of a round.
type RoundRun struct {
	Address     string `json:"address"`
	Fingerprint string `json:"fingerprint"`
	Samples     int    `json:"samples"`
	Reason      string `json:"reason"`
}

// InRound names a round of a search: BENCHMARK/LABEL and its number.
type InRound struct {
	Search string
	Round  int
}

// A SearchAccount is what a ledger keeps of a search: its rounds in order, what their
// attempts have cost or may still cost, and the last round with an attempt.
type SearchAccount struct {
	Rounds   []Round
	GPUHours float64
	Begun    int
}

// Name is how intents name the search.
func (s *Search) Name() string { return s.Benchmark + "/" + s.Label }

// Metric is what the search is for.
func (s *Search) Metric() string { return string(cmp.Or(s.Maximize, s.Minimize)) }

// LeftGPUHours is what the search may still spend, 0 for one that has ended.
func (s *Search) LeftGPUHours() float64 {
	if s.State != search.Open {
		return 0
	}
	return max(0, s.MaxGPUHours-s.SpentGPUHours)
}

// NextRound is the round to be written down before anything of it is submitted; ok is
// false where there is none.
func (s *Search) NextRound(p *Plan) (r Round, ok bool) {
	if s.Begun || len(s.Next) == 0 {
		return Round{}, false
	}
	r = Round{
		FormatVersion: FormatVersion, Benchmark: s.Benchmark, Label: s.Label, Number: s.Round, RuleVersion: s.RuleVersion, EstimatorVersion: s.estimator,
		Cluster: s.cluster, SpentGPUHours: s.SpentGPUHours,
	}
	for _, n := range s.Next {
		i := slices.IndexFunc(p.Runs, func(r *Run) bool { return r.Address == n.Address })
		r.Runs = append(r.Runs, RoundRun{n.Address, p.Runs[i].Fingerprint, n.Samples, n.Reason})
	}
	return r, true
}

// Unmet are the use cases of which no candidate meets the bounds, none while the search
// goes on.
func (s *Search) Unmet() []string {
	if s.State == search.Open {
		return nil
	}
	return s.unmet
}

// Unmet are those of all searches, as BENCHMARK/LABEL for USE_CASE.
func (p *Plan) Unmet() []string {
	var out []string
	for _, s := range p.Searches {
		for _, u := range s.Unmet() {
			out = append(out, s.Name()+" for "+u)
		}
	}
	return out
}

// searched are the searches of a benchmark.
func (b *builder) searched(benchmark string) []*schema.Search {
	for _, bench := range b.Definitions.Benchmarks {
		if bench.Label == benchmark {
			return bench.Searches
		}
	}
	return nil
}

// A searching is a search that is being decided.
type searching struct {
	*Search
	definition *schema.Search
	list       []candidate
	goal       search.Goal
	account    SearchAccount
	rest       []SearchNext // of a round that was written down
}

// search decides which candidates of each search are next.
func (b *builder) search(p *Plan, list []candidate) hcl.Diagnostics {
	var diags hcl.Diagnostics
	var all []*searching
	for _, bench := range b.Definitions.Benchmarks {
		var of []candidate
		for _, c := range list {
			if len(bench.Searches) > 0 && c.cell.Benchmark == bench.Label {
				of = append(of, c)
			}
		}
		for _, def := range bench.Searches {
			if len(of) == 0 {
				continue
			}
			more := checkSearch(def, of)
			diags = append(diags, more...)
			if !more.HasErrors() {
				all = append(all, newSearching(bench.Label, def, of))
			}
		}
	}
	diags = merge(diags)
	if diags.HasErrors() {
		return diags
	}
	if err := b.searchAll(p, all); err != nil {
		return append(diags, storeError(err))
	}
	return diags
}

func (b *builder) searchAll(p *Plan, all []*searching) error {
	underWay := false
	for _, s := range all {
		p.Searches = append(p.Searches, s.Search)
		if b.Ledger != nil {
			account, err := b.Ledger.Search(s.Benchmark, s.Label, s.Simulated)
			if err != nil {
				return err
			}
			s.account = account
		}
		s.resume(b.Selection.Retry)
		underWay = underWay || s.Begun && s.account.Begun >= s.Round
	}
	for _, s := range all {
		if err := b.ask(s, !s.Begun && !underWay); err != nil {
			return err
		}
	}
	for _, s := range all {
		s.act()
	}
	return nil
}

func newSearching(benchmark string, def *schema.Search, list []candidate) *searching {
	first := list[0].run
	s := &searching{definition: def, list: list, Search: &Search{
		Benchmark: benchmark, Label: def.Label, Bounds: []SearchBound{}, RuleVersion: search.Version,
		MaxRuns: def.MaxRuns, Candidates: len(list), Next: []SearchNext{}, Best: []SearchBest{}, NotMeasured: []SearchReason{},
		Simulated: first.Simulated, cluster: first.cluster,
	}}
	if def.Minimize {
		s.Minimize = Text(def.Metric)
	} else {
		s.Maximize = Text(def.Metric)
	}
	if first.Estimate != nil {
		s.estimator = first.Estimate.ModelVersion
	}
	costs := make([]float64, len(list))
	for i, c := range list {
		costs[i] = c.mostGPUHours()
	}
	if s.MaxRuns == 0 {
		s.MaxRuns = len(list)
	}
	slices.SortFunc(costs, func(a, b float64) int { return cmp.Compare(b, a) })
	if def.MaxGPUHours != nil {
		s.MaxGPUHours = *def.MaxGPUHours
	} else {
		for _, cost := range costs[:min(s.MaxRuns, len(costs))] {
			s.MaxGPUHours += cost
		}
	}
	s.goal = search.Goal{Metric: def.Metric, Minimize: def.Minimize, MaxRuns: s.MaxRuns, MaxGPUHours: s.MaxGPUHours, Samples: max(1, list[0].cell.Samples)}
	for _, bound := range def.Bounds {
		s.Bounds = append(s.Bounds, SearchBound{bound.Metric, bound.Max, bound.Min})
		s.goal.Bounds = append(s.goal.Bounds, search.Bound{Metric: bound.Metric, Max: bound.Max, Min: bound.Min})
	}
	return s
}

// mostGPUHours is what a sample can cost at most: in a job that it may share, also what
// goes on before and after it. A job costs no more than this for each of its samples.
func (c candidate) mostGPUHours() float64 {
	how := c.place.Target.Packing()
	if how == nil || how.SharedOnly && !c.run.Shared() {
		return c.run.GPUHoursLimit()
	}
	return float64(c.run.Hardware.GPUs) * how.Limit([]*Run{c.run}).Hours()
}

// resume finds what is left of the last round that was written down. What the budget
// does not allow any more is left out.
func (s *searching) resume(retry bool) {
	s.SpentGPUHours = s.account.GPUHours
	used := map[string]bool{}
	for _, r := range s.account.Rounds {
		s.Round = r.Number
		for _, one := range r.Runs {
			used[r.Cluster+"/"+one.Fingerprint] = true
		}
	}
	s.LeftRuns = max(0, s.MaxRuns-len(used))
	if len(s.account.Rounds) == 0 {
		return
	}
	last := s.account.Rounds[len(s.account.Rounds)-1]
	hours := s.MaxGPUHours - s.SpentGPUHours
	for _, one := range last.Runs {
		i := slices.IndexFunc(s.list, func(c candidate) bool { return c.run.Fingerprint == one.Fingerprint && c.run.cluster == last.Cluster })
		if i < 0 {
			continue // no candidate any more
		}
		run := s.list[i].run
		have := run.State.Valid + run.State.Suspect
		if have >= one.Samples || len(run.State.InFlight) == 0 && run.finalFailure(true) != nil && !retry {
			continue
		}
		if missing := one.Samples - have - len(run.State.InFlight); missing > 0 {
			cost := float64(missing) * s.list[i].mostGPUHours()
			if cost > hours+1e-6 {
				continue
			}
			hours -= cost
		}
		s.rest = append(s.rest, SearchNext{run.Address, one.Samples, one.Reason})
	}
	s.Begun = len(s.rest) > 0
}

// finalFailure is a failure that no new attempt follows. That of a run which a search
// has tried is one once its retries are used up.
func (r *Run) finalFailure(tried bool) *Failed {
	if f := r.State.repeats(); f != nil || len(r.State.Failed) == 0 || !tried {
		return f
	}
	last := &r.State.Failed[len(r.State.Failed)-1]
	switch {
	case r.transient && last.Code == failure.Lost: // it ended with the process that was killed
		return nil
	case last.Code.Entry().Retry == failure.NoRetry, len(r.State.Failed)+len(r.State.Earlier) > r.retries:
		return last
	}
	return nil
}

// ask asks the rule, and takes its answer for the next round where it may.
func (b *builder) ask(s *searching, take bool) error {
	tried := map[string]bool{}
	for _, r := range s.account.Rounds {
		for _, one := range r.Runs {
			tried[r.Cluster+"/"+one.Fingerprint] = true
		}
	}
	positions, options := axesOf(s.list)
	list := make([]search.Candidate, len(s.list))
	for i, c := range s.list {
		run := c.run
		list[i] = search.Candidate{
			Address: run.Address, UseCase: run.UseCase.Label, Position: positions[i], Options: options[i], GPUHours: c.mostGPUHours(),
			Predicted: predictedFigures(run), Tried: tried[run.cluster+"/"+run.Fingerprint],
		}
		if f := run.finalFailure(list[i].Tried); f != nil && !b.Selection.Retry {
			list[i].Failed = string(f.Code)
		}
		switch {
		case run.Replaced():
			list[i].First = replaceReason
		case b.Ledger != nil:
			samples, err := b.Ledger.Figures(run.Fingerprint, run.cluster, run.Simulated)
			if err != nil {
				return err
			}
			list[i].Samples = samples
		}
		if len(list[i].Samples) > 0 {
			s.Measured++
		}
	}
	sd := noise.Assumed
	if b.Ledger != nil {
		var err error
		if sd, err = b.Ledger.Noise(s.list[0].run.Image.Name, s.cluster, s.Simulated); err != nil {
			return err
		}
	}
	figures := trtllm.Figures()
	d := search.Next(s.goal, list, max(sd, leastNoise), search.Spent{Runs: s.MaxRuns - s.LeftRuns, GPUHours: s.SpentGPUHours}, func(metric string) bool {
		return figures[metric].Percentile != ""
	})
	s.State, s.unmet = d.State, d.Unmet
	next := map[string]bool{}
	switch {
	case s.Begun:
		s.Next, s.State = s.rest, search.Open
	case take && d.State == search.Open:
		s.Round++
		for _, c := range d.Next {
			s.Next = append(s.Next, SearchNext{c.Address, c.Samples, c.Reason})
		}
	}
	for _, n := range s.Next {
		next[n.Address] = true
	}
	for _, c := range d.Next {
		i := slices.IndexFunc(list, func(o search.Candidate) bool { return o.Address == c.Address })
		if !next[c.Address] && len(list[i].Samples) == 0 {
			s.NotMeasured = append(s.NotMeasured, SearchReason{c.Address, "others come first"})
		}
	}
	for _, n := range d.NotMeasured {
		if !next[n.Address] {
			s.NotMeasured = append(s.NotMeasured, SearchReason(n))
		}
	}
	for _, one := range d.Best {
		s.Best = append(s.Best, SearchBest{
			UseCase: one.UseCase, Address: one.Address, Value: fourDigits(one.Value), Low: fourDigits(one.Low), High: fourDigits(one.High),
			Better: Text(one.Better), Stops: Text(one.Stops), Frontier: append([]string{}, one.Frontier...),
		})
	}
	return nil
}

// leastNoise is the relative standard deviation that the rule is told where samples lie
// closer together: simulations are all the same.
const leastNoise = 0.001

// act gives the candidates their actions: those that are next are measured, the others
// keep what they have. The first search that asks for a run pays for it.
func (s *searching) act() {
	next := map[string]SearchNext{}
	for _, n := range s.Next {
		next[n.Address] = n
	}
	why := map[string]string{}
	for _, n := range s.NotMeasured {
		why[n.Address] = n.Reason
	}
	for _, c := range s.list {
		r := c.run
		have := r.State.Valid + r.State.Suspect
		n, chosen := next[r.Address]
		switch {
		case r.Asked.Search != "": // by an earlier search
			if chosen {
				r.State.Wanted = max(r.State.Wanted, n.Samples)
			}
		case chosen:
			r.Asked = InRound{s.Name(), s.Round}
			r.State.Wanted = n.Samples
			switch {
			case r.State.Missing() == 0:
				r.Action, r.Reason = Wait, "in flight"
			case r.Replaced():
			default:
				r.Action, r.Reason, r.Changes = Measure, fmt.Sprintf("search %s, round %d", s.Label, s.Round), []Change{}
			}
		case len(r.State.InFlight) > 0:
			r.Action, r.Reason, r.Changes = Wait, "in flight", []Change{}
			r.State.Wanted = have + len(r.State.InFlight)
		case have > 0:
			r.Action, r.Reason, r.Changes = Keep, "measured", []Change{}
			r.State.Wanted = have
		default:
			r.Action, r.Reason, r.Changes = Candidate, why[r.Address], []Change{}
		}
	}
}

// predictedFigures is what the estimate of a run says of the figures of a report. A
// percentile has the prediction of its metric.
func predictedFigures(r *Run) map[string]float64 {
	out := map[string]float64{}
	e := r.Estimate
	if e == nil || e.OutputThroughputPerGPU == nil {
		return out
	}
	tps := e.OutputThroughputPerGPU.Mid
	out[trtllm.OutputThroughputPerGPU] = tps
	out[trtllm.OutputThroughput] = tps * float64(r.Hardware.GPUs)
	if e.MeasureSeconds != nil {
		out[trtllm.TotalLatency] = 1000 * e.MeasureSeconds.Mid
	}
	if isl, osl := r.UseCase.ISL, r.UseCase.OSL; isl != nil && osl != nil && *osl > 0 {
		out[trtllm.RequestThroughput] = out[trtllm.OutputThroughput] / float64(*osl)
		out[trtllm.TotalThroughput] = out[trtllm.OutputThroughput] * float64(*isl+*osl) / float64(*osl)
		if n, ok := r.Arguments.Int("concurrency"); ok && n > 0 {
			out[trtllm.AvgRequestLatency] = 1000 * float64(n) / out[trtllm.RequestThroughput]
			out[trtllm.OutputThroughputPerUser] = out[trtllm.OutputThroughput] / float64(n)
		}
	}
	if e.AvgTTFT != nil {
		out[trtllm.AvgTTFT] = e.AvgTTFT.Mid
	}
	if e.AvgTPOT != nil {
		out[trtllm.AvgTPOT], out[trtllm.OutputSpeed] = e.AvgTPOT.Mid, 1000/e.AvgTPOT.Mid
	}
	for name, f := range trtllm.Figures() {
		if v, ok := out[f.Name]; ok && f.Percentile != "" {
			out[name] = v
		}
	}
	return out
}

// axesOf places candidates on the axes of their addresses: on those along which some
// prediction changes by their order, and by their labels on the others, which
// predictions do not see.
func axesOf(list []candidate) (positions [][]float64, options [][]string) {
	var names []string
	values := make([]map[string]string, len(list))
	for i, c := range list {
		values[i] = map[string]string{}
		for component := range strings.SplitSeq(c.run.Address, "/") {
			name, value, ok := strings.Cut(component, "=")
			if !ok || name == "use_case" {
				continue
			}
			if values[i][name] = value; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	positions, options = make([][]float64, len(list)), make([][]string, len(list))
	for _, name := range names {
		seen := predictionsSee(name, list)
		place := placesOf(name, values)
		for i := range list {
			if value := values[i][name]; seen {
				positions[i] = append(positions[i], place[value])
			} else if value == "" {
				options[i] = append(options[i], "")
			} else {
				options[i] = append(options[i], name+"="+value)
			}
		}
	}
	return positions, options
}

// predictionsSee reports whether predictions differ between some runs that differ in
// this axis alone. Without predictions only numbers are taken for an order.
func predictionsSee(axis string, list []candidate) bool {
	type figures [3]float64
	first := map[string]figures{}
	predicted := false
	for _, c := range list {
		var rest []string
		numeric := true
		for component := range strings.SplitSeq(c.run.Address, "/") {
			if name, value, _ := strings.Cut(component, "="); name != axis {
				rest = append(rest, component)
			} else if _, err := strconv.ParseFloat(value, 64); err != nil {
				numeric = false
			}
		}
		e := c.run.Estimate
		if e == nil || e.OutputThroughputPerGPU == nil {
			if numeric {
				return true
			}
			continue
		}
		predicted = true
		now := figures{e.OutputThroughputPerGPU.Mid}
		if e.AvgTTFT != nil {
			now[1] = e.AvgTTFT.Mid
		}
		if e.AvgTPOT != nil {
			now[2] = e.AvgTPOT.Mid
		}
		key := strings.Join(rest, "/")
		if was, ok := first[key]; ok && was != now {
			return true
		}
		first[key] = now
	}
	return predicted && len(first) == len(list) // one value: nothing to see
}

// placesOf places the values of an axis from 0 to 1: numbers by size, before other
// labels in their order.
func placesOf(axis string, values []map[string]string) map[string]float64 {
	var labels []string
	for _, of := range values {
		if value, ok := of[axis]; ok && !slices.Contains(labels, value) {
			labels = append(labels, value)
		}
	}
	size := func(label string) float64 {
		if n, err := strconv.ParseFloat(label, 64); err == nil {
			return n
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(labels, func(a, b string) int { return cmp.Compare(size(a), size(b)) })
	places := map[string]float64{}
	for i, label := range labels {
		places[label] = float64(i) / float64(max(1, len(labels)-1))
	}
	return places
}

// checkSearch refuses a search that cannot be judged or afforded.
func checkSearch(s *schema.Search, list []candidate) hcl.Diagnostics {
	var diags hcl.Diagnostics
	refuse := func(place hcl.Range, summary, format string, args ...any) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &place})
	}
	figures := trtllm.Figures()
	names := slices.Sorted(maps.Keys(figures))
	goal := "maximize"
	if s.Minimize {
		goal = "minimize"
	}
	used := []struct {
		name  string
		place hcl.Range
	}{{s.Metric, s.Ranges[goal]}}
	for _, b := range s.Bounds {
		used = append(used, struct {
			name  string
			place hcl.Range
		}{b.Metric, b.Range})
	}
	for _, u := range used {
		f, ok := figures[u.name]
		if !ok {
			refuse(u.place, "Unknown metric", "There is no metric %q.%s", u.name, metricMeant(u.name, names))
			continue
		}
		for _, c := range list {
			if f.Streaming && !c.run.Arguments.Bool("streaming") {
				refuse(u.place, "Metric needs streaming", "%s is measured only where responses are streamed, and streaming is off. Set streaming = true in the benchmark.", u.name)
			} else if f.Streaming || f.Waits {
				diags = append(diags, steady(u.name, c)...)
			}
		}
	}
	least := math.Inf(1)
	for _, c := range list {
		least = min(least, c.mostGPUHours())
		if c.cell.Precision > 0 {
			diags = append(diags, cellError(c.cell, "precision", "Precision beside a search",
				"A search decides by itself where more samples are worth their cost, so precision has no place in its benchmark. Remove it; samples = 3 gives the best run, and those that cannot be told from it, three samples each."))
		}
	}
	if s.MaxGPUHours != nil && *s.MaxGPUHours < least {
		refuse(s.Ranges["max_gpu_hours"], "Budget below one run", "The cheapest candidate can cost %.1f GPU-hours by its time limit, and max_gpu_hours is %g: nothing could be measured. Raise max_gpu_hours, or shorten time_limit.", least, *s.MaxGPUHours)
	}
	return diags
}

// metricMeant is a sentence with the metric that was meant by a name, else with all: one
// that is spelled like it, or the shortest that has all its words, as ttft_ms_p99 has
// those of ttft_p99.
func metricMeant(name string, names []string) string {
	if hint := schema.DidYouMean(name, names); hint != "" {
		return hint
	}
	meant := ""
	for _, n := range names {
		words := strings.Split(n, "_")
		other := slices.ContainsFunc(strings.Split(name, "_"), func(w string) bool { return !slices.Contains(words, w) })
		if !other && (meant == "" || len(n) < len(meant)) {
			meant = n
		}
	}
	if meant != "" {
		return fmt.Sprintf(" Did you mean %q?", meant)
	}
	return " The metrics are " + strings.Join(names, ", ") + "."
}

// steady refuses a candidate without a steady window for a metric that is judged there.
func steady(metric string, c candidate) hcl.Diagnostics {
	requests, ok := c.run.Arguments.Int("num_requests")
	if !ok || requests < 1 {
		requests = c.run.Dataset.Rows
	}
	concurrency, ok := c.run.Arguments.Int("concurrency")
	switch {
	case !ok || concurrency < 1:
		return hcl.Diagnostics{cellError(c.cell, "concurrency", "No steady window", fmt.Sprintf(
			"%s is judged while as many requests run as concurrency allows. Without a limit all requests are sent at once, and most of the time that they take is waiting. Set concurrency, for example as an axis of the matrix.", metric))}
	case requests < 4*concurrency:
		return hcl.Diagnostics{cellError(c.cell, "num_requests", "No steady window", fmt.Sprintf(
			"%s is judged while as many requests run as concurrency allows, and with fewer than 4 requests for each there is no such time. Write num_requests = max(%d, 4 * each.concurrency).", metric, requests))}
	}
	return nil
}
