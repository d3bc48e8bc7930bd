package plan

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/plan/estimate"
)

// Whatever there is to pack: no pack is over its bounds or of two shapes, each
// sample that fits is in one, and no run has its second sample before another in
// the same pack has its first.
func TestArrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Packing{
			MaxRuns: rapid.IntRange(1, 6).Draw(t, "runs"), MaxTime: time.Duration(rapid.IntRange(10, 300).Draw(t, "minutes")) * time.Minute, Margin: 2 * time.Minute,
			SideBySide: rapid.IntRange(0, 4).Draw(t, "side by side"), MaxNodes: rapid.IntRange(0, 5).Draw(t, "nodes there are"),
		}
		var samples []*Run
		for i := range rapid.IntRange(0, 8).Draw(t, "n") {
			r := &Run{Fingerprint: fmt.Sprint(i), TimeLimitSeconds: 60 * rapid.IntRange(1, 120).Draw(t, "limit"), Hardware: Hardware{GPUs: 8, Nodes: rapid.IntRange(1, 2).Draw(t, "nodes")}}
			for range rapid.IntRange(1, 3).Draw(t, "samples") {
				samples = append(samples, r)
			}
		}
		in := map[int]int{}
		round := map[string]int{}
		for _, pack := range p.Arrange(samples) {
			var runs []*Run
			last := 0
			for _, i := range pack {
				r := samples[i]
				runs = append(runs, r)
				in[i]++
				if r.shape() != runs[0].shape() {
					t.Fatalf("two shapes in %v", pack)
				}
				if round[r.Fingerprint]++; round[r.Fingerprint] < last {
					t.Fatalf("sample %d of %s comes after a round %d", round[r.Fingerprint], r.Fingerprint, last)
				}
				last = round[r.Fingerprint]
			}
			if len(pack) > p.MaxRuns {
				t.Fatalf("%v is over the bounds: %d runs", pack, len(pack))
			}
			dealtWell(t, p, runs)
		}
		for i, r := range samples {
			want := 1
			if p.Limit([]*Run{r}) > p.MaxTime {
				want = 0
			}
			if in[i] != want {
				t.Fatalf("sample %d is in %d packs, want %d", i, in[i], want)
			}
		}
	})
}

// dealtWell checks the slots of a pack: as many as there may be and none empty,
// the time limit that of the longest and within the bounds, and no run behind one
// that another slot would have taken sooner.
func dealtWell(t *rapid.T, p Packing, runs []*Run) {
	slots, limit := p.Deal(runs)
	most := min(len(runs), max(1, p.SideBySide))
	if p.MaxNodes > 0 {
		most = min(most, max(1, p.MaxNodes/runs[0].Hardware.Nodes))
	}
	queues, longest := make([][]*Run, most), p.Margin
	for i, r := range runs {
		for _, other := range queues {
			if p.Limit(other) < p.Limit(queues[slots[i]]) {
				t.Fatalf("run %d is in slot %d of %v, and another was free sooner", i, slots[i], slots)
			}
		}
		queues[slots[i]] = append(queues[slots[i]], r)
	}
	for slot, q := range queues {
		if len(q) == 0 {
			t.Fatalf("slot %d of %v is empty", slot, slots)
		}
		longest = max(longest, p.Limit(q))
	}
	if limit != longest || limit > p.MaxTime {
		t.Fatalf("the limit is %s, of the longest slot %s, and %s is allowed", limit, longest, p.MaxTime)
	}
}

// Packs of one plan are of like size, and the cheapest run is first.
func TestArrangeEvenly(t *testing.T) {
	var samples []*Run
	for i := range 9 {
		samples = append(samples, &Run{Fingerprint: fmt.Sprint(i), TimeLimitSeconds: 60 * (10 - i), Hardware: Hardware{GPUs: 8}})
	}
	got := fmt.Sprint(Packing{MaxRuns: 8, MaxTime: 4 * time.Hour, Margin: time.Minute}.Arrange(samples))
	if want := "[[8 7 6 5 4] [3 2 1 0]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Slots that have the same by time limits are dealt to by what is expected, and
// packs of one plan have equally long slots where they can.
func TestDeal(t *testing.T) {
	run := func(i, minutes int, hours float64) *Run {
		return &Run{Fingerprint: fmt.Sprint(i), TimeLimitSeconds: 60 * minutes, Hardware: Hardware{GPUs: 8, Nodes: 2}, Estimate: &Estimate{GPUHours: &estimate.Interval{Mid: hours}}}
	}
	p := Packing{MaxRuns: 8, MaxTime: 4 * time.Hour, Margin: time.Minute, SideBySide: 2}
	slots, limit := p.Deal([]*Run{run(1, 30, 1), run(2, 30, 2), run(3, 30, 3), run(4, 30, 4), run(5, 50, 5)})
	if got := fmt.Sprint(slots, limit); got != "[0 1 0 1 0] 1h54m0s" {
		t.Errorf("got %s", got)
	}
	slots, limit = p.Deal([]*Run{run(1, 90, 1), run(2, 30, 2), run(3, 30, 3), run(4, 30, 4)})
	if got := fmt.Sprint(slots, limit); got != "[0 1 1 1] 1h34m0s" {
		t.Errorf("got %s", got)
	}
	var samples []*Run
	for i := range 10 {
		samples = append(samples, run(i, 10, 1))
	}
	if got := fmt.Sprint(p.Arrange(samples)); got != "[[0 1 2 3 4 5] [6 7 8 9]]" {
		t.Errorf("got %s", got)
	}
}
