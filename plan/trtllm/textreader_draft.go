package trtllm

import (
	"math"
	"strconv"
	"strings"
)

// A spread collects percentiles. seen has a bit for each that was there.
type spread struct {
	p    Percentiles
	seen uint
}

func (s *spread) set(name string, v float64) {
	if i := percentileIndex(name); i >= 0 {
		*s.p.At(name) = v
		s.seen |= 1 << i
	}
}

// whole is the percentiles if all of them were seen.
func (s *spread) whole() *Percentiles {
	if s.seen != 1<<len(PercentileNames)-1 {
		return nil
	}
	return &s.p
}

// decimals reads a number that is printed with exactly so many places behind
// the point: with fewer, the line was cut off.
func decimals(s string, places int) (float64, bool) {
	_, fraction, _ := strings.Cut(s, ".")
	if len(fraction) != places {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// spread is where the percentiles with a tag are collected.
func (d *draft) spread(tag string) *spread {
	if d.spreads == nil {
		d.spreads = map[string]*spread{}
	}
	if d.spreads[tag] == nil {
		d.spreads[tag] = &spread{}
	}
	return d.spreads[tag]
}

func (d *draft) decoding() *Decoding {
	if d.report.Decoding == nil {
		d.report.Decoding = &Decoding{}
	}
	return d.report.Decoding
}

// settle puts the percentiles that are whole into the report, and works out what
// a text report does not say.
func (d *draft) settle() {
	for _, m := range distributions() {
		if p := d.spread(m.Spread.Tag).whole(); p != nil {
			d.report.Percentiles.Set(m.Name, p)
		}
	}
	for _, s := range decodingSpreads {
		if p := d.spread(s.tag).whole(); p != nil {
			*s.at(d.decoding()) = p
		}
	}
	w := &d.report.World
	w.WorldSize = w.TP * w.PP
	const perGPU = "output_throughput_per_gpu_tok_s"
	if v := d.report.Metrics.At("system_output_throughput_tok_s"); d.first && v != nil && w.WorldSize > 0 && d.report.Metrics.At(perGPU) == nil {
		each := *v / float64(w.WorldSize) // 0.17 does not say it
		d.report.Metrics.Set(perGPU, &each)
	}
	s := d.report.Dataset
	if s == nil {
		return
	}
	s.ISL, s.OSL, s.SeqLen = d.table[0].whole(), d.table[1].whole(), d.table[2].whole()
	for _, c := range []struct {
		p   *Percentiles
		max *int
		avg *float64
	}{{s.ISL, &s.MaxISL, &s.AvgISL}, {s.OSL, &s.MaxOSL, &s.AvgOSL}, {s.SeqLen, &s.MaxSeqLen, &s.AvgSeqLen}} {
		if c.p != nil {
			*c.max, *c.avg = wholeLength(c.p.Maximum), c.p.Average
		}
	}
}

// lacks names what every report of this version has and this one has not; none
// for a whole report. From 0.18 on the breakdown of latency is the last of the
// figures; in 0.17, which counts requests among them, they end with a rule.
func (d *draft) lacks() []string {
	if !d.seen[performanceSection] {
		return []string{"PERFORMANCE OVERVIEW"}
	}
	var out []string
	need := func(there bool, what string) {
		if !there {
			out = append(out, what)
		}
	}
	metric := func(m Metric) {
		label, _, _ := strings.Cut(m.Labels[0], " (")
		label, _, _ = strings.Cut(label, " [")
		need(d.report.Metrics.At(m.Name) != nil, label)
	}
	if d.first && !d.seen[requestSection] && d.spread(latencyTag).seen == 0 {
		for _, m := range Metrics {
			if m.Name == RequestThroughput || m.Name == OutputThroughput || m.Name == TotalLatency {
				metric(m)
			}
		}
		need(d.closed, "the rule at the end of PERFORMANCE OVERVIEW")
		return out
	}
	for _, m := range Metrics {
		if !m.Optional && (d.report.Streaming || !m.Streaming) {
			metric(m)
		}
	}
	for _, m := range distributions() {
		if !m.Spread.Optional && (d.report.Streaming || !m.Streaming) {
			need(d.report.Percentiles.At(m.Name) != nil, breakdownName(m))
		}
	}
	return out
}

// breakdownName is what a breakdown of the text report is called.
func breakdownName(m Metric) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(m.Spread.Title, "Per-Request "), " (")
	head, tail, ok := strings.Cut(name, " [")
	if ok {
		_, tail, _ = strings.Cut(tail, "]")
	}
	return head + tail
}
