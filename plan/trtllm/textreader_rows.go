package trtllm

import (
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

const (
	breakdownCount   = 9
	latencyBreakdown = 0
)

// breakdowns are the tags of all versions' percentiles, and where in a report
// they belong.
var breakdowns = [breakdownCount]struct {
	tag    string
	places int
	at     func(*draft) **Percentiles
}{
	latencyBreakdown: {"Latency", 4, func(d *draft) **Percentiles { return &d.report.Performance.Latency }},
	{"TTFT", 4, func(d *draft) **Percentiles { return &d.stream().TTFT }},
	{"TPOT", 4, func(d *draft) **Percentiles { return &d.stream().TPOT }},
	{"GTPS", 4, func(d *draft) **Percentiles { return &d.stream().GenTPS }},
	{"AR", 2, func(d *draft) **Percentiles { return &d.decoding().Acceptance }},
	{"DT", 2, func(d *draft) **Percentiles { return &d.decoding().Drafted }},
	{"ADT", 2, func(d *draft) **Percentiles { return &d.decoding().Accepted }},
	{"DAR", 2, func(d *draft) **Percentiles { return &d.decoding().AcceptanceRate }},
	{"AL", 2, func(d *draft) **Percentiles { return &d.decoding().AcceptanceLength }},
}

// breakdown reads "[TPOT] P50    : 7.6079". It is false for another line.
func (d *draft) breakdown(line string) bool {
	tag, rest, ok := strings.Cut(line, "]")
	if !ok || !strings.HasPrefix(tag, "[") {
		return false
	}
	key, value, ok := strings.Cut(rest, ":")
	if !ok {
		return false
	}
	for i := range breakdowns {
		if b := &breakdowns[i]; b.tag == tag[1:] {
			b.at(d) // a breakdown that has begun makes its section
			if v, ok := decimals(strings.TrimSpace(value), b.places); ok {
				d.spreads[i].set(strings.TrimSpace(key), v)
			}
			return true
		}
	}
	return false
}

// figures are the labels of PERFORMANCE OVERVIEW: 0.17, then 0.18 to 0.19, then
// 0.20 to 1.2, where they differ.
var figures = map[string]func(*draft) **float64{
	"Request Throughput (req/sec)":                     func(d *draft) **float64 { return &d.report.Performance.RequestThroughput },
	"Token Throughput (tokens/sec)":                    func(d *draft) **float64 { d.first = true; return &d.report.Performance.OutputThroughput },
	"Total Output Throughput (tokens/sec)":             func(d *draft) **float64 { return &d.report.Performance.OutputThroughput },
	"Total Token Throughput (tokens/sec)":              func(d *draft) **float64 { return &d.report.Performance.TotalThroughput },
	"Total Latency (ms)":                               func(d *draft) **float64 { return &d.report.Performance.TotalLatencyMS },
	"Average request latency (ms)":                     func(d *draft) **float64 { return &d.report.Performance.AvgRequestLatencyMS },
	"Per User Output Throughput (tokens/sec/user)":     perUser,
	"Per User Output Throughput [w/ ctx] (tps/user)":   perUser,
	"Per GPU Output Throughput (tokens/sec/gpu)":       perGPU,
	"Per GPU Output Throughput (tps/gpu)":              perGPU,
	"Average time-to-first-token [TTFT] (ms)":          func(d *draft) **float64 { return &d.stream().AvgTTFT },
	"Average time-per-output-token [TPOT] (ms)":        func(d *draft) **float64 { return &d.stream().AvgTPOT },
	"Per User Output Speed [1/TPOT] (tokens/sec/user)": outputSpeed,
	"Per User Output Speed (tps/user)":                 outputSpeed,
}

func perUser(d *draft) **float64     { return &d.report.Performance.OutputThroughputPerUser }
func perGPU(d *draft) **float64      { return &d.report.Performance.OutputThroughputPerGPU }
func outputSpeed(d *draft) **float64 { return &d.stream().OutputSpeed }

func (d *draft) figure(label, value string) {
	at, ok := figures[label]
	if !ok {
		return
	}
	place := at(d)
	if v, ok := decimals(value, 4); ok {
		*place = &v
	}
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
