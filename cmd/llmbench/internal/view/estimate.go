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

// values are a case and its prediction by their names in JSON; what does not fit has no speed.
func (r EstimatedRun) values() map[string]any {
	p := r.Prediction
	v := map[string]any{
		"kv_capacity_requests_per_rank": p.KVCapacity, "fits": p.Fits, "max_batch_size_effective": p.MaxBatchSize, "max_num_tokens_effective": p.MaxNumTokens,
		"output_throughput_per_gpu_tok_s": nil, "avg_ttft_ms": nil, "avg_tpot_ms": nil, "total_latency_ms": nil, "effective_concurrency": nil,
	}
	if p.Fits {
		v["output_throughput_per_gpu_tok_s"], v["effective_concurrency"] = p.OutputThroughputPerGPU, p.EffectiveConcurrency
		v["avg_ttft_ms"], v["avg_tpot_ms"], v["total_latency_ms"] = p.AvgTTFT, p.AvgTPOT, p.TotalLatency
	}
	for _, name := range plan.CaseColumns {
		v[name] = r.Cells[name]
	}
	return v
}

func estimateCSV(w io.Writer, runs []EstimatedRun) error {
	const throughput = "output_throughput_per_gpu_tok_s"
	names := append(slices.Clone(plan.CaseColumns), throughput, throughput+"_low", throughput+"_high",
		"avg_ttft_ms", "avg_tpot_ms", "total_latency_ms", "kv_capacity_requests_per_rank", "effective_concurrency", "fits")
	lines := [][]string{names}
	for _, r := range runs {
		v := r.values()
		if i, ok := v[throughput].(estimate.Interval); ok {
			v[throughput], v[throughput+"_low"], v[throughput+"_high"] = i.Mid, i.Low, i.High
		}
		line := make([]string, len(names))
		for i, name := range names {
			switch value := v[name].(type) {
			case nil:
			case float64:
				line[i] = strconv.FormatFloat(value, 'g', 6, 64)
			default:
				line[i] = fmt.Sprint(value)
			}
		}
		lines = append(lines, line)
	}
	return csv.NewWriter(w).WriteAll(lines)
}

func estimateTable(w io.Writer, runs []EstimatedRun) error {
	c := estimate.Calibrated()
	p := &printer{w: w}
	p.line("Predicted, not measured: estimator %s, %.0f %% of held-out published runs fall inside such intervals.\n", c.Version, 100*c.Unseen.Coverage)
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
	rows := []map[string]any{}
	for _, r := range runs {
		rows = append(rows, r.values())
	}
	return writeJSON(w, struct {
		FormatVersion string           `json:"format_version"`
		ModelVersion  string           `json:"model_version"`
		Coverage      float64          `json:"coverage"`
		Rows          []map[string]any `json:"rows"`
	}{"1", estimate.Calibrated().Version, estimate.Calibrated().Unseen.Coverage, rows})
}
