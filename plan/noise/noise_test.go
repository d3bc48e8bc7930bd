package noise

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
)

var histories = flag.Int("histories", 1000, "how many histories are drawn; make soak draws 10,000")

const sd = 0.015

// wellKnown is a pool that knows the noise of the histories below.
func wellKnown() Pool { return Pool{squares: sd * sd * 1e4, degrees: 1e4} }

// draw is a history of one sample a point whose true level at point i is truth(i).
func draw(r *rand.Rand, points int, truth func(i int) float64) []Point {
	out := make([]Point, points)
	for i := range out {
		out[i] = Point{Value: 14736 * truth(i) * (1 + sd*r.NormFloat64()), N: 1}
	}
	return out
}

func quiet(int) float64 { return 1 }

// share is the share of drawn histories for which found is true.
func share(t *testing.T, found func(r *rand.Rand) bool) float64 {
	t.Helper()
	n := 0
	for i := range *histories {
		if found(rand.New(rand.NewPCG(18, uint64(i)))) {
			n++
		}
	}
	got := float64(n) / float64(*histories)
	t.Logf("%.2f %% of %d", 100*got, *histories)
	return got
}

func TestQuietHistories(t *testing.T) {
	for name, pool := range map[string]func(*rand.Rand) Pool{
		"noise known well":           func(*rand.Rand) Pool { return wellKnown() },
		"noise known from 6 degrees": func(r *rand.Rand) Pool { return drawPool(r, 6) },
		"noise known from 40":        func(r *rand.Rand) Pool { return drawPool(r, 40) },
		"noise assumed":              func(*rand.Rand) Pool { return Pool{} },
	} {
		t.Run(name, func(t *testing.T) {
			if got := share(t, func(r *rand.Rand) bool { return len(pool(r).Changes(draw(r, 30, quiet))) > 0 }); got > 0.01 {
				t.Errorf("%.2f %% of quiet histories have a mark, at most 1 %% may", 100*got)
			}
		})
	}
}

// drawPool is a pool of pairs of samples.
func drawPool(r *rand.Rand, degrees int) Pool {
	var p Pool
	for range degrees {
		p.Add([]float64{100 * (1 + sd*r.NormFloat64()), 100 * (1 + sd*r.NormFloat64())})
	}
	return p
}

func TestMovedHistories(t *testing.T) {
	const before = 20
	for name, tt := range map[string]struct {
		truth  func(since int) float64 // the level at the since-th point that moved
		within int
	}{
		"a step of 5 % down":     {func(int) float64 { return 0.95 }, 3},
		"a step of 5 % up":       {func(int) float64 { return 1.05 }, 3},
		"a drift of 1 % a point": {func(since int) float64 { return math.Pow(0.99, float64(since)) }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			got := share(t, func(r *rand.Rand) bool {
				history := draw(r, before+tt.within, func(i int) float64 {
					if i < before {
						return 1
					}
					return tt.truth(i - before + 1)
				})
				for _, c := range wellKnown().Changes(history) {
					if c.Seen >= before {
						return true
					}
				}
				return false
			})
			if got < 0.9 {
				t.Errorf("found within %d points in %.1f %% of histories, 90 %% is the least", tt.within, 100*got)
			}
		})
	}
}

func TestPool(t *testing.T) {
	var p Pool
	for range 3 {
		p.Add([]float64{99, 101})
		p.Add([]float64{70}) // tells nothing
	}
	if p.SD() != Assumed || p.Degrees() != 3 {
		t.Errorf("%v with %d degrees, want %v assumed with 3", p.SD(), p.Degrees(), Assumed)
	}
	for range 3 {
		p.Add([]float64{0.0495, 0.0505}) // in another unit
	}
	if want := math.Sqrt2 / 100; math.Abs(p.SD()-want) > 1e-9 || !p.known() {
		t.Errorf("%v with %d degrees, want %v", p.SD(), p.Degrees(), want)
	}
}

// A change stands where it began, and points of several samples weigh more.
func TestChanges(t *testing.T) {
	point := func(v float64, n int) Point { return Point{Value: v, N: n} }
	history := []Point{point(14736, 1), point(14700, 1), point(10899, 1), point(10950, 1), point(14720, 1)}
	got := wellKnown().Changes(history)
	if len(got) != 2 || got[0].At != 2 || got[1].At != 4 || math.Abs(got[0].Relative+0.26) > 0.01 {
		t.Errorf("%+v", got)
	}
	if got := wellKnown().Changes([]Point{point(100, 1), point(95, 1)}); got != nil {
		t.Errorf("two single samples tell %+v", got)
	}
	if got := wellKnown().Changes([]Point{point(100, 9), point(95, 9)}); len(got) != 1 {
		t.Errorf("two points of nine samples tell %+v", got)
	}
	precise := Pool{squares: 1e-8 * 1e4, degrees: 1e4}
	if got := precise.Changes([]Point{point(100, 1), point(100.5, 1)}); got != nil {
		t.Errorf("half a percent is told as %+v", got)
	}
}
