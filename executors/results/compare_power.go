package results

import "math"

// leastToTell is the fewest samples a side with which the test can see anything
// at its level: with three each its smallest p is 0.1.
const leastToTell = 4

// usuallyTells is how many samples are asked for while nothing is known of the
// noise.
const usuallyTells = 6

// mostToTell bounds what is asked for.
const mostToTell = 1000

// needed is how many samples a side let the test see a relative change with a
// power of 80 % at the 5 % level: the formula of the t-test, with the test's
// efficiency of 3/π against it.
func needed(base, target []float64, change float64) int {
	noise, ok := relativeNoise(base, target)
	switch {
	case !ok:
		return usuallyTells
	case change <= 0:
		return mostToTell
	}
	const z = 1.960 + 0.842 // of 97.5 % and 80 %
	n := 2 * z * z * (noise / change) * (noise / change) * math.Pi / 3
	return int(math.Min(mostToTell, math.Max(leastToTell, math.Ceil(n))))
}

// relativeNoise is the pooled standard deviation of both sides, each relative to
// its mean; false where no side has two samples.
func relativeNoise(sides ...[]float64) (float64, bool) {
	sum, degrees := 0.0, 0
	for _, values := range sides {
		mean := 0.0
		for _, v := range values {
			mean += v / float64(len(values))
		}
		for _, v := range values {
			sum += (v/mean - 1) * (v/mean - 1)
		}
		degrees += len(values) - 1
	}
	if degrees < 1 {
		return 0, false
	}
	return math.Sqrt(sum / float64(degrees)), true
}
