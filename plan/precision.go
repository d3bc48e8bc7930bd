package plan

import (
	"fmt"
	"math"
)

// A precision ends sampling once the interval of the throughput is narrow
// enough. The zero value asks for none.
type precision struct {
	wanted float64 // relative half-width
	most   int     // samples
	have   float64 // half-width of what is stored, infinite for too few samples
}

// leastForInterval is the fewest samples whose smallest and largest value bound
// the median with 95 %: 1 - 2 * 0.5^6 is 97 %.
const leastForInterval = 6

// sizeSamples sets how many samples are wanted: those for an interval first, then one
// more as long as it is too wide.
func (b *builder) sizeSamples(run *Run) error {
	p := &run.precision
	if p.wanted <= 0 {
		return nil
	}
	n, half, err := b.Ledger.Precision(run.Fingerprint, run.cluster, run.Simulated)
	if err != nil {
		return err
	}
	p.have = half
	least := min(p.most, max(run.State.Wanted, leastForInterval))
	switch {
	case n < least:
		run.State.Wanted = least
	case half <= p.wanted:
		run.State.Wanted = n
	default:
		run.State.Wanted = min(p.most, n+1)
	}
	return nil
}

// reason says how precise the stored samples are, "" where no precision is
// asked for.
func (p precision) reason() string {
	switch {
	case p.wanted <= 0:
		return ""
	case math.IsInf(p.have, 1):
		return fmt.Sprintf(", too few for ±%g %%", 100*p.wanted)
	}
	return fmt.Sprintf(", ±%.2g %% of ±%g %%", 100*p.have, 100*p.wanted)
}

// Precise reports whether the run is sampled to a precision, so that more
// samples may be wanted once these are had.
func (r *Run) Precise() bool { return r.precision.wanted > 0 }

// laterSamples is how many samples a later round may ask for beyond those that
// are wanted now.
func (r *Run) laterSamples() int {
	if !r.Precise() || r.Action == Keep || r.Action == Blocked {
		return 0
	}
	return max(0, r.precision.most-r.State.Wanted)
}

// LaterGPUHours is what the samples can cost at most that later rounds may ask
// for: to reach a precision, or of a search.
func (p *Plan) LaterGPUHours() float64 {
	sum := 0.0
	for _, r := range p.Runs {
		sum += r.GPUHoursLimit() * float64(r.laterSamples())
		if r.Asked.Search != "" && r.Action != Wait {
			sum -= r.GPUHoursLimit() * float64(r.State.Missing())
		}
	}
	for _, s := range p.Searches {
		sum += s.leftGPUHours()
	}
	return max(0, sum)
}

// PrecisionNotReached says by how much the stored samples miss the precision that
// is asked for, "" where they do not, or where none is asked for or stored.
func (r *Run) PrecisionNotReached() string {
	p, n := r.precision, r.State.Valid+r.State.Suspect
	switch {
	case n == 0 || p.have <= p.wanted:
		return ""
	case math.IsInf(p.have, 1):
		return fmt.Sprintf("%d of at most %d samples are too few for an interval; precision asks for ±%g %%", n, p.most, 100*p.wanted)
	}
	return fmt.Sprintf("±%.2g %% after %d of at most %d samples; precision asks for ±%g %%", 100*p.have, n, p.most, 100*p.wanted)
}
