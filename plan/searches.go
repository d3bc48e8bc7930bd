package plan

import (
	"cmp"
	"fmt"
	"slices"
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
	Benchmark string         `json:"benchmark"`
	Label     string         `json:"label"`
	Maximize  Text           `json:"maximize"`
	Minimize  Text           `json:"minimize"`
	Bounds    []search.Bound `json:"bounds"`
	// MaxRuns and MaxGPUHours bound all rounds together. Where the definitions do not
	// give one, it follows from the other: all candidates, or the dearest ones.
	MaxRuns     int     `json:"max_runs"`
	MaxGPUHours float64 `json:"max_gpu_hours"`
	RuleVersion string  `json:"rule_version"`
	// Round is that of Next, or the last one where nothing is next.
	Round         int             `json:"round"`
	Candidates    int             `json:"candidates"`
	Measured      int             `json:"measured"`
	SpentGPUHours float64         `json:"spent_gpu_hours"`
	LeftRuns      int             `json:"left_runs"`
	State         search.State    `json:"state"`
	Next          []search.Choice `json:"next"`
	Best          []SearchBest    `json:"best"`
	// NotMeasured are the candidates without a sample that are not next, with the
	// reason.
	NotMeasured []search.Reasoned `json:"not_measured"`
	// Notes are what is to be known of the candidates together; each has them too.
	Notes []Note `json:"notes"`

	// Begun says that the round of Next was written down before.
	Begun     bool `json:"-"`
	Simulated bool `json:"-"`
	// AllGPUHours is what a sample of every candidate can cost at most together.
	AllGPUHours float64 `json:"-"`
	cluster     string
	estimator   string
	unmet       []string
	wave        time.Time // see Round.Created
}

