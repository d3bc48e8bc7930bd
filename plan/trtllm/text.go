package trtllm

import (
	"fmt"
	"io"
	"strings"
)

const rule = "==========================================================="

// WriteText writes the text report of 1.0 as trtllm-bench logs it at time now,
// written MM/DD/YYYY-HH:MM:SS. The heading of every section of a simulated
// report says SIMULATED.
func (r *Report) WriteText(w io.Writer, now string) error {
	t := &reportText{simulated: r.Simulated}
	fmt.Fprintf(&t.b, "[%s] [TRT-LLM] [I] \n\n", now)
	t.heading("PYTORCH BACKEND")
	t.engine(r.Engine)
	t.b.WriteString("\n")
	t.heading("REQUEST DETAILS")
	t.row("Number of requests:", 32, "%d", r.Request.NumRequests)
	t.figure("Number of concurrent requests:", 32, r.Request.AvgConcurrent)
	t.row("Average Input Length (tokens):", 32, "%.4f", r.Request.AvgInputLength)
	t.row("Average Output Length (tokens):", 32, "%.4f", r.Request.AvgOutputLength)
	t.heading("WORLD + RUNTIME INFORMATION")
	t.world(r.World)
	t.b.WriteString("\n")
	t.heading("PERFORMANCE OVERVIEW")
	t.performance(r)
	t.breakdowns(r)
	t.dataset(r.Dataset)
	_, err := io.WriteString(w, t.b.String())
	return err
}

type reportText struct {
	b         strings.Builder
	simulated bool
}

func (t *reportText) heading(name string) {
	if t.simulated {
		name += " (SIMULATED)"
	}
	t.b.WriteString(rule + "\n= " + name + "\n" + rule + "\n")
}

func (t *reportText) row(label string, width int, format string, args ...any) {
	fmt.Fprintf(&t.b, "%-*s", width, label)
	fmt.Fprintf(&t.b, format+"\n", args...)
}

func (t *reportText) figure(label string, width int, v *float64) {
	if v != nil {
		t.row(label, width, "%.4f", *v)
	}
}

func orNone(s *string) string {
	if s == nil {
		return "None"
	}
	return *s
}

func (t *reportText) engine(e Engine) {
	t.row("Model:", 24, "%s", e.Model)
	t.row("Model Path:", 24, "%s", orNone(e.ModelPath))
	t.row("TensorRT-LLM Version:", 24, "%s", e.Version)
	t.row("Dtype:", 24, "%s", orNone(e.Dtype))
	t.row("KV Cache Dtype:", 24, "%s", orNone(e.KVCacheDtype))
	t.row("Quantization:", 24, "%s", orNone(e.Quantization))
}

func (t *reportText) world(w World) {
	t.row("TP Size:", 24, "%d", w.TP)
	t.row("PP Size:", 24, "%d", w.PP)
	if w.EP == nil {
		t.row("EP Size:", 24, "None")
	} else {
		t.row("EP Size:", 24, "%d", *w.EP)
	}
	t.row("Max Runtime Batch Size:", 24, "%d", w.MaxBatchSize)
	t.row("Max Runtime Tokens:", 24, "%d", w.MaxNumTokens)
	t.row("Scheduling Policy:", 24, "%s", w.SchedulingPolicy)
	if w.KVCachePercentage == nil {
		t.row("KV Memory Percentage:", 24, "None")
	} else {
		t.row("KV Memory Percentage:", 24, "%.2f%%", *w.KVCachePercentage*100)
	}
	if w.IssueRate != nil {
		t.row("Issue Rate (req/sec):", 24, "%.4E", *w.IssueRate)
	}
}

func (t *reportText) performance(r *Report) {
	p := r.Performance
	t.figure("Request Throughput (req/sec):", 50, p.RequestThroughput)
	t.figure("Total Output Throughput (tokens/sec):", 50, p.OutputThroughput)
	t.figure("Total Token Throughput (tokens/sec):", 50, p.TotalThroughput)
	t.figure("Total Latency (ms):", 50, p.TotalLatencyMS)
	t.figure("Average request latency (ms):", 50, p.AvgRequestLatencyMS)
	t.figure("Per User Output Throughput [w/ ctx] (tps/user):", 50, p.OutputThroughputPerUser)
	t.figure("Per GPU Output Throughput (tps/gpu):", 50, p.OutputThroughputPerGPU)
	if s := r.Streaming; s != nil {
		t.figure("Average time-to-first-token [TTFT] (ms):", 43, s.AvgTTFT)
		t.figure("Average time-per-output-token [TPOT] (ms):", 43, s.AvgTPOT)
		t.figure("Per User Output Speed (tps/user):", 43, s.OutputSpeed)
	}
}

func (t *reportText) breakdowns(r *Report) {
	if s := r.Streaming; s != nil {
		t.breakdown("Per-Request Time-per-Output-Token [TPOT] Breakdown (ms)", "TPOT", s.TPOT, true)
		t.breakdown("Per-Request Time-to-First-Token [TTFT] Breakdown (ms) ", "TTFT", s.TTFT, true)
		t.breakdown("Per-Request Generation Throughput [GTPS] Breakdown (tps/user)", "GTPS", s.GenTPS, true)
	}
	t.breakdown("Request Latency Breakdown (ms) -----------------------", "Latency", r.Performance.Latency, false)
	t.b.WriteString("\n")
}

func (t *reportText) breakdown(title, tag string, p *Percentiles, extremesFirst bool) {
	if p == nil {
		return
	}
	fmt.Fprintf(&t.b, "\n-- %s\n\n", title)
	extremes := []string{"MINIMUM", "MAXIMUM", "AVERAGE"}
	keys := []string{"P50", "P90", "P95", "P99"}
	if extremesFirst {
		keys = append(extremes, keys...)
	} else {
		keys = append(keys, extremes...)
	}
	for _, k := range keys {
		fmt.Fprintf(&t.b, "[%s] %-7s: %.4f\n", tag, k, *p.at(k))
	}
}

// at is the value that a breakdown calls by key; nil for a key it does not
// have.
func (p *Percentiles) at(key string) *float64 {
	switch key {
	case "P50":
		return &p.P50
	case "P90":
		return &p.P90
	case "P95":
		return &p.P95
	case "P99":
		return &p.P99
	case "MINIMUM", "MIN":
		return &p.Minimum
	case "MAXIMUM", "MAX":
		return &p.Maximum
	case "AVERAGE", "AVG":
		return &p.Average
	}
	return nil
}

func (t *reportText) dataset(d *DatasetInfo) {
	if d == nil {
		return
	}
	t.heading("DATASET DETAILS")
	t.row("Dataset Path:", 22, "%s", d.Path)
	t.row("Number of Sequences:", 22, "%d", d.Requests)
	if d.ISL == nil || d.OSL == nil || d.SeqLen == nil {
		return
	}
	t.b.WriteString("\n-- Percentiles statistics ---------------------------------\n\n        Input              Output           Seq. Length\n" + strings.Repeat("-", 59) + "\n")
	for _, k := range []string{"MIN", "MAX", "AVG", "P50", "P90", "P95", "P99"} {
		fmt.Fprintf(&t.b, "%s: %9.4f         %9.4f         %9.4f\n", k, *d.ISL.at(k), *d.OSL.at(k), *d.SeqLen.at(k))
	}
	t.b.WriteString(rule + "\n")
}
