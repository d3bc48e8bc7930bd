package trtllm

import (
	"fmt"
	"math"
	"strings"
)

// A Report is what trtllm-bench says of one run: its --report_json, or the text
// report in its log. Names and units are those of the JSON report. Nil stands
// for null and for what a version does not report.
//
// ReadReport fills all that every JSON report has. A report that came from a log
// may lack more, by version and by what the log has kept: sections that were not
// printed are nil, or the zero value where they are no pointers.
type Report struct {
	Engine  Engine      `json:"engine"`
	Machine *Machine    `json:"machine,omitempty"`
	World   World       `json:"world_info"`
	Request RequestInfo `json:"request_info"`
	// Metrics and Percentiles are the figures; text reports of before 0.18 lack
	// some. Streaming says that the report has those that need --streaming.
	Metrics     PerMetric[*float64] `json:"-"`
	Percentiles Spreads             `json:"-"`
	Streaming   bool                `json:"-"`
	Decoding    *Decoding           `json:"decoding_stats,omitempty"` // nil without speculative decoding
	Energy      *Energy             `json:"energy,omitempty"`         // nil before 1.3, and where NVML cannot tell it
	Dataset     *DatasetInfo        `json:"dataset,omitempty"`
	// Simulated says that nothing was measured; SimulatedBy names what made the
	// figures up. The real trtllm-bench writes neither.
	Simulated   bool   `json:"simulated,omitempty"`
	SimulatedBy string `json:"simulated_by,omitempty"`
}

// Engine says what served. Version is TensorRT-LLM's. Model is the value of
// --model, which need not be the checkpoint. Nil stands for Python's None.
type Engine struct {
	Model        string  `json:"model"`
	ModelPath    *string `json:"model_path"`
	EngineDir    *string `json:"engine_dir"`
	Version      string  `json:"version"`
	Revision     *string `json:"revision,omitempty"`
	Backend      string  `json:"backend"` // "Pytorch" or "TRT"
	Dtype        *string `json:"dtype"`
	KVCacheDtype *string `json:"kv_cache_dtype"`
	Quantization *string `json:"quantization"`
	// MaxInputLength and MaxSequenceLength are of a TensorRT engine.
	MaxInputLength    *int `json:"max_input_length,omitempty"`
	MaxSequenceLength *int `json:"max_sequence_length,omitempty"`
}

// Machine is the first GPU as 1.2 and later report it: memory in GiB, the clock
// of its memory in GHz.
type Machine struct {
	Name   string   `json:"name"`
	Memory *float64 `json:"memory.total"`
	Clock  *float64 `json:"clocks.mem"`
}

// Energy is what the GPUs took while the requests were answered, from 1.3 on: pull
// request 11397 names the figures, and a public reader of reports of 1.3.0rc12 the keys.
// trtllm-bench measures the GPUs of its own node and scales to the world size.
type Energy struct {
	TotalJ         *float64 `json:"total_energy_j"`
	TokensPerJoule *float64 `json:"output_tps_per_w"`  // output tokens
	GPUPowerW      *float64 `json:"average_gpu_power"` // of one GPU
}

// World is the parallelism and the limits of the engine. The limits are those of
// the command line or of trtllm-bench's heuristic, without what the options file
// overrides. KVCachePercentage is a fraction, nil when the options file has a
// kv_cache_config without one. A text report does not tell WorldSize: there it
// is TP times PP. IssueRate means nothing and is kept for completeness.
type World struct {
	TP                int      `json:"tp_size"`
	PP                int      `json:"pp_size"`
	EP                *int     `json:"ep_size"` // nil if not passed
	WorldSize         int      `json:"world_size"`
	MaxBatchSize      int      `json:"max_batch_size"`
	MaxNumTokens      int      `json:"max_num_tokens"`
	SchedulingPolicy  string   `json:"scheduling_policy"`
	KVCachePercentage *float64 `json:"kv_cache_percentage"`
	IssueRate         *float64 `json:"issue_rate"`
}

// RequestInfo counts the requests that were answered; lengths are mean tokens.
// AvgConcurrent is nil before 0.18.
type RequestInfo struct {
	NumRequests     int      `json:"num_requests"`
	AvgConcurrent   *float64 `json:"avg_num_concurrent_requests"`
	AvgInputLength  float64  `json:"avg_input_length"`
	AvgOutputLength float64  `json:"avg_output_length"`
}

