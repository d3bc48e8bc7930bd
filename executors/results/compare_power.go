package results

import (
	"math"

	"github.com/llmbench/llmbench/plan/noise"
)

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
	var pool noise.Pool
	pool.Add(base)
	pool.Add(target)
	switch {
	case pool.Degrees() == 0:
		return usuallyTells
	case change <= 0:
		return mostToTell
	}
	const z = 1.960 + 0.842 // of 97.5 % and 80 %
	n := 2 * z * z * (pool.Measured() / change) * (pool.Measured() / change) * math.Pi / 3
	return int(math.Min(mostToTell, math.Max(leastToTell, math.Ceil(n))))
}
