package results

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/perf/benchmath"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/noise"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A Difference is what a comparison says of the target: better, worse, the same, or that
// the samples cannot tell.
type Difference string

// The differences. Better, Worse and Same are claims; CannotTell is the want of
// one.
const (
	Better     Difference = "better"
	Worse      Difference = "worse"
	Same       Difference = "same"
	CannotTell Difference = "cannot_tell"
)

// A Comparing says how two sets are compared.
type Comparing struct {
	// Threshold is the relative change that matters, such as 0.01: less is the
	// same.
	Threshold float64
	// Across names what may differ: model, quantization, hardware, image,
	// use_case, options, or a flag of trtllm-bench. "all" allows everything but
	// simulated against real.
	Across []string
	// Metrics are the names of the metrics that are compared, in this order.
	Metrics []string
	// ByArguments pairs runs that were passed the same, whatever their addresses.
	ByArguments bool
	// BaseLacks says of a run that only the target has why that is so, "" for nothing
	// but that.
	BaseLacks string
}

// A Comparison is the document of a comparison.
type Comparison struct {
	// Simulated says that the sides were simulated: changes are shown and none is
	// judged, since a simulation has no noise to judge by.
	Simulated bool             `json:"simulated"`
	Metrics   []ComparedMetric `json:"rows"`
	Refused   []Refusal        `json:"refused"`
	// Context lists what differs between the sides and is named, in words; it
	// stands above tables.
	Context []string `json:"-"`
	// BaseName and TargetName are what the sides differ in, such as 896 and 256; "" for a
	// side that does not have one value of one thing.
	BaseName, TargetName string `json:"-"`
	// Moves say of each pair what became of its first metric, and what was changed;
	// Earlier that they are what the comparison is for.
	Moves   []Move `json:"-"`
	Earlier bool   `json:"-"`
}

// A Move is a run that was measured again.
type Move struct {
	Metric  ComparedMetric
	Changes []Changed
	// Git and Date are the definitions' commit and the end of the last measurement of
	// the target, nil where they are not known.
	Git  *string
	Date *time.Time
}

// A ComparedMetric is one metric of one run on both sides.
type ComparedMetric struct {
	Address string   `json:"address"`
	Metric  string   `json:"metric"`
	Base    *Summary `json:"base"`
	Target  *Summary `json:"target"`
	// ChangePct is the change of the median in percent of the base.
	ChangePct float64 `json:"change_pct"`
	// P is the p-value of the Mann-Whitney U-test, nil where there are too few
	// samples for any.
	P       *float64   `json:"p"`
	Verdict Difference `json:"verdict"`
	Notes   []string   `json:"notes"`
	// Needed is how many samples a side would tell, and GPUHours what the missing
	// ones should cost; 0 unless the verdict is CannotTell.
	Needed   int     `json:"-"`
	GPUHours float64 `json:"-"`
}

// A Refusal is a run that is not compared, with the reason.
type Refusal struct {
	Address string `json:"address"`
	Reason  string `json:"reason"`
}

// Compare compares the runs that both sets have, by address or by arguments.
func Compare(base, target *Set, how Comparing) *Comparison {
	var pairs []pair
	c := newComparison()
	bases, _ := byAddress(base)
	targets, at := byAddress(target)
	taken := map[int]bool{}
	for _, b := range bases {
		i, ok := at[b.Address]
		missing := "only the base has it"
		if how.ByArguments {
			i, missing = alike(b, targets)
			ok = missing == ""
		}
		if !ok {
			c.refuse(b.Address, missing)
			continue
		}
		taken[i] = true
		pairs = append(pairs, pair{base: b, target: targets[i]})
	}
	for i, t := range targets {
		if !taken[i] {
			c.refuse(t.Address, cmp.Or(how.BaseLacks, "only the target has it"))
		}
	}
	c.all(pairs, how)
	return c
}

func newComparison() *Comparison {
	return &Comparison{Metrics: []ComparedMetric{}, Refused: []Refusal{}}
}

func (c *Comparison) refuse(address, reason string) {
	c.Refused = append(c.Refused, Refusal{address, reason})
}

// alike is the number of the one run that was passed what b was; missing says why there
// is no such run.
func alike(b RunSummary, runs []RunSummary) (number int, missing string) {
	var found []string
	for i, t := range runs {
		if (pair{base: b, target: t}).sameArguments() {
			number, found = i, append(found, t.Address)
		}
	}
	switch len(found) {
	case 0:
		return 0, "no run of the target was passed the same"
	case 1:
		return number, ""
	}
	return 0, "what it was passed suits several runs of the target: " + strings.Join(found, ", ")
}

