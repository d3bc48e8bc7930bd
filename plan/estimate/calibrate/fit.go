package main

import "github.com/llmbench/llmbench/plan/estimate"

// pull is the weight of the priors against one measurement.
const pull = 0.3

// fixed are parameters that published measurements do not constrain.
var fixed = map[string]bool{"dense_bf16": true, "moe_fp8": true, "workspace": true, "activation": true}

func newFit(c *estimate.Calibration) estimate.Fit {
	f := estimate.Fit{Pull: pull}
	for _, p := range c.Parameters {
		*f.Priors.At(p.Name) = p.Prior
		if fixed[p.Name] {
			*f.Priors.At(p.Name) = p.Fitted
			continue
		}
		f.Free = append(f.Free, p.Name)
	}
	return f
}

func observations(data []measurement) []estimate.Observation {
	list := make([]estimate.Observation, len(data))
	for i, r := range data {
		list[i] = estimate.Observation{Trace: r.trace, TPSPerGPU: r.measured, TPOT: r.tpot, Weight: r.weight}
	}
	return list
}
