package results

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// measuredOn is n samples of one run at a commit, a minute apart.
func measuredOn(rng *rand.Rand, day int, commit string, n int, tps, noise float64, change func(*Result)) []*Result {
	at := time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC)
	return side(rng, "a/use_case=chat", n, tps, noise, func(r *Result) {
		at = at.Add(time.Minute)
		r.Job.Ended, r.Provenance.DefinitionsGit = new(at), new(commit)
		if change != nil {
			change(r)
		}
	})
}

// A history has a point for each time that a run was measured, and marks what the
// pooled noise does not explain, with what was changed.
func TestHistory(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	changed := func(r *Result) { r.Fingerprint, r.Arguments["max_batch_size"] = "g", int64(256) }
	before := func(r *Result) { r.Arguments["max_batch_size"] = int64(896) }
	list := slices.Concat(
		measuredOn(rng, 27, "3b4d103", 1, 10899, 0.01, changed),
		measuredOn(rng, 3, "13dc161", 4, 14736, 0.01, before),
		measuredOn(rng, 10, "13dc161", 4, 14736, 0.01, before), // with -replace
	)
	for i, r := range list {
		r.Attempt = i + 1
	}
	elsewhere := side(rng, "a/use_case=chat", 1, 900, 0.01, func(r *Result) { r.Cluster = "h100" })
	h := NewHistory(slices.Concat(elsewhere, list), trtllm.OutputThroughputPerGPU)
	if len(h.Series) != 2 || len(h.Series[0].Points) != 3 || len(h.Series[1].Points) != 1 {
		t.Fatalf("%+v", h.Series)
	}
	s := h.Series[0]
	for i, want := range []struct{ day, n int }{{3, 4}, {10, 4}, {27, 1}} {
		if p := s.Points[i]; p.Date.Day() != want.day || p.N != want.n || (p.StepPct != nil) != (want.day == 27) {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	if s.Degrees != 6 || *s.Noise > 0.015 || *s.Noise < 0.005 || *h.Series[1].Noise != 0.02 {
		t.Errorf("noise %v of %d degrees, %v elsewhere", *s.Noise, s.Degrees, *h.Series[1].Noise)
	}
	newest := s.Points[2]
	if *newest.StepPct > -25 || *newest.StepPct < -28 || !slices.Equal(newest.Changes, []Changed{newChanged("max_batch_size", "max_batch_size", "896", "256")}) || len(s.Points[1].Changes) != 0 {
		t.Errorf("%+v", newest)
	}
	if got := h.Since(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)).Series; len(got) != 1 || len(got[0].Points) != 1 || got[0].Points[0].StepPct == nil {
		t.Errorf("since the 27th: %+v", got)
	}

	all := func(Point) bool { return true }
	now := NewSet(list[:1])
	if base := h.Before(now, all); len(base.Results) != 4 || base.Results[0].Job.Ended.Day() != 10 {
		t.Errorf("before the newest: %+v", base.Runs)
	}
	if base := h.Before(NewSet(list[5:]), all); len(base.Results) != 1 || base.Runs[0].Fingerprint != "g" {
		t.Errorf("where the definitions went back, what was tried between: %+v", base.Runs)
	}
	c := Compare(h.Before(now, func(p Point) bool { return p.Date.Day() < 5 }), now, Comparing{Across: []string{"all"}, Metrics: throughput.Metrics})
	if len(c.Moves) != 1 || *c.Moves[0].Git != "3b4d103" || c.BaseName != "896" || c.TargetName != "256" {
		t.Errorf("%+v", c)
	}
}