// CompareBy compares, inside one set, the runs with one value of an axis of
// their addresses with those that have another and are alike otherwise. An error
// says that the axis or the value is not there.
func CompareBy(set *Set, axis, base string, how Comparing) (*Comparison, error) {
	how.Across = append(slices.Clone(how.Across), axis)
	bases := map[string]RunSummary{}
	values := map[string]bool{}
	for _, r := range set.Runs {
		if rest, value, ok := plan.CutAxis(r.Address, axis); ok {
			values[value] = true
			if value == base {
				bases[rest] = r
			}
		}
	}
	switch {
	case len(values) == 0:
		return nil, fmt.Errorf("no address has the axis %s", axis)
	case !values[base]:
		return nil, fmt.Errorf("no run has %s=%s; there are %s", axis, base, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
	}
	c := newComparison()
	var pairs []pair
	for _, r := range set.Runs {
		rest, value, ok := plan.CutAxis(r.Address, axis)
		if !ok || value == base {
			continue
		}
		if b, ok := bases[rest]; ok {
			pairs = append(pairs, pair{base: b, target: r})
		} else {
			c.refuse(r.Address, fmt.Sprintf("there is no such run with %s=%s", axis, base))
		}
	}
	c.all(pairs, how)
	return c, nil
}

// byAddress are the runs of a set, one an address, and where each address is among them.
// Of several at one address the last with samples speaks.
func byAddress(s *Set) (runs []RunSummary, at map[string]int) {
	at = map[string]int{}
	for _, r := range s.Runs {
		i, again := at[r.Address]
		switch {
		case !again:
			at[r.Address] = len(runs)
			runs = append(runs, r)
		case r.Samples > 0 || runs[i].Samples == 0:
			runs[i] = r
		}
	}
	return runs, at
}

// A pair is one run on both sides. It has the address of the target.
type pair struct{ base, target RunSummary }

// simulated reports whether neither side was measured.
func (p pair) simulated() bool { return p.base.Results[0].Simulated && p.target.Results[0].Simulated }

func (c *Comparison) all(pairs []pair, how Comparing) {
	c.Simulated = slices.ContainsFunc(pairs, pair.simulated)
	c.nameSides(pairs)
	said := map[string]bool{}
	for _, p := range pairs {
		if why := p.refused(how); why != "" {
			c.refuse(p.target.Address, why)
			continue
		}
		differences := p.differences()
		for _, text := range append(contextOf(differences), p.caveatsDiffer()...) {
			if !said[text] {
				said[text] = true
				c.Context = append(c.Context, text)
			}
		}
		compared := len(c.Metrics)
		for _, name := range how.Metrics {
			if why := p.metricRefused(name, how); why != "" {
				c.refuse(p.target.Address, why)
			} else if metric, ok := p.compare(name, how); ok {
				c.Metrics = append(c.Metrics, metric)
			}
		}
		if len(c.Metrics) > compared {
			newest := p.target.Results[len(p.target.Results)-1]
			c.Moves = append(c.Moves, Move{Metric: c.Metrics[compared], Changes: differences, Git: newest.Provenance.DefinitionsGit, Date: newest.Job.Ended})
		}
	}
}

// longestName is how long the head of a column may be.
const longestName = 24

// nameSides names each side by what it has alone, where that is the same in all pairs.
func (c *Comparison) nameSides(pairs []pair) {
	for i, p := range pairs {
		d := leading(p.differences())
		if i == 0 {
			c.BaseName, c.TargetName = d.Before, d.After
		}
		if d.Before != c.BaseName || d.Before == notSet || len(d.Before) > longestName {
			c.BaseName = ""
		}
		if d.After != c.TargetName || d.After == notSet || len(d.After) > longestName {
			c.TargetName = ""
		}
	}
}

// metricRefused says why a metric is not compared though the target has it, "" for any
// other: a change is a share of the base.
func (p pair) metricRefused(name string, how Comparing) string {
	base, target := p.base.Of(name), p.target.Of(name)
	_, recorded := steadyFigure(name)
	recorded = recorded || slices.Contains(namesOf(trtllm.RecordMetrics), name)
	switch {
	case p.waitsDiffer(name) && !slices.Contains(how.Across, name) && !slices.Contains(how.Across, "all"):
		return fmt.Sprintf("%s holds waiting time on the side with unlimited concurrency; -across=%s compares it anyway", name, name)
	case base != nil && target != nil && base.Median == 0:
		return fmt.Sprintf("%s is 0 in the base and %.6g in the target, and a change is a share of the base", name, target.Median)
	case recorded && base == nil && target != nil:
		return fmt.Sprintf("%s is not known of the base: it comes from records of requests", name)
	case recorded && base != nil && target == nil:
		return fmt.Sprintf("%s is not known of the target: it comes from records of requests", name)
	}
	return ""
}

// compare judges one metric; false where a side does not have it.
func (p pair) compare(name string, how Comparing) (ComparedMetric, bool) {
	b, t := p.base.values(name), p.target.values(name)
	metric, ok := FindMeasure(name)
	if !ok || len(b) == 0 || len(t) == 0 {
		return ComparedMetric{}, false
	}
	compared := ComparedMetric{Address: p.target.Address, Metric: name, Base: Summarise(b), Target: Summarise(t), Notes: append([]string{}, p.notes(name)...)}
	compared.ChangePct = 100 * (compared.Target.Median/compared.Base.Median - 1)
	test := benchmath.AssumeNothing.Compare(sample(b), sample(t))
	if !math.IsNaN(test.P) && min(len(b), len(t)) > 1 {
		compared.P = &test.P
	}
	if p.simulated() || p.slosDiffer(name) != "" {
		compared.P, compared.Verdict = nil, CannotTell
		return compared, true
	}
	compared.judge(metric, test, how.Threshold)
	if compared.Verdict == CannotTell {
		compared.Needed = needed(b, t, math.Max(how.Threshold, math.Abs(compared.ChangePct)/100))
		compared.GPUHours = float64(max(0, compared.Needed-len(b)))*p.base.hours() + float64(max(0, compared.Needed-len(t)))*p.target.hours()
	}
	return compared, true
}

// judge claims a change where the test sees one that matters, and the want of
// one where the intervals leave no room for it.
func (compared *ComparedMetric) judge(m trtllm.Metric, test benchmath.Comparison, threshold float64) {
	change := compared.ChangePct / 100
	switch {
	case compared.P != nil && *compared.P < test.Alpha && math.Abs(change) >= threshold:
		compared.Verdict = Worse
		if change > 0 == m.HigherIsBetter {
			compared.Verdict = Better
		}
	case compared.P != nil && *compared.P < test.Alpha, compared.within(threshold):
		compared.Verdict = Same
	default:
		compared.Verdict = CannotTell
	}
}

// within reports whether the intervals of both sides leave only changes of less
// than threshold.
func (compared *ComparedMetric) within(threshold float64) bool {
	b, t := compared.Base, compared.Target
	if b.Low == nil || b.High == nil || t.Low == nil || t.High == nil {
		return false
	}
	return *t.Low / *b.High >= 1-threshold && *t.High / *b.Low <= 1+threshold
}

func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
}

