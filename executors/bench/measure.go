package main

import (
	"math"
	"slices"
)

// figures are what was measured of a row.
type figures struct {
	*row
	err    error            // why it could not be measured
	work   map[int][]sample // by size
	floors []sample
}

// measure takes samples of a row, work and floor in turns.
func (l *lab) measure(r *row, rounds int) *figures {
	f := &figures{row: r, work: map[int][]sample{}}
	if r.available != nil {
		if f.err = r.available(l); f.err != nil {
			return f
		}
	}
	if r.rounds > 0 {
		rounds = min(rounds, r.rounds)
	}
	for _, size := range r.sizes {
		if r.prepare != nil {
			if f.err = r.prepare(l, size); f.err != nil {
				return f
			}
		}
	}
	for range rounds {
		for _, size := range r.sizes {
			if f.err = l.ctx.Err(); f.err != nil {
				return f
			}
			if size == r.counts && r.floor != nil {
				s, err := r.floor(l, size)
				if f.err = err; err != nil {
					return f
				}
				f.floors = append(f.floors, s)
			}
			s, err := r.do(l, size)
			if f.err = err; err != nil {
				return f
			}
			f.work[size] = append(f.work[size], s)
		}
	}
	return f
}

func median(list []sample, of func(sample) float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	var v []float64
	for _, s := range list {
		v = append(v, of(s))
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func wall(s sample) float64 { return s.Wall.Seconds() }

func cpu(s sample) float64 { return s.CPU.Seconds() }

func rss(s sample) float64 { return float64(s.RSS) / (1 << 20) }

func (f *figures) seconds() float64 { return median(f.work[f.counts], wall) }

func (f *figures) floor() float64 { return median(f.floors, wall) }

func (f *figures) ratio() float64 { return f.seconds() / f.floor() }

func (f *figures) mebibytes() float64 {
	most := 0.0
	for _, size := range f.sizes {
		most = max(most, median(f.work[size], rss))
	}
	return most
}

func (f *figures) bytesPerCPU() float64 {
	return median(f.work[f.counts], func(s sample) float64 { return float64(s.Bytes) / s.CPU.Seconds() })
}

func (f *figures) extra(unit string) float64 {
	return median(f.work[f.counts], func(s sample) float64 {
		if v, ok := s.Extra[unit]; ok {
			return v
		}
		return math.NaN()
	})
}

// exponent is that of the growth of time with size, by the largest two sizes
// and the smallest: 1 is linear. What is the same at any size, such as the
// start of a process, pulls it down.
func (f *figures) exponent() float64 {
	if f.fixed || len(f.sizes) < 2 {
		return math.NaN()
	}
	var x, y []float64
	for _, size := range f.sizes {
		x, y = append(x, math.Log(float64(size))), append(y, math.Log(median(f.work[size], wall)))
	}
	return slope(x, y)
}

// slope is that of the line of least squares.
func slope(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
