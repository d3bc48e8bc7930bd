package main

import (
	"math"

	"github.com/llmbench/llmbench/plan/estimate"
)

// A fitting looks for the parameters under which rows are predicted best.
type fitting struct {
	priors estimate.Parameters
	free   []string // names of the parameters that are fitted
}

// pull is the weight of the priors against one row: a parameter at e times its
// prior costs half of it.
const pull = 0.4

// fixed are parameters that published rows do not constrain.
var fixed = map[string]bool{"host": true, "host_request": true, "dense_fp8": true, "moe_fp8": true, "workspace": true}

func newFitting(c *estimate.Calibration) fitting {
	var f fitting
	for _, p := range c.Parameters {
		*f.priors.At(p.Name) = p.Prior
		if fixed[p.Name] {
			*f.priors.At(p.Name) = p.Fitted
			continue
		}
		f.free = append(f.free, p.Name)
	}
	return f
}

// fit finds the parameters for rows.
func (f fitting) fit(rows []row) estimate.Parameters {
	return estimate.Descend(f.priors, f.free, func(p estimate.Parameters) float64 { return f.loss(rows, p) })
}

// loss is the sum of absolute log errors, which outliers move little, and of
// what leaving the priors costs. Rows of Maverick count twice: it is what
// llmbench measures.
func (f fitting) loss(rows []row, p estimate.Parameters) float64 {
	sum := 0.0
	for _, r := range rows {
		sum += r.weight * math.Abs(math.Log(r.trace.TPSPerGPU(p)/r.measured))
	}
	for _, name := range f.free {
		d := math.Log(*p.At(name) / *f.priors.At(name))
		sum += pull / 2 * d * d
	}
	return sum
}
