package search

import "math"

// A metric is what is known of one metric: the logarithm of a candidate's value is that
// of its prediction and a residual. Residuals are a Gaussian process. They have a part
// that all candidates share, one for each value of an option that predictions do not
// see, one that changes smoothly along the axes, and one of each candidate's own.
type metric struct {
	name  string
	rough bool

	base     []float64 // logarithms of predictions
	measured []int
	residual []float64
	variance []float64 // of the noise of each
	scale    float64   // the standard deviation of residuals
	mean, sd []float64 // by candidate
	list     []Candidate
	rows     map[int][]float64 // the covariances with all candidates for a scale of 1, of each that was measured
}

func (m *metric) row(i int) []float64 {
	row := m.rows[i]
	if row == nil {
		row = make([]float64, len(m.list))
		for j := range m.list {
			row[j] = alike(&m.list[i], &m.list[j])
		}
		m.rows[i] = row
	}
	return row
}

// The parts of the variance of residuals, and how they carry over.
const (
	sharedPart, useCasePart, optionPart, smoothPart, ownPart = 0.25, 0.15, 0.8, 0.9, 0.2

	reach      = 0.35 // along axes, within which residuals are alike
	acrossPart = 0.6  // of the smooth part, with another option or use case

	usualError, roughError, blindError = 0.15, 0.4, 1.0
)

// scales are how far predictions may be off, relative to what is usual.
var scales = []float64{0.4, 0.6, 0.8, 1, 1.3, 1.7, 2.2, 3, 4}

func (m *metric) learn(list []Candidate, rows map[int][]float64, noise float64) {
	m.list, m.rows = list, rows
	usual := usualError
	if m.rough {
		usual = roughError
	}
	m.base = make([]float64, len(list))
	blind := false
	for i, c := range list {
		p, ok := c.Predicted[m.name]
		if !ok || !(p > 0) {
			blind = true
			break
		}
		m.base[i] = math.Log(p)
	}
	if blind { // differences between candidates are not predicted
		usual = blindError
		sum, n := 0.0, 0.0
		for _, c := range list {
			if v := meanOf(c, m.name); !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		for i := range m.base {
			m.base[i] = sum / max(1, n)
		}
	}
	for i, c := range list {
		if v := meanOf(c, m.name); !math.IsNaN(v) {
			m.measured = append(m.measured, i)
			m.residual = append(m.residual, v-m.base[i])
			m.variance = append(m.variance, noise*noise/float64(len(c.Samples)))
		}
	}
	best := math.Inf(-1)
	for _, f := range scales {
		prior := math.Log(f) / 0.7
		if l := m.likelihood(f*usual) - prior*prior/2; l > best {
			best, m.scale = l, f*usual
		}
	}
	m.predict()
}

// alike is the covariance of the residuals of two candidates, for a scale of 1.
func alike(a, b *Candidate) float64 {
	sum, smooth := sharedPart, smoothPart
	if a.UseCase == b.UseCase {
		sum += useCasePart
	} else {
		smooth *= acrossPart
	}
	for o := range a.Options {
		if a.Options[o] == b.Options[o] {
			sum += optionPart / float64(len(a.Options))
		} else {
			smooth *= acrossPart
		}
	}
	d := 0.0
	for x := range a.Position {
		d += (a.Position[x] - b.Position[x]) * (a.Position[x] - b.Position[x])
	}
	sum += smooth * math.Exp(-d/(2*reach*reach))
	if a == b {
		sum += ownPart
	}
	return sum
}

// factor is the Cholesky factor of the covariance of what was measured.
func (m *metric) factor(scale float64) [][]float64 {
	n := len(m.measured)
	l := make([][]float64, n)
	for i := range n {
		l[i] = make([]float64, i+1)
		for j := range i + 1 {
			sum := scale * scale * m.row(m.measured[i])[m.measured[j]]
			if i == j {
				sum += m.variance[i]
			}
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(max(sum, 1e-12))
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
	}
	return l
}

// forward solves l x = b.
func forward(l [][]float64, b []float64) []float64 {
	x := make([]float64, len(b))
	for i := range b {
		sum := b[i]
		for k := range i {
			sum -= l[i][k] * x[k]
		}
		x[i] = sum / l[i][i]
	}
	return x
}

// likelihood is the logarithm of the probability of what was measured, but for a
// constant.
func (m *metric) likelihood(scale float64) float64 {
	l := m.factor(scale)
	sum := 0.0
	for i, x := range forward(l, m.residual) {
		sum -= x*x/2 + math.Log(l[i][i])
	}
	return sum
}

// predict computes what is expected of every candidate.
func (m *metric) predict() {
	n := len(m.base)
	m.mean, m.sd = make([]float64, n), make([]float64, n)
	l := m.factor(m.scale)
	white := forward(l, m.residual)
	k := make([]float64, len(m.measured))
	for i := range n {
		for j, at := range m.measured {
			k[j] = m.scale * m.scale * m.row(at)[i]
		}
		mean, variance := 0.0, m.scale*m.scale*alike(&m.list[i], &m.list[i])
		for j, x := range forward(l, k) {
			mean += x * white[j]
			variance -= x * x
		}
		m.mean[i], m.sd[i] = m.base[i]+mean, math.Sqrt(max(variance, 1e-12))
	}
}

// of is what is expected of the logarithm of a candidate's value.
func (m *metric) of(i int) (mean, sd float64) { return m.mean[i], m.sd[i] }

// believe takes a candidate for measured, with what is expected of it.
func (m *metric) believe(i int) {
	m.measured = append(m.measured, i)
	m.residual = append(m.residual, m.mean[i]-m.base[i])
	m.variance = append(m.variance, 1e-6)
	m.predict()
}

// meanOf is the logarithm of the mean of a metric over the samples of a candidate, NaN
// where one does not have it.
func meanOf(c Candidate, name string) float64 {
	if len(c.Samples) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, s := range c.Samples {
		v, ok := s[name]
		if !ok {
			return math.NaN()
		}
		sum += v
	}
	return logOf(sum / float64(len(c.Samples)))
}

// logOf is the logarithm of a figure; one that is not positive is next to nothing.
func logOf(f float64) float64 { return math.Log(max(f, 1e-9)) }

// below is the probability that a normal variable is below z.
func below(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// expectedGain is the mean of what is positive of a normal variable.
func expectedGain(mean, sd float64) float64 {
	z := mean / sd
	return mean*below(z) + sd*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)
}