const (
	leastToTell  = 4 // with three a side the smallest p of the test is 0.1
	usuallyTells = 6 // while nothing is known of the noise
	mostToTell   = 1000
)

// needed is how many samples a side let the test see a relative change with a
// power of 80 % at the 5 % level: the formula of the t-test, with the test's
// efficiency of 3/π against it.
func needed(base, target []float64, change float64) int {
	var pool noise.Pool
	pool.Add(base)
	pool.Add(target)
	switch {
	case pool.Degrees() == 0:
		return usuallyTells
	case change <= 0:
		return mostToTell
	}
	const z = 1.960 + 0.842 // of 97.5 % and 80 %
	n := 2 * z * z * (pool.Measured() / change) * (pool.Measured() / change) * math.Pi / 3
	return int(math.Min(mostToTell, math.Max(leastToTell, math.Ceil(n))))
}

// hours is what a sample costs in GPU-hours: as measured, else as predicted.
func (s RunSummary) hours() float64 {
	sum, n := 0.0, 0
	for _, r := range s.Results {
		if h := r.Took().Hours() * float64(r.Hardware.GPUs); h > 0 && r.Counts() {
			sum, n = sum+h, n+1
		}
	}
	if n > 0 {
		return sum / float64(n)
	}
	if e := s.Results[0].Estimate; e != nil && e.GPUHours != nil {
		return e.GPUHours.Mid
	}
	return 0
}

// Regressed reports whether some metric is worse.
func (c *Comparison) Regressed() bool { return c.has(Worse) }

// Unsure reports whether some claim is wanting: a metric of which the samples cannot tell,
// or a run that is not compared.
func (c *Comparison) Unsure() bool { return len(c.Refused) > 0 || c.has(CannotTell) }

func (c *Comparison) has(d Difference) bool {
	return slices.ContainsFunc(c.Metrics, func(m ComparedMetric) bool { return m.Verdict == d })
}
