package trtllm

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A draft is a report that is being read. begin is the line in which it began.
type draft struct {
	report Report
	begin  int
	seen   [unknownSection + 1]bool
	// first says that 0.17 printed it, which has no breakdown of latency; closed
	// that a rule ended the section of the figures.
	first, closed bool
	// spreads are percentiles by tag, NaN where they were not seen; those of the data
	// set under the names of their columns.
	spreads map[string]*Percentiles
}

// field reads a field of a section; versions differ in the hyphen of TensorRT-LLM.
func (d *draft) field(s section, label, value string) {
	label = strings.Replace(label, "TensorRT LLM", "TensorRT-LLM", 1)
	for i := range textFields {
		if f := &textFields[i]; f.section == s && strings.EqualFold(f.label, label) {
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
	if v := decimals(strings.TrimSpace(value), digits); v != nil {
		d.percentile(tag, strings.TrimSpace(key), *v)
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
	if v := decimals(value, 4); v != nil {
		d.report.Metrics.Set(m.Name, v)
	}
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
		for i, c := range cells {
			if v := float(c); v != nil && len(cells) == len(datasetColumns) {
				d.percentile(datasetColumns[i], label, *v)
			}
		}
	}
}

// datasetColumns are the columns of the table of the data set.
var datasetColumns = []string{"Input", "Output", "Seq. Length"}

// percentile keeps one of the percentiles with a tag; other names are passed over.
func (d *draft) percentile(tag, name string, v float64) {
	nan := math.NaN()
	p := cmp.Or(d.spreads[tag], &Percentiles{nan, nan, nan, nan, nan, nan, nan})
	if at := p.At(name); at != nil {
		*at = v
		if d.spreads == nil {
			d.spreads = map[string]*Percentiles{}
		}
		d.spreads[tag] = p
	}
}

// spread is the percentiles with a tag, nil unless all of them were seen.
func (d *draft) spread(tag string) *Percentiles {
	p := d.spreads[tag]
	for _, name := range PercentileNames {
		if p == nil || math.IsNaN(*p.At(name)) {
			return nil
		}
	}
	return p
}

// decimals reads a number that is printed with exactly so many places behind
// the point, nil for anything else: with fewer, the line was cut off.
func decimals(s string, digits int) *float64 {
	if _, fraction, _ := strings.Cut(s, "."); len(fraction) != digits {
		return nil
	}
	return float(s)
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
		if p := d.spread(m.Spread.Tag); p != nil {
			d.report.Percentiles.Set(m.Name, p)
		}
	}
	for _, s := range decodingSpreads {
		if p := d.spread(s.tag); p != nil {
			*s.at(d.decoding()) = p
		}
	}
	if e := d.report.Energy; e != nil && *e == (Energy{}) {
		d.report.Energy = nil
	}
	w := &d.report.World
	w.WorldSize = w.TP * w.PP
	if v := d.report.Metrics.At(OutputThroughput); d.first && v != nil && w.WorldSize > 0 && d.report.Metrics.At(OutputThroughputPerGPU) == nil {
		each := *v / float64(w.WorldSize) // 0.17 does not say it
		d.report.Metrics.Set(OutputThroughputPerGPU, &each)
	}
	s := d.report.Dataset
	if s == nil {
		return
	}
	for i, c := range []struct {
		p   **Percentiles
		max *int
		avg *float64
	}{{&s.ISL, &s.MaxISL, &s.AvgISL}, {&s.OSL, &s.MaxOSL, &s.AvgOSL}, {&s.SeqLen, &s.MaxSeqLen, &s.AvgSeqLen}} {
		p := d.spread(datasetColumns[i])
		if *c.p = p; p == nil {
			continue
		}
		*c.avg = p.Average
		if p.Maximum >= 0 && p.Maximum < 1<<31 {
			*c.max = int(p.Maximum)
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
		need(d.report.Metrics.At(m.Name) != nil, plainLabel.ReplaceAllString(m.Labels[0], ""))
	}
	if d.first && !d.seen[requestSection] && d.spreads[latencyTag] == nil {
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
			need(d.report.Percentiles.At(m.Name) != nil, plainTitle.ReplaceAllString(m.Spread.Title, ""))
		}
	}
	return out
}

// What is not said of labels, and of titles such as "Per-Request
// Time-to-First-Token [TTFT] Breakdown (ms) ".
var (
	plainLabel = regexp.MustCompile(` [([].*`)
	plainTitle = regexp.MustCompile(`^Per-Request | \[\w+\]| \(.*`)
)

// float is a finite number, nil for anything else.
func float(s string) *float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// count is a whole number that is not negative, 0 for anything else.
func count(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}