// Decoding counts draft tokens over the requests of a run with speculative
// decoding.
type Decoding struct {
	Mode             string       `json:"mode"`
	Drafted          *Percentiles `json:"num_draft_tokens_percentiles"`
	Accepted         *Percentiles `json:"num_accepted_draft_tokens_percentiles"`
	AcceptanceRate   *Percentiles `json:"draft_acceptance_rate_percentiles"`
	AcceptanceLength *Percentiles `json:"acceptance_length_percentiles"`
	// Acceptance is what 0.18 and 0.19 have in place of the others.
	Acceptance *Percentiles `json:"acceptance_percentiles,omitempty"`
}

// Percentiles describe a quantity over the requests of a run, by nearest rank
// and in the unit of the quantity.
type Percentiles struct {
	P50     float64 `json:"p50"`
	P90     float64 `json:"p90"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	Minimum float64 `json:"minimum"`
	Maximum float64 `json:"maximum"`
	Average float64 `json:"average"`
}

// PercentileNames are the names of percentiles in the order of the JSON report.
var PercentileNames = [...]string{"p50", "p90", "p95", "p99", "minimum", "maximum", "average"}

// At is where the percentile of a name is kept, in any case and also short as in the
// table of the data set, nil for another name.
func (p *Percentiles) At(name string) *float64 {
	switch strings.ToLower(name) {
	case "p50":
		return &p.P50
	case "p90":
		return &p.P90
	case "p95":
		return &p.P95
	case "p99":
		return &p.P99
	case "minimum", "min":
		return &p.Minimum
	case "maximum", "max":
		return &p.Maximum
	case "average", "avg":
		return &p.Average
	}
	return nil
}

// DatasetInfo is what trtllm-bench read from its data set, lengths in tokens. The
// maxima and averages of a text report are taken from its table.
type DatasetInfo struct {
	ISL       *Percentiles `json:"isl_stats"`
	OSL       *Percentiles `json:"osl_stats"`
	SeqLen    *Percentiles `json:"seq_len_stats"`
	Requests  int          `json:"num_requests"`
	Path      string       `json:"dataset_path"`
	MaxISL    int          `json:"max_isl"`
	MaxOSL    int          `json:"max_osl"`
	MaxSeqLen int          `json:"max_sequence_length"`
	AvgISL    float64      `json:"avg_isl"`
	AvgOSL    float64      `json:"avg_osl"`
	AvgSeqLen float64      `json:"avg_sequence_length"`
}

// No machine has this many ranks, no run as many requests or tokens, and no figure is
// larger.
const (
	mostRanks  = 1 << 16
	mostCount  = 1 << 40
	mostFigure = 1e15
)

// Impossible names a value that no run can have, "" where there is none.
func (r *Report) Impossible() string {
	w, q, ep, fraction := r.World, r.Request, 1, 0.0
	if w.EP != nil {
		ep = *w.EP
	}
	if w.KVCachePercentage != nil {
		fraction = *w.KVCachePercentage
	}
	for _, c := range []struct {
		name            string
		v, least, limit float64
	}{
		{"tp_size", float64(w.TP), 1, mostRanks}, {"pp_size", float64(w.PP), 1, mostRanks},
		{"max_batch_size", float64(w.MaxBatchSize), 0, mostCount}, {"max_num_tokens", float64(w.MaxNumTokens), 0, mostCount},
		{"num_requests", float64(q.NumRequests), 0, mostCount},
		{"avg_input_length", q.AvgInputLength, 0, mostCount}, {"avg_output_length", q.AvgOutputLength, 0, mostCount},
		{"ep_size", float64(ep), 1, mostRanks}, {"kv_cache_percentage", fraction, 0, 1},
	} {
		if !within(c.v, c.least, c.limit) {
			return fmt.Sprintf("%s = %g", c.name, c.v)
		}
	}
	for _, m := range Metrics {
		if v := r.Metrics.At(m.Name); v != nil && !within(*v, 0, mostFigure) {
			return fmt.Sprintf("%s = %g", m.Name, *v)
		}
		p := r.Percentiles.At(m.Name)
		if p == nil {
			continue
		}
		for _, name := range PercentileNames {
			if v := *p.At(name); !within(v, 0, mostFigure) {
				return fmt.Sprintf("%s %s = %g", m.Name, name, v)
			}
		}
	}
	return ""
}

func within(v, least, most float64) bool { return !math.IsNaN(v) && v >= least && v <= most }
