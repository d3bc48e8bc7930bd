package trtllm

import (
	"fmt"
	"strings"
)

func (t *reportText) performance(r *Report) {
	t.heading("PERFORMANCE OVERVIEW ")
	p := &r.Performance
	t.figure("Request Throughput (req/sec)", 50, p.RequestThroughput)
	t.figure("Total Output Throughput (tokens/sec)", 50, p.OutputThroughput)
	t.figure("Total Token Throughput (tokens/sec)", 50, p.TotalThroughput)
	t.figure("Total Latency (ms)", 50, p.TotalLatencyMS)
	t.figure("Average request latency (ms)", 50, p.AvgRequestLatencyMS)
	t.figure("Per User Output Throughput [w/ ctx] (tps/user)", 50, p.OutputThroughputPerUser)
	t.figure("Per GPU Output Throughput (tps/gpu)", 50, p.OutputThroughputPerGPU)
	if s := r.Streaming; s != nil {
		t.figure("Average time-to-first-token [TTFT] (ms)", 50, s.AvgTTFT)
		t.figure("Average time-per-output-token [TPOT] (ms)", 50, s.AvgTPOT)
		t.figure("Per User Output Speed (tps/user)", 50, s.OutputSpeed)
	}
}

// extremesFirst is the order of all breakdowns but that of latency.
var extremesFirst = [...]string{"minimum", "maximum", "average", "p50", "p90", "p95", "p99"}

func (t *reportText) breakdowns(r *Report) {
	if s := r.Streaming; s != nil {
		t.breakdown("Per-Request Time-per-Output-Token [TPOT] Breakdown (ms)", "TPOT", s.TPOT, extremesFirst[:])
		t.breakdown("Per-Request Time-to-First-Token [TTFT] Breakdown (ms) ", "TTFT", s.TTFT, extremesFirst[:])
		t.breakdown("Per-Request Generation Throughput [GTPS] Breakdown (tps/user)", "GTPS", s.GenTPS, extremesFirst[:])
	}
	t.breakdown("Request Latency Breakdown (ms) -----------------------", "Latency", r.Performance.Latency, percentileKeys[:])
	t.b.WriteString("\n")
}

func (t *reportText) breakdown(title, tag string, p *Percentiles, keys []string) {
	if p == nil {
		return
	}
	fmt.Fprintf(&t.b, "\n-- %s\n\n", title)
	for _, key := range keys {
		fmt.Fprintf(&t.b, "[%s] %-7s: %.4f\n", tag, strings.ToUpper(key), *p.at(key))
	}
}

// decoding writes what was counted of draft tokens, with two places behind the
// point.
func (t *reportText) decoding(d *Decoding) {
	if d == nil {
		return
	}
	t.heading("DECODING STATISTICS (" + d.Mode + ")")
	for _, part := range []struct {
		title, tag string
		p          *Percentiles
	}{
		{"Acceptance Rate", "AR", d.Acceptance},
		{"Number of Draft Tokens", "DT", d.Drafted},
		{"Number of Accepted Draft Tokens", "ADT", d.Accepted},
		{"Draft Acceptance Rate", "DAR", d.AcceptanceRate},
		{"Acceptance Length", "AL", d.AcceptanceLength},
	} {
		if part.p == nil {
			continue
		}
		fmt.Fprintf(&t.b, "\n-- %s Details --------------------------------\n\n", part.title)
		for _, key := range extremesFirst {
			fmt.Fprintf(&t.b, "[%s] %-7s: %.2f\n", part.tag, strings.ToUpper(key), *part.p.at(key))
		}
	}
}

func (t *reportText) dataset(d *DatasetInfo) {
	if d == nil {
		return
	}
	t.heading("DATASET DETAILS")
	t.row("Dataset Path", 22, "%s", d.Path)
	t.row("Number of Sequences", 22, "%d", d.Requests)
	if d.ISL != nil && d.OSL != nil && d.SeqLen != nil {
		t.b.WriteString("\n-- Percentiles statistics ---------------------------------\n\n")
		t.b.WriteString("        Input              Output           Seq. Length\n" + strings.Repeat("-", len(rule)) + "\n")
		for _, key := range []string{"MIN", "MAX", "AVG", "P50", "P90", "P95", "P99"} {
			fmt.Fprintf(&t.b, "%s:  %s          %s          %s\n", key, cell(*d.ISL.at(key)), cell(*d.OSL.at(key)), cell(*d.SeqLen.at(key)))
		}
	}
	t.b.WriteString(rule + "\n")
}

// cell is a length in the table of the data set: nine wide, and short of digits
// from 100,000 on.
func cell(v float64) string {
	if v >= 100_000 {
		return fmt.Sprintf("%9.2e", v)
	}
	return fmt.Sprintf("%9.4f", v)
}
