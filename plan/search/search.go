// Package search chooses which candidates of a closed set to measure next, for the best
// value of a metric within bounds and a budget. Next is a pure function: equal
// arguments give equal answers.
package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/llmbench/llmbench/plan/noise"
)

// Version is the version of the rule. Another one may answer otherwise.
const Version = "2"

// A Goal is what is searched for.
type Goal struct {
	// Metric is the one to maximize, or to minimize.
	Metric   string
	Minimize bool
	Bounds   []Bound
	// MaxRuns bounds how many candidates are measured for this search, MaxGPUHours what
	// their jobs cost.
	MaxRuns     int
	MaxGPUHours float64
	// Samples is how many the best gets, and those that cannot be told from it.
	Samples int
}

// A Bound limits a metric. Max and Min are nil for none.
type Bound struct {
	Metric string   `json:"metric"`
	Max    *float64 `json:"max"`
	Min    *float64 `json:"min"`
}

// A Candidate is what can be measured, and what is known of it.
type Candidate struct {
	Address string
	// UseCase is the row that the candidate belongs to: each has a best of its own.
	UseCase string
	// Position is where it stands on the axes that predictions see, each from 0 to 1.
	// Options are its values on those that they do not see, as axis=value. All
	// candidates have the same axes; one that has no value there has 0 or "".
	Position []float64
	Options  []string
	// Predicted are predictions by metric; any may be missing. Those of Rough metrics
	// are of another figure of the same distribution.
	Predicted map[string]float64
	// Samples are the values of each independent sample, by metric. Counted is how many
	// samples count, where several stand for one because they shared an engine; 0 is
	// as many as Samples.
	Samples []map[string]float64
	Counted int
	// Failed says why it cannot be measured, "" if it can.
	Failed string
	// Tried says that a round of this search named it.
	Tried bool
	// First says that it is to be measured whatever the rule says, and why.
	First string
}

func (c *Candidate) counted() int { return max(c.Counted, len(c.Samples)) }

// Spent is what a search has used of its budget.
type Spent struct {
	Runs     int
	GPUHours float64
}

// A Choice is a candidate to measure next until it has Samples samples that count.
type Choice struct {
	Address string `json:"address"`
	Samples int    `json:"samples"`
	Reason  string `json:"reason"`
}

// A State is where a search stands.
type State string

// The states.
const (
	Open        State = "open"
	Done        State = "done"
	BudgetSpent State = "budget_spent"
	Infeasible  State = "infeasible"
)

// A Best is the best candidate of a use case among those measured, with the interval
// that noise leaves to its value.
type Best struct {
	UseCase, Address string
	Value, Low, High float64
	// Tied are the measured candidates within the bounds that cannot be told from it.
	Tied []Reasoned
	// Better is the nearest measured candidate that is better and outside a bound, Stops
	// says which; both "" where there is none.
	Better, Stops string
	// Frontier are the measured candidates that no other beats in the metric and in
	// all bounded metrics.
	Frontier []string
}

// Reasoned is a candidate with a reason.
type Reasoned struct {
	Address string `json:"address"`
	Reason  string `json:"reason"`
}

// A Decision is what Next says: the runs of the next round, or why there is none.
type Decision struct {
	State State
	Next  []Choice
	// Best has an element for each use case with a candidate within the bounds,
	// NotMeasured one for each candidate without a sample.
	Best        []Best
	NotMeasured []Reasoned
	// Unmet are the use cases without a candidate within the bounds.
	Unmet []string
}

// Constants of the rule. They were set on worlds 1 to 500 of the tests.
const (
	rounds      = 4      // a quarter of the runs goes into a round
	worthwhile  = 0.0001 // expected relative gain below which nothing more is measured
	sure        = 2      // standard deviations
	moreSamples = 3      // of a candidate that one sample leaves in doubt
	unlikely    = 0.02   // to meet the bounds
	rounding    = 1e-9   // of GPU-hours
	cheaper     = 0.5    // the power of how many times less a run costs in a job with others
)

