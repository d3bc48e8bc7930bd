package results

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/llmbench/llmbench/plan/noise"
)

// A History is the document of what was measured over time: a series for each address
// and cluster.
type History struct {
	FormatVersion string   `json:"format_version"`
	Metric        string   `json:"metric"`
	Simulated     bool     `json:"simulated"`
	Series        []Series `json:"series"`
}

// A Series is the history of one address on one cluster, the oldest first.
type Series struct {
	Address string `json:"address"`
	Cluster string `json:"cluster"`
	// Noise is the relative standard deviation between samples of one run, pooled over
	// the cluster and the images of the series, and assumed below
	// noise.LeastDegrees; nil for simulations, which have none.
	Noise   *float64 `json:"noise"`
	Degrees int      `json:"degrees_of_freedom"`
	Points  []Point  `json:"points"`
}

// A Point is what was measured of a run between two changes of its definitions.
type Point struct {
	// Date is when the last of the samples ended, nil where that is not known.
	Date           *time.Time `json:"date"`
	DefinitionsGit *string    `json:"definitions_git"`
	Image          string     `json:"image"`
	TRTLLMVersion  string     `json:"trtllm_version"`
	Fingerprint    string     `json:"fingerprint"`
	// Value is the median of N samples. Low and High are what the pooled noise leaves
	// to it at 95 %, nil for simulations.
	Value float64  `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
	N     int      `json:"n"`
	// StepPct is by how much the level that begins here differs from the one before, in
	// percent; nil where the noise explains the difference (see package noise).
	StepPct *float64 `json:"step_pct"`
	// Changes are what differs from the point before and can move a number.
	Changes []Changed `json:"changes"`

	run RunSummary
}

// NewHistory makes the history of a metric or measure out of all results that count,
// those of earlier definitions and those measured anew later included: real or
// simulated ones.
func NewHistory(list []*Result, metric string) *History {
	h := &History{FormatVersion: formatVersion, Metric: metric, Series: []Series{}}
	list = slices.DeleteFunc(slices.Clone(list), func(r *Result) bool { return !r.Counts() || r.Measure(metric) == nil })
	slices.SortStableFunc(list, ByAddressAndTime)
	for _, r := range list {
		h.add(r)
	}
	pools := map[string]*noise.Pool{}
	for _, s := range h.Series {
		for i := range s.Points {
			p := &s.Points[i]
			p.settle(metric)
			at := s.Cluster + "\x00" + p.Image
			if pools[at] == nil {
				pools[at] = &noise.Pool{}
			}
			pools[at].Add(p.run.values(metric))
		}
	}
	for i := range h.Series {
		h.Series[i].judge(pools)
	}
	return h
}

// ByAddressAndTime orders results by address, by cluster, and by when they were measured.
func ByAddressAndTime(a, b *Result) int {
	return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Cluster, b.Cluster),
		endedAt(a).Compare(endedAt(b)), value(a.Job.Submitted).Compare(value(b.Job.Submitted))) // which is finer
}

// endedAt is when a result's job ended, in the seconds that jobs tell it in; zero where
// that is not known.
func endedAt(r *Result) time.Time { return value(r.Job.Ended).Truncate(time.Second) }

// add takes in the next result: another sample of the last point, or a new point.
func (h *History) add(r *Result) {
	h.Simulated = h.Simulated || r.Simulated
	n := len(h.Series)
	if n == 0 || h.Series[n-1].Address != r.Address || h.Series[n-1].Cluster != r.Cluster {
		h.Series = append(h.Series, Series{Address: r.Address, Cluster: r.Cluster})
		n++
	}
	s := &h.Series[n-1]
	if n := len(s.Points); n == 0 || !s.Points[n-1].takes(r) {
		s.Points = append(s.Points, Point{DefinitionsGit: r.Provenance.DefinitionsGit, Image: r.Image.Name, TRTLLMVersion: r.Image.TRTLLMVersion, Fingerprint: r.Fingerprint})
	}
	p := &s.Points[len(s.Points)-1]
	p.run.Results = append(p.run.Results, r)
}

// takes reports whether a result is one more sample of the point: of the same
// definitions, and not a sample that was measured anew.
func (p *Point) takes(r *Result) bool {
	return p.Fingerprint == r.Fingerprint && value(p.DefinitionsGit) == value(r.Provenance.DefinitionsGit) &&
		!slices.ContainsFunc(p.run.Results, func(other *Result) bool { return other.Sample == r.Sample })
}

func (p *Point) settle(metric string) {
	p.run = summariseRun(p.run.Results)
	sum := Summarise(p.run.values(metric))
	p.Value, p.N, p.Changes = sum.Median, sum.N, []Changed{}
	for _, r := range p.run.Results {
		if t := endedAt(r); !t.IsZero() {
			p.Date = &t
		}
	}
}

// judge marks the steps, and says what differs between points.
func (s *Series) judge(pools map[string]*noise.Pool) {
	var pool noise.Pool
	joined := map[string]bool{}
	history := make([]noise.Point, len(s.Points))
	for i := range s.Points {
		p := &s.Points[i]
		history[i] = noise.Point{Value: p.Value, N: p.N}
		if at := s.Cluster + "\x00" + p.Image; !joined[at] {
			joined[at] = true
			pool.Join(*pools[at])
		}
		if i > 0 {
			p.Changes = pair{base: s.Points[i-1].run, target: p.run}.differences()
		}
	}
	if s.Points[0].run.Results[0].Simulated {
		return
	}
	sd := pool.SD()
	s.Noise, s.Degrees = &sd, pool.Degrees()
	for i := range s.Points {
		p := &s.Points[i]
		half := 1.96 * sd / math.Sqrt(float64(p.N)) // 95 % of a normal distribution
		p.Low, p.High = new(p.Value*(1-half)), new(p.Value*(1+half))
	}
	for _, c := range pool.Changes(history) {
		s.Points[c.At].StepPct = new(100 * c.Relative)
	}
}

// Changes lists what differs between two runs and can move a number.
func Changes(before, after RunSummary) []Changed {
	return pair{base: before, target: after}.differences()
}

// Since is the history without the points before a time. What is left keeps its steps.
func (h *History) Since(t time.Time) *History {
	out := *h
	out.Series = []Series{}
	for _, s := range h.Series {
		s.Points = slices.DeleteFunc(slices.Clone(s.Points), func(p Point) bool { return !t.IsZero() && (p.Date == nil || p.Date.Before(t)) })
		if len(s.Points) > 0 {
			out.Series = append(out.Series, s)
		}
	}
	return &out
}

// Before is the set of what was measured last at the addresses of target before it:
// the newest points that are not target's own and for which pick is true.
func (h *History) Before(target *Set, pick func(Point) bool) *Set {
	var list []*Result
	for _, run := range target.Runs {
		for _, s := range h.Series {
			if s.Address != run.Address || s.Cluster != run.Results[0].Cluster {
				continue
			}
			for _, p := range slices.Backward(s.Points) {
				if pick(p) && !p.shares(run) {
					list = append(list, p.run.Results...)
					break
				}
			}
		}
	}
	return NewSet(list)
}

// shares reports whether some sample of the point is one of a run's.
func (p *Point) shares(run RunSummary) bool {
	return slices.ContainsFunc(p.run.Results, func(r *Result) bool {
		return slices.ContainsFunc(run.Results, func(own *Result) bool {
			return r.Fingerprint == own.Fingerprint && r.Sample == own.Sample && r.Attempt == own.Attempt
		})
	})
}
