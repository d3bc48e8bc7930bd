package estimate

// Descend looks for the parameters that lose least, from start, moving those of
// the names one after the other by ratios that shrink once none gains. It ends
// at steps of 1 %.
func Descend(start Parameters, names []string, loss func(Parameters) float64) Parameters {
	const enough = 1e-9
	p, best := start, loss(start)
	for step := 0.32; step > 0.01; {
		moved := false
		for _, name := range names {
			for _, ratio := range []float64{1 + step, 1 / (1 + step)} {
				try := p
				*try.At(name) *= ratio
				if l := loss(try); l < best-enough {
					best, p, moved = l, try, true
					break
				}
			}
		}
		if !moved {
			step /= 2
		}
	}
	return p
}