// Next says what to measure next. noise is the relative standard deviation between
// samples of one run. rough tells metrics whose predictions are of another figure of
// the same distribution, such as the mean for a percentile. cost is what samples that
// are measured together can cost at most, in GPU-hours: each is given by the index of
// its candidate.
func Next(g Goal, list []Candidate, noise float64, spent Spent, rough func(metric string) bool, cost func(samples []int) float64) Decision {
	s := &search{
		goal: g, list: list, noise: noise, left: g.MaxRuns - spent.Runs, hours: g.MaxGPUHours - spent.GPUHours, toBeat: map[string]float64{},
		cost: cost, alone: make([]float64, len(list)),
	}
	for i := range list {
		s.alone[i] = cost([]int{i})
	}
	for _, c := range list {
		if !slices.Contains(s.useCases, c.UseCase) {
			s.useCases = append(s.useCases, c.UseCase)
		}
	}
	s.metrics = append(s.metrics, metric{name: g.Metric, rough: rough(g.Metric)})
	for _, b := range g.Bounds {
		if b.Max != nil {
			s.limits = append(s.limits, limit{len(s.metrics), b.Metric, *b.Max, 1, "above"})
		}
		if b.Min != nil {
			s.limits = append(s.limits, limit{len(s.metrics), b.Metric, *b.Min, -1, "below"})
		}
		s.metrics = append(s.metrics, metric{name: b.Metric, rough: rough(b.Metric)})
	}
	rows := map[int][]float64{} // for all metrics
	for i := range s.metrics {
		s.metrics[i].learn(list, rows, noise)
	}
	return s.decide()
}

type search struct {
	goal     Goal
	list     []Candidate
	noise    float64
	left     int     // runs
	hours    float64 // GPU-hours, for all that is chosen
	cost     func(samples []int) float64
	alone    []float64 // what a sample of each costs by itself
	samples  []int     // of what is chosen
	taken    float64   // what they cost
	useCases []string
	metrics  []metric // the goal's, then those of the bounds
	limits   []limit
	chosen   []Choice
	short    bool // the budget kept something from being chosen
	toBeat   map[string]float64
}

// A limit is one side of a bound on a metric: sign is 1 for the largest value, -1 for the
// smallest, and side says where others are.
type limit struct {
	metric   int
	name     string
	at, sign float64
	side     string
}

// room is how far a value is within the limit, both as logarithms.
func (l limit) room(logarithm float64) float64 { return l.sign * (logOf(l.at) - logarithm) }

func (s *search) decide() Decision {
	size := max(1, (s.goal.MaxRuns+rounds-1)/rounds)
	for i, c := range s.list {
		if c.First != "" {
			s.choose(i, c.counted()+1, c.First)
		}
	}
	s.settleDoubts()
	s.firstOfOptions()
	for len(s.chosen) < size && s.mostPromising() {
	}
	if len(s.chosen) == 0 {
		s.sampleBest()
	}
	d := Decision{State: Done, Next: s.chosen}
	for _, u := range s.useCases {
		if b, ok := s.best(u); ok {
			d.Best = append(d.Best, b)
		} else {
			d.Unmet = append(d.Unmet, u)
		}
	}
	switch {
	case len(s.chosen) > 0:
		d.State = Open
	case s.short:
		d.State = BudgetSpent
	case len(d.Unmet) > 0:
		d.State = Infeasible
	}
	for i, c := range s.list {
		if len(c.Samples) == 0 && !s.isTaken(i) {
			d.NotMeasured = append(d.NotMeasured, Reasoned{c.Address, s.whyNot(i)})
		}
	}
	return d
}

// choose names a candidate until it has samples of them, if the budget allows.
func (s *search) choose(i, samples int, reason string) bool {
	c, runs := s.list[i], 1
	if c.Tried {
		runs = 0
	}
	with := slices.Clone(s.samples)
	for range samples - c.counted() {
		with = append(with, i)
	}
	cost := s.cost(with)
	if runs > s.left || cost > s.hours+rounding {
		s.short = true
		return false
	}
	s.left, s.samples, s.taken = s.left-runs, with, cost
	s.chosen = append(s.chosen, Choice{c.Address, samples, reason})
	return true
}

