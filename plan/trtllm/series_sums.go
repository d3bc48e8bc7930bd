package trtllm

import (
	"math"
	"slices"
)

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

func (s *stepSums) means() Means {
	n := float64(s.steps)
	return Means{
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
			out.Buckets = append(out.Buckets, Bucket{StartS: float64(i) * s.width, Steps: sum.steps, Means: sum.means()})
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
	out.Steady = Window{StartS: out.Buckets[first].StartS, EndS: min(s.endS, float64(to+1)*s.width), Means: sum.means()}
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
