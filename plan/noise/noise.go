// Package noise says how far samples of one run lie apart, and which change of a
// history is more than that. Its functions are pure.
package noise

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Assumed is the relative standard deviation of samples while fewer than LeastDegrees
// degrees of freedom tell of it.
const (
	Assumed      = 0.02
	LeastDegrees = 6
)

// A Pool is the noise that all runs of a store show together: of one cluster and one
// image, since others have another. The zero Pool knows nothing.
type Pool struct {
	squares float64
	degrees int
}

// Add adds the samples of one run, in any unit. One sample tells nothing.
func (p *Pool) Add(samples []float64) {
	mean := 0.0
	for _, v := range samples {
		mean += v / float64(len(samples))
	}
	if len(samples) < 2 || mean == 0 {
		return
	}
	for _, v := range samples {
		p.squares += (v/mean - 1) * (v/mean - 1)
	}
	p.degrees += len(samples) - 1
}

// Join adds what another pool knows, as if its samples had been added here.
func (p *Pool) Join(other Pool) {
	p.squares += other.squares
	p.degrees += other.degrees
}

// Degrees is how many degrees of freedom were added.
func (p Pool) Degrees() int { return p.degrees }

// known reports whether the samples tell the noise, so that it is not assumed.
func (p Pool) known() bool { return p.degrees >= LeastDegrees }

// SD is the standard deviation between samples of one run relative to their mean:
// 0.015 for 1.5 %.
func (p Pool) SD() float64 {
	if !p.known() {
		return Assumed
	}
	return p.Measured()
}

// Measured is SD as the samples show it, however few they are; NaN for none.
func (p Pool) Measured() float64 { return math.Sqrt(p.squares / float64(p.degrees)) }

// Explains is the largest relative difference between the means of n and of m samples
// that noise explains: two standard deviations of it.
func Explains(sd float64, n, m int) float64 {
	return 2 * sd * math.Sqrt(1/float64(n)+1/float64(m))
}

// A Point of a history is the mean of N samples that were measured together. Value is
// positive.
type Point struct {
	Value float64
	N     int
}

// A Change is where a history took another level.
type Change struct {
	// At is the index of the first point of the new level, and Seen that of the point
	// with which it could be told.
	At, Seen int
	// Relative is the new level against the one before, less 1.
	Relative float64
}

// The test holds the mean of the last 1, 3 or 8 points against that of all points
// of the level before. mistaken is the chance of each such look to see a change where
// there is none: of quiet histories of 30 points fewer than one in a hundred has a mark.
// A change of less than leastChange matters to nobody.
const (
	mistaken    = 7e-5
	leastChange = 0.01
)

var windows = []int{1, 3, 8}

// Changes finds the steps in a history, the oldest first: a drift is a stair of them.
// With noise of 1.5 % that the pool knows well and one sample a point, a step of 5 % is
// found within three points, and a drift of 1 % a point within eight.
func (p Pool) Changes(history []Point) []Change {
	limit, sd := p.limit(), p.SD()
	var out []Change
	from := 0
	for seen := range history {
		best, most := Change{}, limit
		for _, w := range windows {
			at := seen - w + 1
			if at <= from {
				break
			}
			before, n := level(history[from:at])
			after, m := level(history[at : seen+1])
			relative := math.Exp(after-before) - 1
			if z := math.Abs(after-before) / (sd * math.Sqrt(1/n+1/m)); z > most && math.Abs(relative) >= leastChange {
				best, most = Change{At: at, Seen: seen, Relative: relative}, z
			}
		}
		if most > limit {
			out, from = append(out, best), best.At
		}
	}
	return out
}

// limit is how many standard errors a difference must have. Few degrees of freedom
// leave the noise itself in doubt.
func (p Pool) limit() float64 {
	if !p.known() {
		return distuv.UnitNormal.Quantile(1 - mistaken/2)
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(p.degrees)}.Quantile(1 - mistaken/2)
}

// level is the mean logarithm of points, and of how many samples.
func level(points []Point) (mean, n float64) {
	for _, p := range points {
		mean += float64(p.N) * math.Log(p.Value)
		n += float64(p.N)
	}
	return mean / n, n
}