// adds is what a sample of a candidate adds to the cost of what is chosen.
func (s *search) adds(i int) float64 {
	return s.cost(append(s.samples[:len(s.samples):len(s.samples)], i)) - s.taken
}

func (s *search) isTaken(i int) bool {
	return slices.ContainsFunc(s.chosen, func(c Choice) bool { return c.Address == s.list[i].Address })
}

// open reports whether a candidate can be measured for the first time.
func (s *search) open(i int) bool {
	return len(s.list[i].Samples) == 0 && s.list[i].Failed == "" && !s.isTaken(i)
}

// settleDoubts asks for another sample of what may be the best of its use case, but is
// too near to a bound to tell on which side it is.
func (s *search) settleDoubts() {
	for i, c := range s.list {
		_, doubt := s.within(i)
		if doubt == "" || s.isTaken(i) {
			continue
		}
		if best := s.bestOf(c.UseCase, true); best < 0 || s.gain(best, i) > 0 {
			s.choose(i, c.counted()+1, doubt)
		}
	}
}

// gain is by how much, in logarithm, the measured candidate j is better than i.
func (s *search) gain(i, j int) float64 { return s.worth(s.value(0, j)) - s.worth(s.value(0, i)) }

// worth is larger for what is better.
func (s *search) worth(logarithm float64) float64 {
	if s.goal.Minimize {
		return -logarithm
	}
	return logarithm
}

// value is the logarithm of the mean of a metric over the samples of a candidate, NaN
// for none.
func (s *search) value(metric, i int) float64 { return meanOf(s.list[i], s.metrics[metric].name) }

// within reports whether a measured candidate is within all bounds; in doubt says which
// bound more samples would have to decide.
func (s *search) within(i int) (in bool, doubt string) {
	c := s.list[i]
	if len(c.Samples) == 0 {
		return false, ""
	}
	in = !math.IsNaN(s.value(0, i))
	for _, l := range s.limits {
		have := s.value(l.metric, i)
		room := l.room(have)
		if math.IsNaN(room) {
			return false, ""
		}
		if math.Abs(room) < sure*s.noise/math.Sqrt(float64(len(c.Samples))) && len(c.Samples) <= moreSamples && c.Failed == "" {
			doubt = fmt.Sprintf("another sample: %s = %.4g is too near to the bound %g to tell", l.name, math.Exp(have), l.at)
		} else if room < 0 {
			return false, ""
		}
		in = in && room >= 0
	}
	return in, doubt
}

// firstOfOptions measures each value along axes that predictions do not see once in
// each use case, where it is likeliest to be the best: no prediction can rule it out.
func (s *search) firstOfOptions() {
	seen := map[string]bool{}
	for i, c := range s.list {
		if len(c.Samples) > 0 || c.Failed != "" || s.isTaken(i) {
			for _, o := range c.Options {
				seen[c.UseCase+"\n"+o] = true
			}
		}
	}
	for _, c := range s.list {
		for _, o := range c.Options {
			if key := c.UseCase + "\n" + o; !seen[key] && o != "" {
				at := s.pick(func(i int) bool { return s.list[i].UseCase == c.UseCase && slices.Contains(s.list[i].Options, o) })
				if at >= 0 {
					s.choose(at, 1, "first with "+o+", which predictions do not see")
					for _, other := range s.list[at].Options {
						seen[c.UseCase+"\n"+other] = true
					}
					s.believe(at)
				}
			}
		}
	}
}

// pick is the candidate of the largest score among those that are asked for and that the
// budget allows, -1 for none.
func (s *search) pick(asked func(i int) bool) int {
	best, score := -1, math.Inf(-1)
	for i := range s.list {
		if !asked(i) || !s.open(i) {
			continue
		}
		sc, adds := s.score(i), s.adds(i)
		if s.left < 1 || s.taken+adds > s.hours+rounding {
			s.short = s.short || sc >= worthwhile
			continue
		}
		if sc >= worthwhile && adds < s.alone[i]-rounding { // it shares a job
			sc *= math.Pow(s.alone[i]/adds, cheaper)
		}
		if sc > score {
			best, score = i, sc
		}
	}
	return best
}

