package plan

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever there is to pack: no pack is over its bounds or of two shapes, each
// sample that fits is in one, and no run has its second sample before another in
// the same pack has its first.
func TestArrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Packing{
			MaxRuns: rapid.IntRange(1, 6).Draw(t, "runs"), MaxTime: time.Duration(rapid.IntRange(10, 300).Draw(t, "minutes")) * time.Minute, Margin: 2 * time.Minute,
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
			if limit := p.Limit(runs); limit > p.MaxTime {
				t.Fatalf("%v takes %s, and %s is allowed", pack, limit, p.MaxTime)
			}
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

// Jobs of one plan are of like size, and the cheapest run is first.
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
