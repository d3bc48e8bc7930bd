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
		*s.p.at(name) = v
		s.seen |= 1 << i
	}
}

// whole is the percentiles if all of them were seen.
func (s *spread) whole() *Percentiles {
	if s.seen != 1<<len(percentileKeys)-1 {
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

func (d *draft) stream() *Streaming {
	if d.report.Streaming == nil {
		d.report.Streaming = &Streaming{}
	}
	return d.report.Streaming
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
	for i := range breakdowns {
		if p := d.spreads[i].whole(); p != nil {
			*breakdowns[i].at(d) = p
		}
	}
	w := &d.report.World
	w.WorldSize = w.TP * w.PP
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
	p := &d.report.Performance
	need(p.RequestThroughput != nil, "Request Throughput")
	need(p.OutputThroughput != nil, "Total Output Throughput")
	need(p.TotalLatencyMS != nil, "Total Latency")
	if d.first && !d.seen[requestSection] && d.spreads[latencyBreakdown].seen == 0 {
		need(d.closed, "the rule at the end of PERFORMANCE OVERVIEW")
		return out
	}
	need(p.AvgRequestLatencyMS != nil, "Average request latency")
	need(p.OutputThroughputPerUser != nil, "Per User Output Throughput")
	need(p.OutputThroughputPerGPU != nil, "Per GPU Output Throughput")
	if s := d.report.Streaming; s != nil {
		need(s.AvgTTFT != nil, "Average time-to-first-token")
		need(s.AvgTPOT != nil, "Average time-per-output-token")
		need(s.OutputSpeed != nil, "Per User Output Speed")
		need(s.TTFT != nil, "Time-to-First-Token Breakdown")
		need(s.TPOT != nil, "Time-per-Output-Token Breakdown")
	}
	need(p.Latency != nil, "Request Latency Breakdown")
	return out
}
