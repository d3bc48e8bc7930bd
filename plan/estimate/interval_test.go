package estimate

import "testing"

// Intervals widen where published runs say less.
func TestIntervalsWidenAwayFromPublishedRuns(t *testing.T) {
	c := Calibrated()
	width := func(change func(*Scenario)) float64 {
		s := maverick(1000, 1000, 4096, 1024, 8192, 0.9)
		change(&s)
		i := s.Around(1000)
		return (i.High - i.Low) / 2000
	}
	nvfp4 := func(s *Scenario) { s.Model.Routed.Dtype = NVFP4 }
	for _, one := range []struct {
		name   string
		change func(*Scenario)
		want   float64
	}{
		{"a kind that was published", nvfp4, c.Width},
		{"one that was not", func(*Scenario) {}, c.UnseenWidth},
		{"experts cut by tensor parallelism", func(s *Scenario) { nvfp4(s); s.AttentionDP = false }, c.UnseenWidth},
		{"pipeline stages", func(s *Scenario) { nvfp4(s); s.PP = 2 }, c.UnseenWidth},
		{"one request at a time", func(s *Scenario) { s.Concurrency = 1 }, c.SingleWidth},
		{"one request a rank", func(s *Scenario) { nvfp4(s); s.Concurrency = 8 }, c.SingleWidth},
	} {
		if got := width(one.change); !near(got, one.want) {
			t.Errorf("%s: ±%v, want ±%v", one.name, got, one.want)
		}
	}
	last := c.SingleWidth
	for concurrency := 16; concurrency <= 256; concurrency *= 2 {
		got := width(func(s *Scenario) { s.Concurrency = concurrency })
		if got > last || got < c.UnseenWidth {
			t.Errorf("±%v at concurrency %d, ±%v at half", got, concurrency, last)
		}
		last = got
	}
}
