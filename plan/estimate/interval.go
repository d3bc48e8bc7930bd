package estimate

import (
	"math"
	"slices"
	"strings"
)

// An Interval is a prediction with its error: Mid is the best guess.
type Interval struct {
	Low  float64 `json:"low"`
	Mid  float64 `json:"mid"`
	High float64 `json:"high"`
}

// widest is the relative half-width that no interval exceeds.
const widest = 0.9

// Around is the interval of a throughput around mid by the calibration that is
// built in.
func (s *Scenario) Around(mid float64) Interval { return Calibrated().Around(s, mid) }

// Around is the interval of a throughput around mid: as wide as published runs of
// the same regime that no fit has seen ask for, and wider for all that no
// published run covers.
func (c *Calibration) Around(s *Scenario, mid float64) Interval {
	squares := math.Pow(c.width(s.Regime(), s.Load()), 2)
	for _, gap := range c.gaps(s, mid) {
		squares += math.Pow(c.Wider[gap], 2)
	}
	w := math.Min(widest, math.Sqrt(squares))
	return Interval{Low: mid * (1 - w), Mid: mid, High: mid * (1 + w)}
}

// gaps names what no published run covers, by the names of Wider.
func (c *Calibration) gaps(s *Scenario, rate float64) []string {
	var names []string
	for _, value := range s.NotModelled {
		if value != nil {
			names = append(names, "option")
		}
	}
	for _, aspect := range []struct {
		name    string
		covered bool
	}{
		{"gpu", slices.Contains(c.Seen.GPUs, s.GPU.Name)},
		{"model", slices.Contains(c.Seen.Models, s.Model.Name)},
		{"version", slices.Contains(c.Seen.Versions, s.Version)},
		{"kind", slices.Contains(c.Seen.Kinds, s.Kind())},
		{"load", slices.Contains(c.Seen.Loads, s.Load())},
		{"batch", s.Batch() >= c.Seen.SmallestBatch},
		{"graph", s.Batch() == 0 || s.graph(math.Ceil(s.Batch())) > 0},
		{"rate", rate <= c.Seen.FastestTPSPerGPU},
	} {
		if !aspect.covered {
			names = append(names, aspect.name)
		}
	}
	return names
}

// Unpublished names what of a run no published run has: with a result of one's own
// predictions are verified. Loads are left out, which intervals widen for.
func (s *Scenario) Unpublished() []string {
	var list []string
	for _, gap := range Calibrated().gaps(s, 0) {
		switch gap {
		case "gpu":
			list = append(list, "a "+s.GPU.Name)
		case "model":
			list = append(list, s.Model.Name)
		case "version":
			list = append(list, "TensorRT-LLM "+s.Version)
		case "kind":
			list = append(list, s.kindWords())
		}
	}
	return list
}

func (s *Scenario) kindWords() string {
	architecture, rest, _ := strings.Cut(s.Kind(), " ")
	dtype, split := strings.CutSuffix(rest, splitSuffix)
	words := dtype + " on " + architecture
	switch {
	case split:
		words += " cut by tensor parallelism or pipeline stages"
	case s.AttentionDP:
		words += " under attention DP"
	}
	return words
}

// Batch is how many requests a rank serves at once, at most.
func (s *Scenario) Batch() float64 {
	asked := len(s.Requests)
	if s.Concurrency > 0 {
		asked = min(asked, s.Concurrency)
	}
	return math.Min(float64(asked)/float64(s.Ranks()), s.room())
}

// room is how many requests a rank can serve at once.
func (s *Scenario) room() float64 {
	return float64(min(int64(s.MaxBatchSize), Memory(*s).RequestsFit))
}

// Load is what limits the batch: "limited" where concurrency leaves more than
// half of the room empty, else "saturated"; and ", attention DP" where every
// rank serves requests of its own.
func (s *Scenario) Load() string {
	load := "saturated"
	if s.Concurrency > 0 && s.Batch() < s.room()/2 {
		load = "limited"
	}
	if s.AttentionDP {
		load += ", attention DP"
	}
	return load
}

// Regime is what errors are alike in: the load, and the kind of layers.
func (s *Scenario) Regime() string {
	layers := "dense"
	switch {
	case s.Model.MLARank > 0:
		layers = "latent attention"
	case s.Model.MoELayers > 0 && s.Model.Routed.Dtype == MXFP4:
		layers = "MXFP4 experts"
	case s.Model.MoELayers > 0:
		layers = "experts"
	}
	return s.Load() + ": " + layers
}

const splitSuffix = ", split"

// Kind is what decides which kernels run, "Blackwell FP8 experts": the
// architecture, the type of most weights and whether these are experts, and
// ", split" where pipeline stages share the layers or tensor parallelism cuts the
// experts.
func (s *Scenario) Kind() string {
	kind := "Blackwell"
	if s.GPU.Hopper {
		kind = "Hopper"
	}
	if s.Model.MoELayers == 0 {
		kind += " " + string(s.Model.Attention.Dtype)
	} else {
		kind += " " + string(s.Model.Routed.Dtype) + " experts"
	}
	if s.PP > 1 || s.Model.MoELayers > 0 && s.TP > 1 && !s.AttentionDP {
		kind += splitSuffix
	}
	return kind
}
