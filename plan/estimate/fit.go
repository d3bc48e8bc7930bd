package estimate

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// A Fit looks for the parameters under which traces take as long as was
// measured.
type Fit struct {
	// Priors are where the fit starts and what it is pulled to.
	Priors Parameters
	// Free names the parameters that it may move.
	Free []string
	// Pull is the weight of each prior against one observation: a parameter at e
	// times its prior costs half of it.
	Pull float64
}

// An Observation is a trace with what was measured: the output throughput of a
// GPU, in tokens a second, and the mean time between tokens, in milliseconds, 0
// where it was not.
type Observation struct {
	Trace     *Trace
	TPSPerGPU float64
	TPOT      float64
	Weight    float64
}

// softness is up to which relative error the loss is square; beyond it grows
// linearly, so that outliers move little.
const softness = 0.05

// Loss is the weighted sum of log errors, each made robust, and of what leaving
// the priors costs.
func (f Fit) Loss(list []Observation, p Parameters) float64 {
	sum := 0.0
	for _, e := range residuals(list, p) {
		sum += e.weight * (math.Hypot(e.log, softness) - softness)
	}
	for _, d := range f.moved(p) {
		sum += f.Pull / 2 * d * d
	}
	return sum
}

// A residual is the logarithm of predicted over measured.
type residual struct{ log, weight float64 }

// residuals are those of all figures that were measured, of which an
// observation's share its weight.
func residuals(list []Observation, p Parameters) []residual {
	out := make([]residual, 0, 2*len(list))
	for _, o := range list {
		a := o.Trace.Averages(p)
		rate := math.Log(a.TPSPerGPU / o.TPSPerGPU)
		if o.TPOT == 0 {
			out = append(out, residual{rate, o.Weight})
			continue
		}
		out = append(out, residual{rate, o.Weight / 2}, residual{math.Log(a.TPOT / o.TPOT), o.Weight / 2})
	}
	return out
}

// moved are the logarithms of the free parameters over their priors.
func (f Fit) moved(p Parameters) []float64 {
	d := make([]float64, len(f.Free))
	for i, name := range f.Free {
		d[i] = math.Log(*p.At(name) / *f.Priors.At(name))
	}
	return d
}

// Run minimizes the loss by the method of Levenberg and Marquardt on reweighted
// squares, in the logarithms of the parameters. It draws no random numbers.
func (f Fit) Run(list []Observation) Parameters { return f.From(f.Priors, list) }

// From is Run that begins at p.
func (f Fit) From(p Parameters, list []Observation) Parameters {
	const most, least, enough = 60, 1e-6, 1e-5
	best := f.Loss(list, p)
	damping := 1.0
	for range most {
		gradient, curvature := f.slope(list, p)
		gained := 0.0
		for ; damping < 1e6; damping *= 4 {
			try := f.step(p, gradient, curvature, damping)
			if l := f.Loss(list, try); l < best {
				gained, best, p = best-l, l, try
				damping = math.Max(least, damping/10)
				break
			}
		}
		if gained < enough*best {
			break
		}
	}
	return p
}

// slope is the gradient of the loss at p and, for the reweighted squares, its
// curvature.
func (f Fit) slope(list []Observation, p Parameters) (*mat.VecDense, *mat.SymDense) {
	const h = 1e-4
	n := len(f.Free)
	at := residuals(list, p)
	moved := f.moved(p)
	rows := make([][]residual, n)
	for j, name := range f.Free {
		q := p
		*q.At(name) *= math.Exp(h)
		rows[j] = residuals(list, q)
	}
	gradient, curvature := mat.NewVecDense(n, nil), mat.NewSymDense(n, nil)
	for j := range n {
		gradient.SetVec(j, f.Pull*moved[j])
		curvature.SetSym(j, j, f.Pull)
	}
	for i, r := range at {
		w := r.weight / math.Hypot(r.log, softness)
		for j := range n {
			dj := (rows[j][i].log - r.log) / h
			gradient.SetVec(j, gradient.AtVec(j)+w*r.log*dj)
			for k := j; k < n; k++ {
				curvature.SetSym(j, k, curvature.At(j, k)+w*dj*(rows[k][i].log-r.log)/h)
			}
		}
	}
	return gradient, curvature
}

// step moves p against the gradient.
func (f Fit) step(p Parameters, gradient *mat.VecDense, curvature *mat.SymDense, damping float64) Parameters {
	n := len(f.Free)
	damped := mat.NewSymDense(n, nil)
	damped.CopySym(curvature)
	for j := range n {
		damped.SetSym(j, j, curvature.At(j, j)+damping)
	}
	var factors mat.Cholesky
	var s mat.VecDense
	if !factors.Factorize(damped) || factors.SolveVecTo(&s, gradient) != nil {
		return p
	}
	for j, name := range f.Free {
		*p.At(name) *= math.Exp(-s.AtVec(j))
	}
	return p
}
