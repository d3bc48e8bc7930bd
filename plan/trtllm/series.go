package trtllm

import (
	"bytes"
	"io"
	"math"
	"slices"
	"time"
)

// A Series is an iteration log as a time series. However long the log is, it has
// at most MostBuckets buckets.
type Series struct {
	// Steps counts the steps that are logged, Seconds is the time from the first
	// of them to the end of the last.
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds"`
	// BucketS is how many seconds a bucket holds.
	BucketS float64 `json:"bucket_s"`
	// Steady is the window in which the batch is full: from the first to the last
	// bucket with at least 90 % of the requests of the fullest twentieth of the
	// time. Before it the batch fills, after it the batch drains.
	Steady  Window   `json:"steady"`
	Buckets []Bucket `json:"buckets"`
}

// MostBuckets bounds the buckets of a series: when one more were needed, each
// two become one.
const MostBuckets = 256

// A Window is a part of a series, in seconds from its beginning, with the means
// of its steps.
type Window struct {
	StartS float64 `json:"start_s"`
	EndS   float64 `json:"end_s"`
	StepMeans
}

// A Bucket is what the steps that began in a short time have in common. Buckets
// without a step are left out.
type Bucket struct {
	StartS float64 `json:"start_s"`
	Steps  int     `json:"steps"`
	StepMeans
}

// StepMeans are the means of some steps. StepMS and KVUsed are nil where the version
// does not print them.
type StepMeans struct {
	// Requests is how many requests were in the batch.
	Requests float64 `json:"requests"`
	// CtxTokens and GenTokens are the tokens of a step.
	CtxTokens float64  `json:"ctx_tokens"`
	GenTokens float64  `json:"gen_tokens"`
	StepMS    *float64 `json:"step_ms"`
	// KVUsed is the used part of the KV cache, 0 to 1.
	KVUsed *float64 `json:"kv_used"`
}

// ReadSeries reads the iteration lines of a log, among any others, in one pass
// and in bounded memory. Of several ranks the first to speak is followed. The
// steps of a warm-up are left out. It returns nil for a log without iteration
// lines.
func ReadSeries(r io.Reader) (*Series, error) {
	s := newSeriesReader()
	lines := newLineReader(r)
	for {
		line, ok, err := lines.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return s.series(), nil
		}
		if it, ok := ParseIteration(line); ok {
			s.add(&it)
		} else if bytes.Contains(line, []byte("Warmup done")) {
			s = newSeriesReader()
		}
	}
}

// firstBucketS is the width with which buckets begin.
const firstBucketS = 1.0 / 128

type seriesReader struct {
	sums  [MostBuckets]stepSums
	width float64
	last  int // the last bucket that was used
	rank  int // -1: none yet
	clock stepClock
	endS  float64
}

func newSeriesReader() *seriesReader { return &seriesReader{width: firstBucketS, rank: -1} }

// add takes in one step.
func (s *seriesReader) add(it *Iteration) {
	if s.rank < 0 {
		s.rank = it.Rank
	}
	if it.Rank != s.rank {
		return
	}
	seconds := it.stepSeconds()
	at := s.clock.at(it.Timestamp, seconds)
	for at >= s.width*MostBuckets {
		s.halve()
	}
	s.last = max(s.last, int(at/s.width))
	s.sums[int(at/s.width)].add(it, seconds)
	s.endS = max(s.endS, at)
	if !math.IsNaN(seconds) {
		s.endS = max(s.endS, at+seconds)
	}
}

// halve makes each two buckets one.
func (s *seriesReader) halve() {
	for i := range s.sums {
		sum := stepSums{}
		if 2*i < len(s.sums) {
			sum = s.sums[2*i]
			sum.join(s.sums[2*i+1])
		}
		s.sums[i] = sum
	}
	s.width, s.last = 2*s.width, s.last/2
}

// stepSeconds is how long the step took, NaN if unknown or out of reason.
func (it *Iteration) stepSeconds() float64 {
	const most = 24 * 3600
	took := it.ElapsedS
	if math.IsNaN(took) {
		took = it.HostStepMS / 1000
	}
	if took < 0 || took > most {
		return math.NaN()
	}
	return took
}