// mostPromising chooses the candidate with the largest expected gain. It reports whether
// there was one that is worth a run.
func (s *search) mostPromising() bool {
	at := s.pick(func(int) bool { return true })
	if at < 0 || s.score(at) < worthwhile {
		return false
	}
	why := s.why(at)
	if adds := s.adds(at); adds < s.alone[at]-rounding {
		why += fmt.Sprintf("; in a job with others it adds %.1f GPU-hours instead of %.1f", adds, s.alone[at])
	}
	s.choose(at, 1, why)
	s.believe(at)
	return true
}

// believe takes what is expected of a candidate for measured, so that the next one of
// the round is not its neighbour.
func (s *search) believe(i int) {
	for k := range s.metrics {
		s.metrics[k].believe(i)
	}
	clear(s.toBeat)
}

// score is the relative gain to be expected of measuring a candidate, given what is
// the best of its use case.
func (s *search) score(i int) float64 {
	likely, useCase := s.likely(i), s.list[i].UseCase
	worth, ok := s.toBeat[useCase]
	if !ok {
		worth = s.incumbent(useCase)
		s.toBeat[useCase] = worth
	}
	if math.IsInf(worth, -1) {
		return likely * likely // first of all something must be within the bounds
	}
	mean, sd := s.metrics[0].of(i)
	return likely * expectedGain(s.worth(mean)-worth, sd)
}

// incumbent is the worth to beat in a use case. Where nothing is within the bounds yet it
// is below what is expected of those that are likely to be, and infinitely low for none.
func (s *search) incumbent(useCase string) float64 {
	if best := s.bestOf(useCase, true); best >= 0 {
		return s.worth(s.value(0, best))
	}
	hope := math.Inf(-1)
	for i, c := range s.list {
		if mean, _ := s.metrics[0].of(i); c.UseCase == useCase && len(c.Samples) == 0 && c.Failed == "" && s.likely(i) > 0.5 {
			hope = max(hope, s.worth(mean))
		}
	}
	return hope - 0.3
}

// likely is the probability that a candidate meets all bounds.
func (s *search) likely(i int) float64 {
	p := 1.0
	for _, l := range s.limits {
		p *= s.meets(l, i)
	}
	return p
}

// meets is the probability that a candidate meets one of them.
func (s *search) meets(l limit, i int) float64 {
	mean, sd := s.metrics[l.metric].of(i)
	return below(l.room(mean) / sd)
}

// sampleBest asks for the samples of the best of each use case, and of those within the
// bounds that cannot be told from it.
func (s *search) sampleBest() {
	for _, u := range s.useCases {
		best := s.bestOf(u, false)
		if best < 0 {
			continue
		}
		for i, c := range s.list {
			in, _ := s.within(i)
			if c.UseCase != u || !in || c.counted() >= s.goal.Samples || c.Failed != "" || s.isTaken(i) {
				continue
			}
			if s.tied(i, best) {
				reason := "samples of the best"
				if i != best {
					reason = "cannot be told from the best"
				}
				s.choose(i, s.goal.Samples, reason)
			}
		}
	}
}

// tied reports whether noise explains by how much the best of a use case is better than i.
func (s *search) tied(i, best int) bool {
	return s.gain(i, best) <= noise.Explains(s.noise, len(s.list[i].Samples), len(s.list[best].Samples))
}

// bestOf is the best measured candidate of a use case within the bounds, -1 for none.
// Where it must be certain, those count that no more samples can move out.
func (s *search) bestOf(useCase string, certain bool) int {
	best := -1
	for i, c := range s.list {
		in, doubt := s.within(i)
		if c.UseCase == useCase && in && (doubt == "" || !certain) && (best < 0 || s.gain(best, i) > 0) {
			best = i
		}
	}
	return best
}

