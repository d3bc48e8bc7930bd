package trtllm

import (
	"slices"
	"strconv"
	"strings"
)

// row reads one line of a section.
func (t *textReader) row(line string, ended bool) {
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
			d.request(label, value) // 0.17 counts requests here
		}
	case requestSection:
		if ended {
			d.request(label, value)
		}
	case worldSection:
		if ended {
			d.world(label, value)
		}
	case datasetSection:
		d.dataset(label, value)
	case engineSection:
		d.engine(label, value)
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

// decodingSpreads are the tags of all versions' percentiles of draft tokens.
var decodingSpreads = []struct {
	tag string
	at  func(*Decoding) **Percentiles
}{
	{"AR", func(d *Decoding) **Percentiles { return &d.Acceptance }},
	{"DT", func(d *Decoding) **Percentiles { return &d.Drafted }},
	{"ADT", func(d *Decoding) **Percentiles { return &d.Accepted }},
	{"DAR", func(d *Decoding) **Percentiles { return &d.AcceptanceRate }},
	{"AL", func(d *Decoding) **Percentiles { return &d.AcceptanceLength }},
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
	places, tag := 0, tag[1:]
	for _, m := range distributions() {
		if m.Spread.Tag == tag {
			places = 4
			d.report.Streaming = d.report.Streaming || m.Streaming
		}
	}
	for _, s := range decodingSpreads {
		if s.tag == tag {
			places = 2
			d.decoding()
		}
	}
	if places == 0 {
		return false
	}
	if v, ok := decimals(strings.TrimSpace(value), places); ok {
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

func (d *draft) request(label, value string) {
	q := &d.report.Request
	switch label {
	case "Number of requests":
		q.NumRequests = count(value)
	case "Number of concurrent requests":
		q.AvgConcurrent = float(value)
	case "Average Input Length (tokens)":
		q.AvgInputLength = zeroOr(float(value))
	case "Average Output Length (tokens)":
		q.AvgOutputLength = zeroOr(float(value))
	}
}

func (d *draft) world(label, value string) {
	w := &d.report.World
	switch label {
	case "TP Size":
		w.TP = count(value)
	case "PP Size":
		w.PP = count(value)
	case "EP Size":
		if n, err := strconv.Atoi(value); err == nil {
			w.EP = &n
		}
	case "Max Runtime Batch Size":
		w.MaxBatchSize = count(value)
	case "Max Runtime Tokens":
		w.MaxNumTokens = count(value)
	case "Scheduling Policy":
		w.SchedulingPolicy = value
	case "KV Memory Percentage":
		if percent, ok := strings.CutSuffix(value, "%"); ok {
			w.KVCachePercentage = fraction(percent + "e-2")
		}
	case "Issue Rate (req/sec)":
		w.IssueRate = float(value)
	}
}

func (d *draft) engine(label, value string) {
	e := &d.report.Engine
	switch label {
	case "Model":
		e.Model = value
	case "Model Path":
		e.ModelPath = noneOr(value)
	case "Engine Directory":
		e.EngineDir = noneOr(value)
	case "Revision":
		e.Revision = noneOr(value)
	case "TensorRT-LLM Version", "TensorRT LLM Version":
		e.Version = value
	case "Dtype":
		e.Dtype = noneOr(value)
	case "KV Cache Dtype":
		e.KVCacheDtype = noneOr(value)
	case "Quantization":
		e.Quantization = noneOr(value)
	case "Max Input Length":
		e.MaxInputLength = whenCounted(value)
	case "Max Sequence Length":
		e.MaxSequenceLength = whenCounted(value)
	case simulatedBy:
		if d.report.Simulated {
			d.report.SimulatedBy = value
		}
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
