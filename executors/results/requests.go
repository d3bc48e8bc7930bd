package results

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// Requests is what the records of the requests of one sample tell beyond its report.
type Requests struct {
	// Recorded counts all requests. Window is the steady window, nil where there is
	// none: all else is then of all requests.
	Recorded int     `json:"recorded"`
	Window   *Window `json:"window"`
	// Judged counts the requests that the figures are of, over Seconds.
	Judged  int     `json:"judged"`
	Seconds float64 `json:"seconds"`
	// TTFT and TPOT are nil without streaming, TPOT also where no request has a token
	// after the first. All are in milliseconds.
	TTFT    *RequestSpread `json:"ttft_ms"`
	TPOT    *RequestSpread `json:"tpot_ms"`
	Latency *RequestSpread `json:"request_latency_ms"`
	// InFlight is how many requests were in flight over time.
	InFlight []InFlight `json:"in_flight"`
	// SLO are the bounds that the rest is judged by, nil for none.
	SLO        *plan.SLO `json:"slo"`
	GoodputTok *float64  `json:"goodput_per_gpu_tok_s"`
	GoodputReq *float64  `json:"goodput_per_gpu_req_s"`
	WithinSLO  *Bounded  `json:"within_slo_pct"`
}

// A Window is the time in which a load is steady, in seconds after the first request was
// sent. The opening burst is the requests that are sent before any has ended; the window
// begins when all of these have ended, and ends when the last request is sent. The
// requests that end inside it are of all lengths alike.
type Window struct {
	FromS float64 `json:"from_s"`
	ToS   float64 `json:"to_s"`
}

