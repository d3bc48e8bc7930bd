package trtllm

import (
	"bytes"
	"strconv"
	"strings"
)

// A textReader finds the text report of any version in a log. Labels are split
// from values at the first colon that white space follows, never by column.
type textReader struct {
	rep       Report
	section   string
	afterRule bool
	begun     bool // past the heading of PERFORMANCE OVERVIEW
	old       bool // the labels of 0.17, which has no latency breakdown
	cut       *Report
	overview  bool // a line of figures was seen
	finished  *Report
}

// whole returns a report that has ended, once.
func (t *textReader) whole() *Report {
	r := t.finished
	t.finished = nil
	return r
}

// end tells that the log is over.
func (t *textReader) end() { t.finish() }

func (t *textReader) finish() {
	if !t.begun {
		return
	}
	if t.complete() {
		rep := t.rep
		t.finished, t.cut = &rep, nil
	} else {
		rep := t.rep
		t.cut = &rep
	}
	t.begun, t.overview, t.old = false, false, false
	t.rep = Report{}
	t.section = ""
}

// complete reports whether the figures that every version prints are there, and
// from 0.18 on the breakdown of request latency, which stands last of all
// figures, to its last line.
func (t *textReader) complete() bool {
	p := t.rep.Performance
	if p.RequestThroughput == nil || p.OutputThroughput == nil || p.TotalLatencyMS == nil {
		return false
	}
	if s := t.rep.Streaming; s != nil && (s.AvgTTFT == nil || s.AvgTPOT == nil) {
		return false
	}
	return t.old || p.Latency != nil && p.Latency.Average > 0
}

func (t *textReader) line(line []byte) {
	s := string(bytes.TrimSpace(line))
	switch {
	case strings.HasPrefix(s, "====="):
		t.afterRule = true
		return
	case t.afterRule && strings.HasPrefix(s, "= "):
		t.heading(strings.TrimSpace(s[2:]))
	case s == "":
	default:
		t.row(s)
	}
	t.afterRule = false
}

func (t *textReader) heading(name string) {
	if rest, ok := strings.CutSuffix(name, " (SIMULATED)"); ok {
		name = rest
		t.rep.Simulated = true
	}
	simulated := t.rep.Simulated
	name = strings.ToUpper(name)
	if t.begun && t.overview && name != "DATASET DETAILS" && !strings.Contains(name, "DECODING") {
		t.finish()
		t.rep.Simulated = simulated
	}
	switch {
	case name == "PYTORCH BACKEND" || name == "ENGINE DETAILS" || strings.HasSuffix(name, "BACKEND"):
		t.rep = Report{Simulated: simulated}
		t.rep.Engine.Backend = "Pytorch"
	case name == "PERFORMANCE OVERVIEW":
		t.begun = true
	}
	t.section = name
}

func (t *textReader) row(s string) {
	if tag, key, value, ok := breakdownRow(s); ok {
		t.breakdown(tag, key, value)
		return
	}
	label, value, ok := splitLabel(s)
	if !ok {
		return
	}
	switch t.section {
	case "PERFORMANCE OVERVIEW":
		t.performance(label, value)
		t.request(label, value)
	case "REQUEST DETAILS":
		t.request(label, value)
	case "WORLD + RUNTIME INFORMATION":
		t.world(label, value)
	case "DATASET DETAILS":
		t.dataset(label, value)
	case "":
	default:
		t.engine(label, value)
	}
}

// splitLabel splits at the first colon that white space follows.
func splitLabel(s string) (label, value string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == ':' && i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\t') {
			return s[:i], strings.TrimSpace(s[i+1:]), true
		}
	}
	return "", "", false
}

// breakdownRow reads `[TPOT] P50    : 7.6079`.
func breakdownRow(s string) (tag, key string, value float64, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return "", "", 0, false
	}
	tag, rest, found := strings.Cut(s[1:], "] ")
	if !found {
		return "", "", 0, false
	}
	key, text, found := strings.Cut(rest, ":")
	if !found {
		return "", "", 0, false
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return tag, strings.TrimSpace(key), value, err == nil
}

func (t *textReader) breakdown(tag, key string, value float64) {
	if !t.begun {
		return
	}
	var at **Percentiles
	switch tag {
	case "Latency":
		at = &t.rep.Performance.Latency
	case "TTFT":
		at = &t.stream().TTFT
	case "TPOT":
		at = &t.stream().TPOT
	case "GTPS":
		at = &t.stream().GenTPS
	default:
		return
	}
	if *at == nil {
		*at = &Percentiles{}
	}
	if p := (*at).at(key); p != nil {
		*p = value
	}
}

func (t *textReader) stream() *Streaming {
	if t.rep.Streaming == nil {
		t.rep.Streaming = &Streaming{}
	}
	return t.rep.Streaming
}

