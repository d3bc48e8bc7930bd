package estimate

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"sync"
)

// A Calibration is parameters with where they come from: the file that
// `make calibrate` writes and that is built into llmbench.
type Calibration struct {
	// Version changes when a prediction does.
	Version string `json:"version"`
	// Software is what the measurements were made with.
	Software string `json:"software"`
	// Unseen is how good predictions are of published runs while nothing of their
	// cell, a model and its type on as many GPUs of a kind, is in the fit.
	Unseen Unseen `json:"unseen"`
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

// Unseen are scores on cells that a fit has not seen, as shares: the mean
// absolute errors of throughput where the engine is saturated and where
// concurrency limits the batch and of the time between tokens, and how many
// measurements lie inside their interval.
type Unseen struct {
	Rows      int     `json:"rows"`
	Saturated float64 `json:"saturated"`
	Limited   float64 `json:"limited"`
	TPOT      float64 `json:"tpot"`
	Coverage  float64 `json:"coverage"`
}

// A Width is the relative half-width of intervals in a regime.
type Width struct {
	Regime string  `json:"regime"`
	Rows   int     `json:"rows"`
	Cells  int     `json:"cells"`
	Width  float64 `json:"width"`
}

// Seen is what published runs cover.
type Seen struct {
	GPUs             []string `json:"gpus"`
	Models           []string `json:"models"`
	Versions         []string `json:"versions"`
	Kinds            []string `json:"kinds"`
	Loads            []string `json:"loads"`
	SmallestBatch    float64  `json:"smallest_batch"`
	FastestTPSPerGPU float64  `json:"fastest_tps_per_gpu"`
}

// width is that of a regime; of one without rows that of its load, and of a load
// without rows the widest.
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
	return fmt.Sprintf("On %d published runs held out from the fit, predicted throughput is off by %.1f %% on average where the engine is saturated and by %.1f %% where concurrency limits the batch; %.0f %% of the runs fall inside the predicted interval.",
		u.Rows, 100*u.Saturated, 100*u.Limited, 100*math.Floor(100*u.Coverage)/100)
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

// Calibrated returns the calibration that is built in.
func Calibrated() *Calibration { return calibrated() }

var calibrated = sync.OnceValue(func() *Calibration {
	var c Calibration
	if err := json.Unmarshal(calibrationFile, &c); err != nil {
		panic("estimate: parameters.json: " + err.Error())
	}
	return &c
})

// Shipped are the parameters that llmbench predicts with.
func Shipped() Parameters { return shipped() }

var shipped = sync.OnceValue(func() Parameters {
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
