package estimate

// Averages are what a plan foretells of a run: how long it measures, in seconds,
// and means over the requests, times in milliseconds.
type Averages struct{ TotalS, TPSPerGPU, TTFT, TPOT float64 }

// Foretell simulates s as Simulate does and keeps no request. An error says what
// does not fit.
func Foretell(s Scenario) (Averages, error) {
	e, err := simulate(s, Memory(s), nil)
	if err != nil {
		return Averages{}, err
	}
	a := Averages{TotalS: e.now}
	var tokens, n float64
	for i := range e.sent {
		r := &e.sent[i]
		// The last one may stand for fewer.
		weight := float64(min(e.alike, len(s.Requests)-i*e.alike))
		n += weight
		tokens += weight * float64(r.OSL)
		a.TTFT += weight * (r.First - r.Start)
		a.TPOT += weight * (r.End - r.First) / float64(max(1, r.OSL-1))
	}
	a.TPSPerGPU = tokens / a.TotalS / float64(max(1, s.GPUs))
	a.TTFT, a.TPOT = a.TTFT/n*1e3, a.TPOT/n*1e3
	return a, nil
}