// performance maps the labels of all versions to the report's keys.
func (t *textReader) performance(label, text string) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return
	}
	p := &t.rep.Performance
	var at **float64
	switch {
	case label == "Request Throughput (req/sec)":
		at = &p.RequestThroughput
	case label == "Token Throughput (tokens/sec)":
		at, t.old = &p.OutputThroughput, true
	case label == "Total Output Throughput (tokens/sec)":
		at = &p.OutputThroughput
	case label == "Total Token Throughput (tokens/sec)":
		at = &p.TotalThroughput
	case label == "Total Latency (ms)":
		at = &p.TotalLatencyMS
	case label == "Average request latency (ms)":
		at = &p.AvgRequestLatencyMS
	case strings.HasPrefix(label, "Per User Output Throughput"):
		at = &p.OutputThroughputPerUser
	case strings.HasPrefix(label, "Per GPU Output Throughput"):
		at = &p.OutputThroughputPerGPU
	case strings.HasPrefix(label, "Average time-to-first-token"):
		at = &t.stream().AvgTTFT
	case strings.HasPrefix(label, "Average time-per-output-token"):
		at = &t.stream().AvgTPOT
	case strings.HasPrefix(label, "Per User Output Speed"):
		at = &t.stream().OutputSpeed
	default:
		return
	}
	*at = &v
	t.overview = true
}

func (t *textReader) request(label, text string) {
	q := &t.rep.Request
	switch label {
	case "Number of requests":
		q.NumRequests, _ = strconv.Atoi(text)
	case "Number of concurrent requests":
		q.AvgConcurrent = float(text)
	case "Average Input Length (tokens)":
		q.AvgInputLength = zeroOr(float(text))
	case "Average Output Length (tokens)":
		q.AvgOutputLength = zeroOr(float(text))
	}
}

func (t *textReader) world(label, text string) {
	w := &t.rep.World
	switch label {
	case "TP Size":
		w.TP, _ = strconv.Atoi(text)
	case "PP Size":
		w.PP, _ = strconv.Atoi(text)
	case "EP Size":
		if n, err := strconv.Atoi(text); err == nil {
			w.EP = &n
		}
	case "Max Runtime Batch Size":
		w.MaxBatchSize, _ = strconv.Atoi(text)
	case "Max Runtime Tokens":
		w.MaxNumTokens, _ = strconv.Atoi(text)
	case "Scheduling Policy":
		w.SchedulingPolicy = text
	case "KV Memory Percentage":
		if f := float(strings.TrimSuffix(text, "%")); f != nil {
			*f /= 100
			w.KVCachePercentage = f
		}
	}
	w.WorldSize = w.TP * w.PP
}

func (t *textReader) engine(label, text string) {
	e := &t.rep.Engine
	switch label {
	case "Model":
		e.Model = text
	case "Model Path":
		e.ModelPath = noneOr(text)
	case "Engine Directory":
		e.EngineDir = noneOr(text)
	case "Revision":
		e.Revision = noneOr(text)
	case "TensorRT-LLM Version", "TensorRT LLM Version":
		e.Version = text
	case "Dtype":
		e.Dtype = noneOr(text)
	case "KV Cache Dtype":
		e.KVCacheDtype = noneOr(text)
	case "Quantization":
		e.Quantization = noneOr(text)
	}
}

func (t *textReader) dataset(label, text string) {
	if !t.begun {
		return // printed alone before the benchmark: no sign of success
	}
	if t.rep.Dataset == nil {
		t.rep.Dataset = &DatasetInfo{}
	}
	d := t.rep.Dataset
	switch label {
	case "Dataset Path":
		d.Path = text
	case "Number of Sequences":
		d.Requests, _ = strconv.Atoi(text)
	default:
		d.row(label, strings.Fields(text))
	}
}

func (d *DatasetInfo) row(key string, cells []string) {
	if len(cells) != 3 || (&Percentiles{}).at(key) == nil {
		return
	}
	for i, at := range []**Percentiles{&d.ISL, &d.OSL, &d.SeqLen} {
		if *at == nil {
			*at = &Percentiles{}
		}
		*(*at).at(key) = zeroOr(float(cells[i]))
	}
	d.MaxISL, d.MaxOSL, d.MaxSeqLen = int(d.ISL.Maximum), int(d.OSL.Maximum), int(d.SeqLen.Maximum)
	d.AvgISL, d.AvgOSL, d.AvgSeqLen = d.ISL.Average, d.OSL.Average, d.SeqLen.Average
}

func float(s string) *float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil
	}
	return &f
}

func zeroOr(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

func noneOr(s string) *string {
	if s == "None" || s == "N/A" {
		return nil
	}
	return &s
}
