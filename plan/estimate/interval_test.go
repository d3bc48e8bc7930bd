package estimate

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// nvfp4 is Maverick in NVFP4 on eight B200, of which there are published runs.
func nvfp4(concurrency int) Scenario {
	s := maverick(1000, 1000, 4096, concurrency, 8192, 0.9)
	s.GPU.Name, s.Model.Name, s.Version = "B200", "Llama 4 Maverick", "1.2"
	s.Model.Routed.Dtype = NVFP4
	return s
}

func widthOf(s Scenario, rate float64) float64 {
	i := s.Around(rate)
	return (i.High - i.Low) / 2 / i.Mid
}

func TestIntervalsAreThoseOfTheRegime(t *testing.T) {
	c := Calibrated()
	s := nvfp4(-1)
	if got, want := widthOf(s, 1000), c.width("saturated, attention DP: experts", ""); !near(got, want) || want == 0 {
		t.Errorf("±%v for a run like those that were published, want ±%v", got, want)
	}
	if c.width("saturated, attention DP: of none", "saturated, attention DP") != c.width("", "saturated, attention DP") {
		t.Error("a regime without rows does not have the width of its load")
	}
	for _, w := range c.Widths {
		if c.width("of none", "of none") < w.Width {
			t.Errorf("a load without rows has a width below that of %s", w.Regime)
		}
	}
}

// Intervals widen for all that no published run covers.
func TestIntervalsWidenAwayFromPublishedRuns(t *testing.T) {
	c := Calibrated()
	for _, one := range []struct {
		gap    string
		change func(*Scenario)
	}{
		{"gpu", func(s *Scenario) { s.GPU.Name = "R100" }},
		{"model", func(s *Scenario) { s.Model.Name = "Llama 5" }},
		{"version", func(s *Scenario) { s.Version = "2.0" }},
		{"kind", func(s *Scenario) { s.Model.Routed.Dtype = BF16 }},
		{"option", func(s *Scenario) { s.NotModelled = map[string]any{"stream_interval": 4, "moe_config.backend": nil} }},
	} {
		s := nvfp4(-1)
		base := widthOf(s, 1000)
		one.change(&s)
		if got, want := widthOf(s, 1000), math.Hypot(base, c.Wider[one.gap]); !near(got, want) {
			t.Errorf("%s: ±%v, want ±%v", one.gap, got, want)
		}
	}
	if c.Wider["option"] <= 0 || c.Wider["rate"] <= 0 || c.Wider["batch"] <= 0 {
		t.Errorf("nothing is added for what is not known: %v", c.Wider)
	}
	if s := nvfp4(-1); widthOf(s, 2*c.Seen.FastestTPSPerGPU) <= widthOf(s, 1000) {
		t.Error("a rate above all published ones has no wider interval")
	}
	// No published run under attention DP has limited concurrency.
	if few, many := widthOf(nvfp4(64), 1000), widthOf(nvfp4(-1), 1000); few <= many {
		t.Errorf("±%v at concurrency 64, ±%v without a limit", few, many)
	}
	s := nvfp4(-1)
	s.NotModelled = map[string]any{}
	for i := range 100 {
		s.NotModelled[strconv.Itoa(i)] = true
	}
	if got := widthOf(s, 1000); !near(got, widest) {
		t.Errorf("±%v with a hundred options that are not modelled", got)
	}
}

// The supported cell is not covered: nobody published FP8 experts on Blackwell
// under attention DP.
func TestTheSupportedCellIsNotCovered(t *testing.T) {
	s := maverick(1000, 1000, 16384, 4096, 8192, 0.9)
	s.GPU.Name, s.Model.Name, s.Version = "GB200", "Llama 4 Maverick", "1.0"
	if got := Calibrated().gaps(&s, 10000); len(got) != 1 || got[0] != "kind" {
		t.Errorf("not covered: %v, want kind alone", got)
	}
	if got := strings.Join(s.Unpublished(), ", "); got != "FP8 experts on Blackwell under attention DP" {
		t.Errorf("unpublished: %s", got)
	}
}
