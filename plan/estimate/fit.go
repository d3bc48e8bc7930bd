package estimate

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"sync"

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
		r := residual{math.Log(a.TPSPerGPU / o.TPSPerGPU), o.Weight}
		if o.TPOT > 0 {
			r.weight /= 2
			out = append(out, residual{math.Log(a.TPOT / o.TPOT), r.weight})
		}
		out = append(out, r)
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
// squares, in the logarithms of the parameters, and begins at p. It draws no random
// numbers.
func (f Fit) Run(p Parameters, list []Observation) Parameters {
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

// A Measured is a scenario with the output throughput of a GPU that was
// measured, in tokens a second.
type Measured struct {
	Scenario  Scenario
	TPSPerGPU float64
}

// refitPull is the weight of the shipped parameters against one measurement.
const refitPull = 3

// Refit moves the few parameters that decide how fast one model runs on one GPU
// and version towards measurements of these, with the shipped ones as
// regulariser: one measurement moves them little, several as far as they agree. A
// scenario that does not fit into memory is an error.
func Refit(measured []Measured) (Parameters, error) {
	shipped := Shipped()
	if len(measured) == 0 {
		return shipped, nil
	}
	list := make([]Observation, len(measured))
	for i, m := range measured {
		t, err := Record(m.Scenario)
		if err != nil {
			return shipped, err
		}
		list[i] = Observation{Trace: t, TPSPerGPU: m.TPSPerGPU, Weight: 1}
	}
	return Fit{Priors: shipped, Free: refitted(measured[0].Scenario), Pull: refitPull}.Run(shipped, list), nil
}

// refitted are the parameters that a refit for s moves: how fast weights and
// cache are read, how fast experts compute, and what a layer costs beside.
func refitted(s Scenario) []string {
	var p Parameters
	moved := []*float64{p.weights(s.Model.Attention.Dtype, s.GPU), pick(s.GPU, &p.KV, &p.KVHopper), pick(s.GPU, &p.Layer, &p.LayerHopper)}
	if s.Model.MoELayers > 0 {
		moved[0] = p.weights(s.Model.Routed.Dtype, s.GPU)
		moved = append(moved, p.moe(&s.Model, s.GPU, s.Early))
	}
	return p.names(moved)
}

// A Calibration is parameters with where they come from: the file that
// `make calibrate` writes and that is built into llmbench.
type Calibration struct {
	// Version changes when a prediction does.
	Version string `json:"version"`
	// Software is what the measurements were made with.
	Software string `json:"software"`
	// Unseen is how good predictions are of published runs while nothing of their
	// cell, a model and its type on as many GPUs of a kind, is in the fit.
	Unseen HeldOut `json:"unseen"`
	// Widths are the relative half-widths of intervals of throughput, by regime and
	// by load.
	Widths []Width `json:"widths"`
	// Wider is what is added to the width, by squares, for what no published run
	// covers: the GPU, model, version, kind or load of a run, a batch smaller or a
	// rate greater than any, generating without a CUDA graph, and every option that
	// is not modelled.
	Wider map[string]float64 `json:"wider"`
	Seen  Seen               `json:"seen"`

	Parameters []Parameter `json:"parameters"`
}

// HeldOut are scores on cells that a fit has not seen, as shares: the mean
// absolute errors of throughput where the engine is saturated and where
// concurrency limits the batch and of the time between tokens, how many
// measurements lie inside their interval, and the median half-width of these.
type HeldOut struct {
	Measurements int     `json:"rows"`
	Saturated    float64 `json:"saturated"`
	Limited      float64 `json:"limited"`
	TPOT         float64 `json:"tpot"`
	Coverage     float64 `json:"coverage"`
	Width        float64 `json:"width"`
}

// A Width is the relative half-width of intervals in a regime.
type Width struct {
	Regime       string  `json:"regime"`
	Measurements int     `json:"rows"`
	Cells        int     `json:"cells"`
	Width        float64 `json:"width"`
}

// Seen is what published runs cover: predictions outside it get wider intervals.
type Seen struct {
	GPUs             []string `json:"gpus"`
	Models           []string `json:"models"`
	Versions         []string `json:"versions"`
	Kinds            []string `json:"kinds"`
	Loads            []string `json:"loads"`
	SmallestBatch    float64  `json:"smallest_batch"`
	FastestTPSPerGPU float64  `json:"fastest_tps_per_gpu"`
}

// width is that of a regime; of one without measurements that of its load, and of a load
// without measurements the widest.
func (c *Calibration) width(regime, load string) float64 {
	most := 0.0
	for _, name := range []string{regime, load} {
		for _, w := range c.Widths {
			if w.Regime == name {
				return w.Width
			}
			most = max(most, w.Width)
		}
	}
	return most
}

// Sentence says how good predictions are.
func (c *Calibration) Sentence() string {
	u := c.Unseen
	return fmt.Sprintf("On %d published runs held out from the fit, predicted throughput is off by %.1f %% on average where the engine is saturated and by %.1f %% where concurrency limits the batch; %.0f %% of the runs fall inside the predicted interval, which is ±%.0f %% in the median.",
		u.Measurements, 100*u.Saturated, 100*u.Limited, 100*u.Coverage, 100*u.Width)
}

// A Parameter is one of Parameters under the name that the file gives it, as
// kernel timings let expect and as fitted to published runs.
type Parameter struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	What   string  `json:"what"`
	Prior  float64 `json:"prior"`
	Fitted float64 `json:"fitted"`
	// Source is where the prior comes from.
	Source string `json:"source"`
}

//go:embed parameters.json
var calibrationFile []byte

// Calibrated returns the calibration that is built in, which is not to be changed.
var Calibrated = sync.OnceValue(func() *Calibration {
	var c Calibration
	if err := json.Unmarshal(calibrationFile, &c); err != nil {
		panic("estimate: parameters.json: " + err.Error())
	}
	return &c
})

// Shipped are the parameters that llmbench predicts with.
var Shipped = sync.OnceValue(func() Parameters {
	var p Parameters
	for _, one := range Calibrated().Parameters {
		at := p.At(one.Name)
		if at == nil {
			panic("estimate: parameters.json: unknown parameter " + one.Name)
		}
		*at = one.Fitted
	}
	return p
})
