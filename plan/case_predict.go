package plan

import (
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A CasePrediction is what a case should measure. Where the case does not fit
// into memory Fits is false, Why says what does not fit, and the figures are 0.
type CasePrediction struct {
	OutputThroughputPerGPU estimate.Interval // tokens a second
	AvgTTFT, AvgTPOT       float64           // milliseconds
	TotalLatency           float64           // milliseconds
	// KVCapacity is how many requests the KV cache of one rank holds.
	KVCapacity int64
	// EffectiveConcurrency is how many requests are really served at once.
	EffectiveConcurrency int
	MaxBatchSize         int // as given or as trtllm-bench would choose
	MaxNumTokens         int // likewise
	Fits                 bool
	Why                  string
}

// Predict simulates the case. An error is a mistake in the case.
func (c Case) Predict(cat *catalog.Catalog) (CasePrediction, error) {
	s, err := c.Scenario(cat)
	if err != nil {
		return CasePrediction{}, err
	}
	p := CasePrediction{MaxBatchSize: s.MaxBatchSize, MaxNumTokens: s.MaxNumTokens, KVCapacity: max(0, estimate.Memory(s).RequestsFit)}
	sim, err := estimate.Simulate(s, nil)
	if err != nil {
		p.Why = err.Error()
		return p, nil
	}
	m := sim.Metrics()
	p.OutputThroughputPerGPU = s.Around(m.TPSPerGPU)
	p.AvgTTFT, p.AvgTPOT, p.TotalLatency = m.AvgTTFT, m.AvgTPOT, m.TotalLatency
	p.EffectiveConcurrency = c.occupancy(s, p.KVCapacity).Running()
	p.Fits = true
	return p, nil
}

func (c Case) occupancy(s estimate.Scenario, capacity int64) Occupancy {
	o := Occupancy{Ranks: 1, Asked: len(s.Requests)}
	if s.AttentionDP {
		o.Ranks = s.TP
	}
	if c.Concurrency > 0 {
		o.Asked = min(o.Asked, c.Concurrency)
	}
	o.Slots, o.Fit = o.Ranks*s.MaxBatchSize, o.Ranks*int(capacity)
	return o
}