// Bounded is a figure with its 95 % interval, which is nil where the window has fewer
// than three blocks, or where these do not differ.
type Bounded struct {
	Value float64  `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

// A RequestSpread is how a time is spread over requests. P99 is nil below 300 requests.
type RequestSpread struct {
	Mean Bounded  `json:"mean"`
	P50  Bounded  `json:"p50"`
	P90  Bounded  `json:"p90"`
	P95  Bounded  `json:"p95"`
	P99  *Bounded `json:"p99"`
	// Quantiles are the least, each twentieth of the requests, and the greatest.
	Quantiles []float64 `json:"quantiles"`
}

// InFlight is how many requests were in flight at a time after the first was sent.
type InFlight struct {
	AtS      float64 `json:"at_s"`
	Requests int     `json:"requests"`
}

const (
	leastForP99    = 300
	leastBlocks    = 3
	mostBlocks     = 50 // more say no more
	inFlightPoints = 120
	twentieths     = 20
)

// NewRequests sums records up, at least one.
func NewRequests(list []trtllm.Request) *Requests {
	j := newJudged(list)
	r := &Requests{
		Recorded: len(list), Judged: len(j.list), Seconds: j.seconds(),
		Latency: j.spread(trtllm.Request.Latency), InFlight: inFlight(list),
	}
	if j.steady {
		r.Window = &Window{(j.from - j.first).Seconds(), (j.to - j.first).Seconds()}
	}
	streamed := func(q trtllm.Request) bool { return q.FirstToken > 0 }
	if slices.ContainsFunc(j.list, streamed) {
		r.TTFT = j.spread(trtllm.Request.TTFT)
	}
	if slices.ContainsFunc(j.list, func(q trtllm.Request) bool { return q.TPOT() > 0 }) {
		r.TPOT = j.spread(trtllm.Request.TPOT)
	}
	return r
}

// Spread is that of a metric, nil where it is not known.
func (r *Requests) Spread(metric string) *RequestSpread {
	if r == nil {
		return nil
	}
	return trtllm.PerRequest[*RequestSpread]{TTFT: r.TTFT, TPOT: r.TPOT, Latency: r.Latency}.At(metric)
}

// At is a percentile, or for "" the mean; nil where it is not known.
func (s *RequestSpread) At(percentile string) *Bounded {
	if s == nil {
		return nil
	}
	switch percentile {
	case "":
		return &s.Mean
	case "p50":
		return &s.P50
	case "p90":
		return &s.P90
	case "p95":
		return &s.P95
	case "p99":
		return s.P99
	}
	return nil
}

// Score judges the requests of a result by bounds, with the records that open reads. It
// replaces what was judged by others.
func (r *Result) Score(slo *plan.SLO, open func() ([]trtllm.Request, error)) {
	unread := slices.ContainsFunc(r.Caveats, func(c Caveat) bool { return c.Code == failure.NoRequestLog && c.Detail != "" })
	if !unread {
		r.Caveats = slices.DeleteFunc(slices.Clone(r.Caveats), func(c Caveat) bool { return c.Code == failure.NoRequestLog })
	}
	if r.Requests != nil {
		own := *r.Requests
		own.SLO, own.GoodputTok, own.GoodputReq, own.WithinSLO = slo, nil, nil, nil
		r.Requests = &own
	}
	if slo == nil || !r.Counts() {
		return
	}
	if r.Requests == nil {
		if !unread {
			r.Caveats = append(r.Caveats, Caveat{Code: failure.NoRequestLog})
		}
		return
	}
	list, err := open()
	if err != nil || len(list) == 0 {
		r.Requests = nil
		r.Caveats = append(r.Caveats, Caveat{Code: failure.NoRequestLog, Detail: "the records of its requests cannot be read"})
		return
	}
	j, own := newJudged(list), r.Requests
	good := make([]float64, len(j.list))
	tokens, requests := 0.0, 0.0
	for i, q := range j.list {
		if slo.Met(q) {
			good[i], tokens, requests = 1, tokens+float64(q.OutputTokens), requests+1
		}
	}
	per := j.seconds() * float64(max(1, r.Hardware.GPUs))
	tokens, requests = tokens/per, requests/per
	share := j.share(good)
	for _, v := range []*float64{&share.Value, share.Low, share.High} {
		if v != nil {
			*v = min(max(0, 100**v), 100)
		}
	}
	own.GoodputTok, own.GoodputReq, own.WithinSLO = &tokens, &requests, &share
}

// judged are the requests that figures are of, by the time of their ends.
type judged struct {
	first    time.Duration // when the first of all was sent
	from, to time.Duration
	steady   bool
	list     []trtllm.Request
	blocks   []int // where each block ends in list; nil below leastBlocks
}

func newJudged(all []trtllm.Request) judged {
	firstEnd := slices.MinFunc(all, func(a, b trtllm.Request) int { return cmp.Compare(a.End, b.End) }).End
	j := judged{first: all[0].Start}
	var lastEnd time.Duration
	burst := 0
	for _, q := range all {
		j.first, j.to, lastEnd = min(j.first, q.Start), max(j.to, q.Start), max(lastEnd, q.End)
		if q.Start < firstEnd {
			j.from, burst = max(j.from, q.End), burst+1
		}
	}
	j.steady = j.from < j.to && len(all) >= trtllm.SteadyRequests*burst
	if !j.steady {
		j.from, j.to = j.first, lastEnd
	}
	for _, q := range all {
		if q.End > j.from && q.End <= j.to {
			j.list = append(j.list, q)
		}
	}
	if len(j.list) == 0 { // of the window
		j.steady, j.from, j.to, j.list = false, j.first, lastEnd, slices.Clone(all)
	}
	slices.SortStableFunc(j.list, func(a, b trtllm.Request) int { return cmp.Compare(a.End, b.End) })
	if j.steady {
		j.divide()
	}
	return j
}

// divide cuts the window into blocks of at least one median latency: requests of one
// batch share their fate, and those of different blocks hardly do.
func (j *judged) divide() {
	latencies := make([]time.Duration, len(j.list))
	for i, q := range j.list {
		latencies[i] = q.Latency()
	}
	slices.Sort(latencies)
	n := min(mostBlocks, int((j.to-j.from)/max(1, latencies[len(latencies)/2])))
	if n < leastBlocks {
		return
	}
	at := 0
	for b := 1; b <= n; b++ {
		end := j.from + time.Duration(float64(j.to-j.from)*float64(b)/float64(n))
		for at < len(j.list) && (j.list[at].End <= end || b == n) {
			at++
		}
		j.blocks = append(j.blocks, at)
	}
}

func (j *judged) seconds() float64 { return max((j.to - j.from).Seconds(), 1e-9) }

// share is the mean of values of the requests, with an interval from the blocks' means:
// that of a ratio, since blocks hold different numbers of requests.
func (j *judged) share(values []float64) Bounded {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	out := Bounded{Value: sum / float64(len(values))}
	k := float64(len(j.blocks))
	if k < leastBlocks {
		return out
	}
	squares, from := 0.0, 0
	for _, to := range j.blocks {
		block := 0.0
		for _, v := range values[from:to] {
			block += v
		}
		off := block - out.Value*float64(to-from)
		squares, from = squares+off*off, to
	}
	if squares == 0 { // blocks that are all alike, such as none or all within bounds, tell no noise
		return out
	}
	se := math.Sqrt(k/(k-1)*squares) / float64(len(values))
	half := se * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: k - 1}.Quantile(1-(1-confidence)/2)
	low, high := out.Value-half, out.Value+half
	out.Low, out.High = &low, &high
	return out
}

// spread sums a time of the requests up in milliseconds. The interval of a percentile is
// between those percentiles that the share of requests below it could be.
func (j *judged) spread(of func(trtllm.Request) time.Duration) *RequestSpread {
	values := make([]float64, len(j.list))
	for i, q := range j.list {
		values[i] = float64(of(q)) / 1e6
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(p float64) float64 { return sorted[min(max(0, int(float64(len(sorted))*p)), len(sorted)-1)] }
	below := make([]float64, len(values))
	percentile := func(p float64) Bounded {
		out := Bounded{Value: at(p)}
		for i, v := range values {
			below[i] = 0
			if v <= out.Value {
				below[i] = 1
			}
		}
		if share := j.share(below); share.Low != nil {
			half := share.Value - *share.Low
			low, high := at(p-half), at(p+half)
			out.Low, out.High = &low, &high
		}
		return out
	}
	s := &RequestSpread{Mean: j.share(values), P50: percentile(.5), P90: percentile(.9), P95: percentile(.95)}
	if len(values) >= leastForP99 {
		p := percentile(.99)
		s.P99 = &p
	}
	for i := range twentieths + 1 {
		s.Quantiles = append(s.Quantiles, at(float64(i)/twentieths))
	}
	return s
}

// inFlight counts the requests in flight at times that divide the run evenly.
func inFlight(all []trtllm.Request) []InFlight {
	starts, ends := make([]time.Duration, len(all)), make([]time.Duration, len(all))
	for i, q := range all {
		starts[i], ends[i] = q.Start, q.End
	}
	slices.Sort(starts)
	slices.Sort(ends)
	first, last := starts[0], ends[len(ends)-1]
	out := make([]InFlight, 0, inFlightPoints+1)
	for i := range inFlightPoints + 1 {
		at := first + time.Duration(float64(last-first)*float64(i)/inFlightPoints)
		sent, _ := slices.BinarySearch(starts, at+1)
		ended, _ := slices.BinarySearch(ends, at+1)
		out = append(out, InFlight{math.Round(1e3*(at-first).Seconds()) / 1e3, sent - ended})
	}
	return out
}