func (s *search) best(useCase string) (Best, bool) {
	at := s.bestOf(useCase, false)
	if at < 0 {
		return Best{}, false
	}
	value := s.value(0, at)
	half := sure * s.noise / math.Sqrt(float64(len(s.list[at].Samples)))
	b := Best{UseCase: useCase, Address: s.list[at].Address, Value: math.Exp(value), Low: math.Exp(value - half), High: math.Exp(value + half)}
	better := -1
	for i, c := range s.list {
		if in, _ := s.within(i); c.UseCase == useCase && in && i != at && s.tied(i, at) {
			why := "less apart than noise explains"
			if s.gain(i, at) == 0 {
				why = "equal"
			}
			b.Tied = append(b.Tied, Reasoned{c.Address, why})
		}
		if c.UseCase == useCase && len(c.Samples) > 0 && s.gain(at, i) > 0 && (better < 0 || s.gain(i, better) > 0) {
			better = i
		}
	}
	if better >= 0 {
		b.Better, b.Stops = s.list[better].Address, s.outside(better)
	}
	b.Frontier = s.frontier(useCase)
	return b, true
}

// outside says which bound a measured candidate does not meet.
func (s *search) outside(i int) string {
	for _, l := range s.limits {
		if have := s.value(l.metric, i); !(l.room(have) >= 0) {
			return fmt.Sprintf("%s = %.4g, %s %g", l.name, math.Exp(have), l.side, l.at)
		}
	}
	return ""
}

// frontier are the measured candidates of a use case that none beats in all that
// counts, the best first.
func (s *search) frontier(useCase string) []string {
	beats := func(i, j int) bool {
		some := s.gain(j, i) > 0 || i < j // of equals the first
		if s.gain(j, i) < 0 {
			return false
		}
		for k, b := range s.goal.Bounds {
			less := s.value(k+1, i) - s.value(k+1, j)
			if b.Max == nil {
				less = -less
			}
			if less > 0 {
				return false
			}
			some = some || less < 0
		}
		return some
	}
	var out []int
	for i, c := range s.list {
		if c.UseCase != useCase || len(c.Samples) == 0 {
			continue
		}
		beaten := false
		for j, o := range s.list {
			beaten = beaten || o.UseCase == useCase && len(o.Samples) > 0 && beats(j, i)
		}
		if !beaten {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(i, j int) int { return cmp.Compare(s.gain(i, j), 0) })
	var names []string
	for _, i := range out {
		names = append(names, s.list[i].Address)
	}
	return names
}

// why says what is expected of a candidate.
func (s *search) why(i int) string {
	text := "predicted " + s.expected(0, i)
	if len(s.goal.Bounds) > 0 {
		text += fmt.Sprintf(", %.0f %% likely within the bounds", 100*s.likely(i))
	}
	return text
}

// expected is the interval of what is predicted for a metric of a candidate.
func (s *search) expected(k, i int) string {
	mean, sd := s.metrics[k].of(i)
	return figure(math.Exp(mean-sure*sd)) + " … " + figure(math.Exp(mean+sure*sd))
}

// whyNot says why a candidate is not measured.
func (s *search) whyNot(i int) string {
	switch {
	case s.list[i].Failed != "":
		return "failed: " + s.list[i].Failed
	case s.likely(i) < unlikely:
		for _, l := range s.limits {
			if s.meets(l, i) < 0.2 {
				return fmt.Sprintf("%s predicted %s, %s the bound %g", l.name, s.expected(l.metric, i), l.side, l.at)
			}
		}
		return "unlikely to meet the bounds"
	case s.score(i) < worthwhile:
		return fmt.Sprintf("%s predicted %s, no better than the best", s.goal.Metric, s.expected(0, i))
	case s.left < 1 || s.taken+s.adds(i) > s.hours+rounding:
		return "the budget is spent"
	}
	return "others come first"
}

// figure has three digits: 0.0123, 6,180.
func figure(f float64) string {
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 3, 64), 64)
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if f >= 1000 {
		for at := len(text) - 3; at > 0; at -= 3 {
			text = text[:at] + "," + text[at:]
		}
	}
	return text
}