// SearchBest is the best measured run of a use case within the bounds. Better is the
// next better one that a bound stops, as Stops says; null for none. Frontier are the
// measured runs that no other beats in the metric and all bounded metrics.
type SearchBest struct {
	UseCase string  `json:"use_case"`
	Address string  `json:"address"`
	Value   float64 `json:"value"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	// Tied are the measured runs within the bounds that cannot be told from it, with the
	// reason.
	Tied     []search.Reasoned `json:"tied"`
	Better   Text              `json:"better"`
	Stops    Text              `json:"stops"`
	Frontier []string          `json:"frontier"`
}

// A Round is what a search decided to measure next. It is written down before the first
// of its runs is submitted, and not changed afterwards.
type Round struct {
	FormatVersion    string  `json:"format_version"`
	Benchmark        string  `json:"benchmark"`
	Label            string  `json:"label"`
	Number           int     `json:"round"`
	RuleVersion      string  `json:"rule_version"`
	EstimatorVersion string  `json:"estimator_version"`
	Cluster          string  `json:"cluster"`
	SpentGPUHours    float64 `json:"spent_gpu_hours"`
	Plan             string  `json:"plan,omitempty"` // SHA-256 of the saved plan that was applied
	// Created is when it was written down. Rounds of several searches that were decided
	// together have the same time. All of them end before any search begins its next
	// round, so that no kill changes what a search knows when it decides.
	Created time.Time  `json:"created"`
	Runs    []RoundRun `json:"runs"`
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
// attempts have cost or may still cost, and the last round with an attempt. Tried are the
// rounds, of any search, that the attempts at the runs of the last one were made for, by
// fingerprint.
type SearchAccount struct {
	Rounds   []Round
	GPUHours float64
	Begun    int
	Tried    map[string][]InRound
}

// Name is how intents name the search.
func (s *Search) Name() string { return s.Benchmark + "/" + s.Label }

// Metric is what the search is for.
func (s *Search) Metric() string { return string(cmp.Or(s.Maximize, s.Minimize)) }

// leftGPUHours is what the search may still spend, 0 for one that has ended.
func (s *Search) leftGPUHours() float64 {
	if s.State != search.Open {
		return 0
	}
	return max(0, s.MaxGPUHours-s.SpentGPUHours)
}

// NextRound is the round to be written down before anything of it is submitted; ok is
// false where there is none. Its time is zero unless it belongs to rounds that are
// written down already.
func (s *Search) NextRound(p *Plan) (r Round, ok bool) {
	if s.Begun || len(s.Next) == 0 {
		return Round{}, false
	}
	r = Round{
		FormatVersion: FormatVersion, Benchmark: s.Benchmark, Label: s.Label, Number: s.Round, RuleVersion: s.RuleVersion, EstimatorVersion: s.estimator,
		Cluster: s.cluster, SpentGPUHours: s.SpentGPUHours, Created: s.wave,
	}
	for _, n := range s.Next {
		i := slices.IndexFunc(p.Runs, func(r *Run) bool { return r.Address == n.Address })
		r.Runs = append(r.Runs, RoundRun{n.Address, p.Runs[i].Fingerprint, n.Samples, n.Reason})
	}
	return r, true
}

// Unmet are the use cases of which no candidate meets the bounds, none until the search
// has ended.
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

// A space is the candidates of a benchmark, and what all its searches ask about them.
type space struct {
	list       []candidate
	costs      []float64          // what a sample of each can cost at most, however it shares a job
	all        float64            // what a sample of every candidate can
	candidates []search.Candidate // without what a search tried
	noise      float64
	shapes     map[*Run]string
	notes      []Note
}

func newSpace(list []candidate, changeOutput []string) *space {
	sp := &space{list: list, shapes: map[*Run]string{}, notes: outputNotChecked(list, changeOutput)}
	for _, c := range list {
		c.run.Notes = append(slices.Clip(c.run.Notes), sp.notes...)
		sp.costs = append(sp.costs, c.mostGPUHours())
		if c.place.Renderer.Packing() != nil {
			sp.shapes[c.run] = c.run.shape()
		}
	}
	every := make([]int, len(list))
	for i := range every {
		every[i] = i
	}
	sp.all = sp.cost(every)
	return sp
}

// cost is what samples that are measured together can cost at most, in GPU-hours and in
// the jobs that share puts them into; each is given by the index of its candidate.
func (sp *space) cost(samples []int) float64 {
	sum := 0.0
	var renderers []JobRenderer
	runs := map[JobRenderer][]*Run{}
	for _, i := range samples {
		c := sp.list[i]
		sum += c.run.GPUHoursLimit()
		if t := c.place.Renderer; t.Packing() != nil {
			if runs[t] == nil {
				renderers = append(renderers, t)
			}
			runs[t] = append(runs[t], c.run)
		}
	}
	for _, t := range renderers {
		for _, members := range t.Packing().jobs(runs[t], sp.shapeOf) {
			for _, r := range members {
				sum -= r.GPUHoursLimit()
			}
			sum += t.Packing().GPUHours(members)
		}
	}
	return sum
}

func (sp *space) shapeOf(r *Run) string { return sp.shapes[r] }

// A searching is a search that is being decided.
type searching struct {
	*Search
	*space
	goal    search.Goal
	account SearchAccount
	tried   map[string]bool // by cluster and fingerprint, what its rounds named
	rest    []search.Choice // of a round that was written down
}

func (s *searching) hasTried(r *Run) bool { return s.tried[r.cluster+"/"+r.Fingerprint] }

// search decides which candidates of each search are next.
func (b *builder) search(p *Plan, list []candidate) hcl.Diagnostics {
	var diags hcl.Diagnostics
	var all []*searching
	for _, bench := range b.Definitions.Benchmarks {
		if len(bench.Searches) == 0 {
			continue
		}
		var of []candidate
		for _, c := range list {
			if c.cell.Benchmark == bench.Label {
				of = append(of, c)
			}
		}
		if len(of) == 0 {
			continue
		}
		sp := newSpace(of, b.Catalog.Output)
		for _, def := range bench.Searches {
			more := checkSearch(def, sp)
			diags = append(diags, more...)
			if !more.HasErrors() {
				all = append(all, newSearching(bench.Label, def, sp))
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
	var began time.Time // the newest round with an attempt
	waves := map[InRound]time.Time{}
	for _, s := range all {
		p.Searches = append(p.Searches, s.Search)
		if s.candidates == nil {
			if err := b.describe(s.space); err != nil {
				return err
			}
		}
		if b.Ledger != nil {
			account, err := b.Ledger.Search(s.Benchmark, s.Label, s.Simulated)
			if err != nil {
				return err
			}
			s.account = account
		}
		for _, r := range s.account.Rounds {
			waves[InRound{s.Name(), r.Number}] = r.Created
		}
		if n := s.account.Begun; n > 0 && n <= len(s.account.Rounds) && s.account.Rounds[n-1].Created.After(began) {
			began = s.account.Rounds[n-1].Created
		}
	}
	underWay, wave := false, time.Time{}
	for _, s := range all {
		if s.resume(waves, b.Selection.Retry); !s.Begun {
			continue
		}
		if created := s.account.Rounds[len(s.account.Rounds)-1].Created; created.After(began) {
			wave = created // apply ended before it had written all of them
		} else {
			underWay = true
		}
	}
	for _, s := range all {
		s.wave = wave
		s.ask(!s.Begun && !underWay, b.Selection.Retry)
	}
	for _, s := range all {
		s.act()
	}
	return nil
}

func newSearching(benchmark string, def *schema.Search, sp *space) *searching {
	first := sp.list[0].run
	s := &searching{space: sp, Search: &Search{
		Benchmark: benchmark, Label: def.Label, Bounds: []search.Bound{}, RuleVersion: search.Version,
		MaxRuns: cmp.Or(def.MaxRuns, len(sp.list)), Candidates: len(sp.list), Next: []search.Choice{}, Best: []SearchBest{}, NotMeasured: []search.Reasoned{}, Notes: sp.notes,
		Simulated: first.Simulated, cluster: first.cluster, AllGPUHours: sp.all,
	}}
	if def.Minimize {
		s.Minimize = Text(def.Metric)
	} else {
		s.Maximize = Text(def.Metric)
	}
	if first.Estimate != nil {
		s.estimator = first.Estimate.ModelVersion
	}
	if def.MaxGPUHours != nil {
		s.MaxGPUHours = *def.MaxGPUHours
	} else {
		dearest := slices.Sorted(slices.Values(sp.costs))
		slices.Reverse(dearest)
		for _, cost := range dearest[:min(s.MaxRuns, len(dearest))] {
			s.MaxGPUHours += cost
		}
	}
	s.goal = search.Goal{Metric: def.Metric, Minimize: def.Minimize, MaxRuns: s.MaxRuns, MaxGPUHours: s.MaxGPUHours, Samples: max(1, sp.list[0].cell.Samples)}
	for _, bound := range def.Bounds {
		s.Bounds = append(s.Bounds, search.Bound{Metric: bound.Metric, Max: bound.Max, Min: bound.Min})
	}
	s.goal.Bounds = s.Bounds
	return s
}

// mostGPUHours is what a sample can cost at most: in a job that it may share, also what
// happens before and after it. A job costs no more than this for each of its samples.
func (c candidate) mostGPUHours() float64 {
	how := c.place.Renderer.Packing()
	if how == nil || how.SharedOnly && !c.run.Shared() {
		return c.run.GPUHoursLimit()
	}
	return float64(c.run.Hardware.GPUs) * how.Limit([]*Run{c.run}).Hours()
}

// resume finds what is left of the last round that was written down: a failure ends a run
// that was tried in it, or in one that was decided together with it. What the budget does
// not allow any more is left out. waves are when rounds were written down.
func (s *searching) resume(waves map[InRound]time.Time, retry bool) {
	s.SpentGPUHours = s.account.GPUHours
	s.tried = map[string]bool{}
	for _, r := range s.account.Rounds {
		s.Round = r.Number
		for _, one := range r.Runs {
			s.tried[r.Cluster+"/"+one.Fingerprint] = true
		}
	}
	s.LeftRuns = max(0, s.MaxRuns-len(s.tried))
	if len(s.account.Rounds) == 0 {
		return
	}
	last := s.account.Rounds[len(s.account.Rounds)-1]
	var rest []int // samples
	for _, one := range last.Runs {
		i := slices.IndexFunc(s.list, func(c candidate) bool { return c.run.Fingerprint == one.Fingerprint && c.run.cluster == last.Cluster })
		if i < 0 {
			continue // no candidate any more
		}
		run := s.list[i].run
		have := run.State.Valid + run.State.Suspect
		tried := slices.ContainsFunc(s.account.Tried[one.Fingerprint], func(in InRound) bool { return waves[in].Equal(last.Created) })
		if have >= one.Samples || len(run.State.InFlight) == 0 && tried && run.finalFailure(true) != nil && !retry {
			continue
		}
		with := slices.Clone(rest)
		for range one.Samples - have - len(run.State.InFlight) {
			with = append(with, i)
		}
		if len(with) > len(rest) && s.cost(with) > s.MaxGPUHours-s.SpentGPUHours+1e-6 {
			continue
		}
		rest = with
		s.rest = append(s.rest, search.Choice{Address: run.Address, Samples: one.Samples, Reason: one.Reason})
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
	case last.Code.Entry().Retry == failure.NoRetry, r.State.Tries > r.retries:
		return last
	}
	return nil
}

// describe adds what is known of the candidates: by predictions, and by the store.
func (b *builder) describe(sp *space) error {
	positions, options := axesOf(sp.list)
	sp.candidates = make([]search.Candidate, len(sp.list))
	for i, c := range sp.list {
		run, known := c.run, &sp.candidates[i]
		*known = search.Candidate{
			Address: run.Address, UseCase: run.UseCase.Label, Position: positions[i], Options: options[i],
			Predicted: predictedFigures(run),
		}
		switch {
		case run.Replaced():
			known.First = replaceReason
		case b.Ledger != nil:
			var err error
			if known.Samples, known.Counted, err = b.Ledger.Figures(run.Fingerprint, run.cluster, run.Simulated); err != nil {
				return err
			}
		}
	}
	sd := noise.Assumed
	if b.Ledger != nil {
		first := sp.list[0].run
		var err error
		if sd, err = b.Ledger.Noise(first.Image.Name, first.cluster, first.Simulated); err != nil {
			return err
		}
	}
	sp.noise = max(sd, leastNoise)
	return nil
}

// ask asks the rule, and takes its answer for the next round where it may.
func (s *searching) ask(take, retry bool) {
	list := slices.Clone(s.candidates)
	for i, c := range s.list {
		list[i].Tried = s.hasTried(c.run)
		switch f := c.run.finalFailure(list[i].Tried); {
		case f == nil:
		case retry:
			list[i].First = cmp.Or(list[i].First, "asked for with -retry")
		default:
			list[i].Failed = string(f.Code)
		}
		if len(list[i].Samples) > 0 {
			s.Measured++
		}
	}
	figures := trtllm.Figures()
	d := search.Next(s.goal, list, s.noise, search.Spent{Runs: s.MaxRuns - s.LeftRuns, GPUHours: s.SpentGPUHours}, func(metric string) bool {
		return figures[metric].Percentile != ""
	}, s.cost)
	s.State, s.unmet = d.State, d.Unmet
	next := map[string]bool{}
	switch {
	case s.Begun:
		s.Next, s.State = s.rest, search.Open
	case take && d.State == search.Open:
		s.Round++
		s.Next = append(s.Next, d.Next...)
	}
	for _, n := range s.Next {
		next[n.Address] = true
	}
	for _, c := range d.Next {
		i := slices.IndexFunc(list, func(o search.Candidate) bool { return o.Address == c.Address })
		if !next[c.Address] && len(list[i].Samples) == 0 {
			s.NotMeasured = append(s.NotMeasured, search.Reasoned{Address: c.Address, Reason: "others come first"})
		}
	}
	for _, n := range d.NotMeasured {
		if !next[n.Address] {
			s.NotMeasured = append(s.NotMeasured, n)
		}
	}
	for _, one := range d.Best {
		s.Best = append(s.Best, SearchBest{
			UseCase: one.UseCase, Address: one.Address, Value: digits(one.Value, 6), Low: digits(one.Low, 6), High: digits(one.High, 6), Tied: s.tied(one),
			Better: Text(one.Better), Stops: Text(one.Stops), Frontier: append([]string{}, one.Frontier...),
		})
	}
}

// tied are the runs that cannot be told from the best: simulated ones also where they
// differ in what simulations leave out.
func (s *searching) tied(best search.Best) []search.Reasoned {
	estimateOf := func(address string) *Estimate {
		return s.list[slices.IndexFunc(s.list, func(c candidate) bool { return c.run.Address == address })].run.Estimate
	}
	out := []search.Reasoned{}
	for _, t := range best.Tied {
		if a, b := estimateOf(best.Address), estimateOf(t.Address); s.Simulated && a != nil && b != nil {
			if names := a.LeavesOut(b); len(names) > 0 {
				t.Reason = "simulations do not account for " + strings.Join(names, ", ")
			}
		}
		out = append(out, t)
	}
	return out
}

// leastNoise is the relative standard deviation that the rule is told where samples lie
// closer together: simulations are all the same.
const leastNoise = 0.001

// act gives the candidates their actions: those that are next are measured, the others
// keep what they have. The first search that asks for a run pays for it.
func (s *searching) act() {
	next := map[string]search.Choice{}
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
