package view

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

// An EstimatedRun is one line of a table of cases with its prediction.
type EstimatedRun struct {
	// Cells are as the table has them, by column.
	Cells      map[string]string
	Case       plan.Case
	Prediction plan.CasePrediction
}

// EstimateFormats are the forms of predictions, by the name that -format takes.
var EstimateFormats = map[string]func(io.Writer, []EstimatedRun) error{
	"table": estimateTable, "csv": estimateCSV, "json": estimateJSON,
}

var estimateColumns = []struct {
	name string
	cell func(plan.CasePrediction) float64
}{
	{"output_throughput_per_gpu_tok_s", func(p plan.CasePrediction) float64 { return p.OutputThroughputPerGPU.Mid }},
	{"output_throughput_per_gpu_tok_s_low", func(p plan.CasePrediction) float64 { return p.OutputThroughputPerGPU.Low }},
	{"output_throughput_per_gpu_tok_s_high", func(p plan.CasePrediction) float64 { return p.OutputThroughputPerGPU.High }},
	{"avg_ttft_ms", func(p plan.CasePrediction) float64 { return p.AvgTTFT }},
	{"avg_tpot_ms", func(p plan.CasePrediction) float64 { return p.AvgTPOT }},
	{"total_latency_ms", func(p plan.CasePrediction) float64 { return p.TotalLatency }},
}

func estimateCSV(w io.Writer, runs []EstimatedRun) error {
	head := slices.Clone(plan.CaseColumns)
	for _, c := range estimateColumns {
		head = append(head, c.name)
	}
	lines := [][]string{append(head, "kv_capacity_requests_per_rank", "effective_concurrency", "fits")}
	for _, r := range runs {
		var line []string
		for _, name := range plan.CaseColumns {
			line = append(line, r.Cells[name])
		}
		p := r.Prediction
		for _, c := range estimateColumns {
			line = append(line, whenFits(p, strconv.FormatFloat(c.cell(p), 'g', 6, 64)))
		}
		lines = append(lines, append(line, strconv.FormatInt(p.KVCapacity, 10), whenFits(p, strconv.Itoa(p.EffectiveConcurrency)), strconv.FormatBool(p.Fits)))
	}
	return csv.NewWriter(w).WriteAll(lines)
}

func whenFits(p plan.CasePrediction, text string) string {
	if !p.Fits {
		return ""
	}
	return text
}

func estimateTable(w io.Writer, runs []EstimatedRun) error {
	c := estimate.Calibrated()
	p := &printer{w: w}
	p.line("Predicted, not measured: estimator %s, %.0f %% of held-out published runs fall inside such intervals.", c.Version, 100*c.Unseen.Coverage)
	p.line("")
	t := &table{
		header: []string{"model", "GPUs", "ISL/OSL", "concurrency", "runs at once", "max_batch_size", "max_num_tokens", "TPS/GPU", "TTFT", "TPOT", "takes"},
		right:  []bool{false, false, true, true, true, true, true, true, true, true, true},
	}
	for _, r := range runs {
		t.rows = append(t.rows, estimateLine(r))
	}
	p.table(t)
	for i, r := range runs {
		if !r.Prediction.Fits {
			p.line("\nrow %d does not fit: %s.", i+1, r.Prediction.Why)
		}
	}
	return p.err
}

func estimateLine(r EstimatedRun) []string {
	c, q := r.Case, r.Prediction
	asked := "unlimited"
	if c.Concurrency > 0 {
		asked = count(int64(c.Concurrency))
	}
	line := []string{
		c.Model + " " + c.Quantization, fmt.Sprintf("%dx %s", c.GPUs, c.GPU), fmt.Sprintf("%d/%d", c.ISL, c.OSL), asked,
	}
	if !q.Fits {
		return append(line, "does not fit", count(int64(q.MaxBatchSize)), count(int64(q.MaxNumTokens)), "-", "-", "-", "-")
	}
	return append(line, count(int64(q.EffectiveConcurrency)), count(int64(q.MaxBatchSize)), count(int64(q.MaxNumTokens)),
		figureRange(q.OutputThroughputPerGPU), milliseconds(q.AvgTTFT), milliseconds(q.AvgTPOT), milliseconds(q.TotalLatency))
}

func estimateJSON(w io.Writer, runs []EstimatedRun) error {
	type line map[string]any
	doc := struct {
		FormatVersion string  `json:"format_version"`
		ModelVersion  string  `json:"model_version"`
		Coverage      float64 `json:"coverage"`
		Rows          []line  `json:"rows"`
	}{"1", estimate.Calibrated().Version, estimate.Calibrated().Unseen.Coverage, []line{}}
	for _, r := range runs {
		p := r.Prediction
		l := line{"kv_capacity_requests_per_rank": p.KVCapacity, "effective_concurrency": p.EffectiveConcurrency, "fits": p.Fits,
			"max_batch_size_effective": p.MaxBatchSize, "max_num_tokens_effective": p.MaxNumTokens}
		for _, name := range plan.CaseColumns {
			l[name] = r.Cells[name]
		}
		l["output_throughput_per_gpu_tok_s"], l["avg_ttft_ms"], l["avg_tpot_ms"], l["total_latency_ms"] = p.OutputThroughputPerGPU, p.AvgTTFT, p.AvgTPOT, p.TotalLatency
		if !p.Fits {
			for _, name := range []string{"output_throughput_per_gpu_tok_s", "avg_ttft_ms", "avg_tpot_ms", "total_latency_ms", "effective_concurrency"} {
				l[name] = nil
			}
		}
		doc.Rows = append(doc.Rows, l)
	}
	return writeJSON(w, doc)
}