// requests is how many requests were in the step's batch.
func (it *Iteration) requests() float64 {
	if it.ScheduledRequests >= 0 {
		return float64(it.ScheduledRequests)
	}
	return float64(it.CtxRequests + it.GenTokens)
}

// A stepClock tells when steps began. Log lines have whole seconds: inside one,
// the steps follow each other by the time that they took. Time never goes back.
type stepClock struct {
	stamp  string
	began  time.Time
	second float64 // what the stamp says, since the first
	inside float64 // taken by the steps with this stamp
	now    float64
}

func (c *stepClock) at(stamp string, took float64) float64 {
	if stamp != c.stamp {
		if t, err := time.Parse(time.DateTime, stamp); err == nil {
			if c.began.IsZero() {
				c.began = t
			}
			c.second, c.inside = t.Sub(c.began).Seconds(), 0
		}
		c.stamp = stamp
	}
	at := c.second + c.inside
	if stamp != "" {
		const insideSecond = 0.999
		at = c.second + min(insideSecond, c.inside)
	}
	c.now = max(c.now, at)
	if !math.IsNaN(took) {
		c.inside += took
	}
	return c.now
}

// stepSums are sums over the steps of a bucket.
type stepSums struct {
	steps, timed, used             int
	requests, ctxTokens, genTokens float64
	stepMS, kvUsed                 float64
}

func (s *stepSums) add(it *Iteration, seconds float64) {
	s.steps++
	s.requests += it.requests()
	s.ctxTokens += float64(it.CtxTokens)
	s.genTokens += float64(it.GenTokens)
	if !math.IsNaN(seconds) {
		s.timed, s.stepMS = s.timed+1, s.stepMS+1000*seconds
	}
	if !math.IsNaN(it.KVUtil) {
		s.used, s.kvUsed = s.used+1, s.kvUsed+it.KVUtil
	}
}

func (s *stepSums) join(o stepSums) {
	s.steps, s.timed, s.used = s.steps+o.steps, s.timed+o.timed, s.used+o.used
	s.requests, s.ctxTokens, s.genTokens = s.requests+o.requests, s.ctxTokens+o.ctxTokens, s.genTokens+o.genTokens
	s.stepMS, s.kvUsed = s.stepMS+o.stepMS, s.kvUsed+o.kvUsed
}

func (s *stepSums) means() StepMeans {
	n := float64(s.steps)
	return StepMeans{
		Requests: s.requests / n, CtxTokens: s.ctxTokens / n, GenTokens: s.genTokens / n,
		StepMS: mean(s.stepMS, s.timed), KVUsed: mean(s.kvUsed, s.used),
	}
}

func mean(sum float64, n int) *float64 {
	if n == 0 {
		return nil
	}
	sum /= float64(n)
	return &sum
}

// fullShare is the share of a full batch from which on the window is steady.
const fullShare = 0.9

// series draws the conclusions; nil without a step.
func (s *seriesReader) series() *Series {
	out := &Series{Seconds: s.endS, BucketS: s.width}
	for i := range s.sums[:s.last+1] {
		if sum := &s.sums[i]; sum.steps > 0 {
			out.Steps += sum.steps
			out.Buckets = append(out.Buckets, Bucket{StartS: float64(i) * s.width, Steps: sum.steps, StepMeans: sum.means()})
		}
	}
	if out.Steps == 0 {
		return nil
	}
	full := fullShare * plateau(out.Buckets)
	is := func(b Bucket) bool { return b.Requests >= full }
	first := slices.IndexFunc(out.Buckets, is)
	last := len(out.Buckets) - 1
	for !is(out.Buckets[last]) {
		last--
	}
	var sum stepSums
	from, to := int(out.Buckets[first].StartS/s.width), int(out.Buckets[last].StartS/s.width)
	for _, b := range s.sums[from : to+1] {
		sum.join(b)
	}
	out.Steady = Window{StartS: out.Buckets[first].StartS, EndS: min(s.endS, float64(to+1)*s.width), StepMeans: sum.means()}
	return out
}

// plateau is how many requests were in the batch in the fullest twentieth of the
// buckets, at least.
func plateau(buckets []Bucket) float64 {
	requests := make([]float64, len(buckets))
	for i, b := range buckets {
		requests[i] = b.Requests
	}
	slices.Sort(requests)
	return requests[len(requests)-1-len(requests)/20]
}
