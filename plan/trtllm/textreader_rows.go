package trtllm

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// readLine reads one line of a section.
func (t *textReader) readLine(line string, ended bool) {
	d := &t.draft
	if t.section == performanceSection || t.section == decodingSection {
		if d.breakdown(line) {
			return
		}
	}
	if t.section == machineSection {
		d.machine(line)
		return
	}
	label, value, ok := splitLabel(line)
	if !ok {
		return
	}
	switch t.section {
	case performanceSection:
		d.figure(label, value)
		if ended {
			d.energy(label, value)
			d.field(requestSection, label, value) // 0.17 counts requests here
		}
	case requestSection, worldSection:
		if ended {
			d.field(t.section, label, value)
		}
	case datasetSection:
		d.dataset(label, value)
	case engineSection:
		d.field(engineSection, label, value)
	}
}

// field reads a field of a section; versions differ in the hyphen of TensorRT-LLM.
func (d *draft) field(s section, label, value string) {
	label = strings.Replace(label, "TensorRT LLM", "TensorRT-LLM", 1)
	for _, f := range textFields {
		if f.section == s && f.label == label {
			f.read(&d.report, value)
		}
	}
}

// splitLabel splits at the first colon that white space follows. White space
// inside the label becomes single blanks.
func splitLabel(s string) (label, value string, ok bool) {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == ':' && (s[i+1] == ' ' || s[i+1] == '\t') {
			return strings.Join(strings.Fields(s[:i]), " "), strings.TrimSpace(s[i+1:]), true
		}
	}
	return "", "", false
}

// decodingSpreads are the percentiles of draft tokens in all versions, in the order of
// the text report.
var decodingSpreads = []struct {
	title, tag string
	at         func(*Decoding) **Percentiles
}{
	{"Acceptance Rate", "AR", func(d *Decoding) **Percentiles { return &d.Acceptance }},
	{"Number of Draft Tokens", "DT", func(d *Decoding) **Percentiles { return &d.Drafted }},
	{"Number of Accepted Draft Tokens", "ADT", func(d *Decoding) **Percentiles { return &d.Accepted }},
	{"Draft Acceptance Rate", "DAR", func(d *Decoding) **Percentiles { return &d.AcceptanceRate }},
	{"Acceptance Length", "AL", func(d *Decoding) **Percentiles { return &d.AcceptanceLength }},
}

// breakdown reads "[TPOT] P50    : 7.6079". It is false for another line. A
// breakdown that has begun makes its section.
func (d *draft) breakdown(line string) bool {
	tag, rest, ok := strings.Cut(line, "]")
	if !ok || !strings.HasPrefix(tag, "[") {
		return false
	}
	key, value, ok := strings.Cut(rest, ":")
	if !ok {
		return false
	}
	digits, tag := 0, tag[1:]
	for _, m := range distributions() {
		if m.Spread.Tag == tag {
			digits = 4
			d.report.Streaming = d.report.Streaming || m.Streaming
		}
	}
	for _, s := range decodingSpreads {
		if s.tag == tag {
			digits = 2
			d.decoding()
		}
	}
	if digits == 0 {
		return false
	}
	if v, ok := decimals(strings.TrimSpace(value), digits); ok {
		d.spread(tag).set(strings.TrimSpace(key), v)
	}
	return true
}

// figure reads a line of PERFORMANCE OVERVIEW.
func (d *draft) figure(label, value string) {
	i := slices.IndexFunc(Metrics, func(m Metric) bool { return slices.Contains(m.Labels, label) })
	if i < 0 {
		return
	}
	m := Metrics[i]
	d.first = d.first || label == firstThroughput
	d.report.Streaming = d.report.Streaming || m.Streaming
	if v, ok := decimals(value, 4); ok {
		d.report.Metrics.Set(m.Name, &v)
	}
}

func (d *draft) energy(label, value string) {
	e := Energy{}
	if d.report.Energy != nil {
		e = *d.report.Energy
	}
	switch strings.ToLower(label) {
	case "total energy (j)":
		e.TotalJ = float(value)
	case "output tokens per second per watt (tps/w)":
		e.TokensPerJoule = float(value)
	case "average gpu power (w)":
		e.GPUPowerW = float(value)
	default:
		return
	}
	d.report.Energy = &e
}

// machine reads "NVIDIA H200, memory 139.81 GB, 3.20 GHz".
func (d *draft) machine(line string) {
	name, rest, ok := strings.Cut(line, ", memory ")
	if !ok {
		return
	}
	memory, clock, _ := strings.Cut(rest, ", ")
	d.report.Machine = &Machine{Name: name, Memory: float(strings.TrimSuffix(memory, " GB")), Clock: float(strings.TrimSuffix(clock, " GHz"))}
}

func (d *draft) dataset(label, value string) {
	if d.report.Dataset == nil {
		d.report.Dataset = &DatasetInfo{}
	}
	switch label {
	case "Dataset Path":
		d.report.Dataset.Path = value
	case "Number of Sequences":
		d.report.Dataset.Requests = count(value)
	default:
		cells := strings.Fields(value)
		if len(cells) != len(d.table) {
			return
		}
		for i, c := range cells {
			if v := float(c); v != nil {
				d.table[i].set(label, *v)
			}
		}
	}
}

// A spread collects percentiles. seen has a bit for each that was there.
type spread struct {
	p    Percentiles
	seen uint
}

func (s *spread) set(name string, v float64) {
	if i := percentileNumber(name); i >= 0 {
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
func decimals(s string, digits int) (float64, bool) {
	_, fraction, _ := strings.Cut(s, ".")
	if len(fraction) != digits {
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
