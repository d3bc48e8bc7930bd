package estimate

// A Trace is the iterations that a scenario is served in. Under equal lengths
// the scheduler decides by order alone, so a trace can be timed under other
// parameters without simulating again; only Parameters.Workspace moves it.
type Trace struct {
	scenario Scenario
	parts    []part
	output   float64 // tokens
}

// A part is iterations that are alike but for what they attend to, of which the
// mean is kept: their time is linear in it.
type part struct {
	step step
	n    float64
}

// Record simulates s and keeps its iterations.
func Record(s Scenario) (*Trace, error) {
	mem := Memory(s)
	if err := mem.fits(); err != nil {
		return nil, err
	}
	t := &Trace{scenario: s}
	index := map[step]int{}
	e := newEngine(s, mem)
	e.record = func(st step, n int) {
		attended := st.attended
		st.attended = 0
		i, ok := index[st]
		if !ok {
			i = len(t.parts)
			index[st] = i
			t.parts = append(t.parts, part{step: st})
		}
		p := &t.parts[i]
		p.n += float64(n)
		p.step.attended += (attended - p.step.attended) * float64(n) / p.n
	}
	if err := e.run(); err != nil {
		return nil, err
	}
	for _, r := range s.Requests {
		t.output += float64(r.OSL)
	}
	return t, nil
}

// TPSPerGPU is the output throughput of a GPU, in tokens a second, under p.
func (t *Trace) TPSPerGPU(p Parameters) float64 {
	s := t.scenario
	s.Parameters = &p
	roof := newRoofline(&s)
	seconds := 0.0
	for _, part := range t.parts {
		seconds += part.n * roof.seconds(part.step)
	}
	return t.output / seconds / float64(max(1, s.GPUs))
}
