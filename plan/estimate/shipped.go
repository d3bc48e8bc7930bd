package estimate

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// A Calibration is parameters with where they come from: the file that
// `make calibrate` writes and that is built into llmbench.
type Calibration struct {
	// Version changes when a prediction does.
	Version string `json:"version"`
	// Software is what the measurements were made with.
	Software string `json:"software"`
	// Width is the relative half-width of intervals of throughput, Coverage the
	// share of published measurements that lie inside when nothing else of their
	// model, GPU and edition is in the fit.
	Width    float64 `json:"width"`
	Coverage float64 `json:"coverage"`
	// UnseenWidth is the half-width for kinds of runs that are not in Seen: as
	// many measurements lie inside when their model is not in the fit at all.
	UnseenWidth float64  `json:"unseen_width"`
	Seen        []string `json:"seen"`
	// SmallestBatch is the smallest batch of a rank in the published runs,
	// SingleWidth the half-width for a batch of one: a judgement, since no run is
	// there to measure it by. Between them the width grows with the logarithm.
	SmallestBatch float64     `json:"smallest_batch"`
	SingleWidth   float64     `json:"single_width"`
	Parameters    []Parameter `json:"parameters"`
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

// At is the parameter of a name, nil for an unknown one.
func (p *Parameters) At(name string) *float64 {
	switch name {
	case "weights":
		return &p.Weights
	case "dense_bf16":
		return &p.DenseBF16
	case "dense_fp8":
		return &p.DenseFP8
	case "dense_fp8_hopper":
		return &p.DenseFP8Hopper
	case "dense_fp4":
		return &p.DenseFP4
	case "moe_fp8":
		return &p.MoEFP8
	case "moe_fp8_hopper":
		return &p.MoEFP8Hopper
	case "moe_fp4":
		return &p.MoEFP4
	case "moe_fp4_early":
		return &p.MoEFP4Early
	case "norm":
		return &p.Norm
	case "kv":
		return &p.KV
	case "kv_hopper":
		return &p.KVHopper
	case "prefill":
		return &p.Prefill
	case "prefill_hopper":
		return &p.PrefillHopper
	case "mla":
		return &p.MLA
	case "element":
		return &p.Element
	case "element_moe":
		return &p.ElementMoE
	case "layer":
		return &p.Layer
	case "layer_hopper":
		return &p.LayerHopper
	case "link":
		return &p.Link
	case "collective":
		return &p.Collective
	case "host":
		return &p.Host
	case "host_request":
		return &p.HostRequest
	case "head":
		return &p.Head
	case "activation":
		return &p.Activation
	case "reduce":
		return &p.Reduce
	case "layer_moe":
		return &p.LayerMoE
	case "workspace":
		return &p.Workspace
	}
	return nil
}
