package estimate

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
	return Fit{Priors: shipped, Free: refitted(measured[0].Scenario), Pull: refitPull}.Run(list), nil
}

// refitted are the parameters that a refit for s moves: how fast weights and
// cache are read, how fast experts compute, and what a layer costs beside.
func refitted(s Scenario) []string {
	var p Parameters
	moved := []*float64{p.weights(s.Model.Attention.Dtype, s.GPU), p.kv(s.GPU), p.layer(s.GPU)}
	if s.Model.MoELayers > 0 {
		moved[0] = p.weights(s.Model.Routed.Dtype, s.GPU)
		moved = append(moved, p.moe(&s.Model, s.GPU, s.Early))
	}
	return p.names(moved)
}
