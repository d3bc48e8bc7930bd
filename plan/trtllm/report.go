package trtllm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrIncomplete is wrapped by errors about a report that is not whole.
var ErrIncomplete = errors.New("the report is not whole")

// A Report is what trtllm-bench writes with --report_json; see reference
// bench/dataclasses/reporting.py of TensorRT-LLM. Nil stands for null and for
// keys that a version does not have.
type Report struct {
	Engine      Engine       `json:"engine"`
	Machine     *Machine     `json:"machine,omitempty"`
	World       World        `json:"world_info"`
	Request     RequestInfo  `json:"request_info"`
	Performance Performance  `json:"performance"`
	Streaming   *Streaming   `json:"streaming_metrics,omitempty"`
	Dataset     *DatasetInfo `json:"dataset,omitempty"`
	// Simulated says that nothing was measured; SimulatedBy names what made the
	// figures up. The real trtllm-bench writes neither.
	Simulated   bool   `json:"simulated,omitempty"`
	SimulatedBy string `json:"simulated_by,omitempty"`
}

// Engine says what served. Version is TensorRT-LLM's.
type Engine struct {
	Model        string  `json:"model"`
	ModelPath    *string `json:"model_path"`
	EngineDir    *string `json:"engine_dir"`
	Version      string  `json:"version"`
	Revision     *string `json:"revision,omitempty"`
	Backend      string  `json:"backend"`
	Dtype        *string `json:"dtype"`
	KVCacheDtype *string `json:"kv_cache_dtype"`
	Quantization *string `json:"quantization"`
}

// Machine is the GPU as 1.2 and later report it.
type Machine struct {
	Name   string   `json:"name"`
	Memory *float64 `json:"memory.total"`
	Clock  *float64 `json:"clocks.mem"`
}

// World is the parallelism and the limits of the engine. KVCachePercentage is a
// fraction.
type World struct {
	TP                int      `json:"tp_size"`
	PP                int      `json:"pp_size"`
	EP                *int     `json:"ep_size"`
	WorldSize         int      `json:"world_size"`
	MaxBatchSize      int      `json:"max_batch_size"`
	MaxNumTokens      int      `json:"max_num_tokens"`
	SchedulingPolicy  string   `json:"scheduling_policy"`
	KVCachePercentage *float64 `json:"kv_cache_percentage"`
	IssueRate         *float64 `json:"issue_rate"`
}

// RequestInfo counts requests; lengths are mean tokens.
type RequestInfo struct {
	NumRequests     int      `json:"num_requests"`
	AvgConcurrent   *float64 `json:"avg_num_concurrent_requests"`
	AvgInputLength  float64  `json:"avg_input_length"`
	AvgOutputLength float64  `json:"avg_output_length"`
}

// Performance holds the figures that do not need streaming.
type Performance struct {
	TotalLatencyMS          *float64     `json:"total_latency_ms"`
	AvgRequestLatencyMS     *float64     `json:"avg_request_latency_ms"`
	RequestThroughput       *float64     `json:"request_throughput_req_s"`
	OutputThroughput        *float64     `json:"system_output_throughput_tok_s"`
	TotalThroughput         *float64     `json:"system_total_throughput_tok_s"`
	OutputThroughputPerUser *float64     `json:"output_throughput_per_user_tok_s"`
	OutputThroughputPerGPU  *float64     `json:"output_throughput_per_gpu_tok_s"`
	Latency                 *Percentiles `json:"request_latency_percentiles_ms"`
}

// Streaming holds the figures that need --streaming.
type Streaming struct {
	OutputSpeed *float64     `json:"token_output_speed_tok_s"`
	AvgTTFT     *float64     `json:"avg_ttft_ms"`
	AvgTPOT     *float64     `json:"avg_tpot_ms"`
	TPOT        *Percentiles `json:"tpot_percentiles"`
	TTFT        *Percentiles `json:"ttft_percentiles"`
	GenTPS      *Percentiles `json:"gen_tps_percentiles"`
}

// Percentiles describe a quantity over the requests of a run.
type Percentiles struct {
	P50     float64 `json:"p50"`
	P90     float64 `json:"p90"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	Minimum float64 `json:"minimum"`
	Maximum float64 `json:"maximum"`
	Average float64 `json:"average"`
}

// DatasetInfo is what trtllm-bench read.
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

// ReadReport reads a JSON report. Unknown keys are ignored. An error wraps
// ErrIncomplete when the report was cut off or lacks what every version writes.
func ReadReport(r io.Reader) (*Report, error) {
	var rep Report
	dec := json.NewDecoder(r)
	if err := dec.Decode(&rep); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: it ends in the middle", ErrIncomplete)
		}
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	if missing := rep.missing(); missing != "" {
		return nil, fmt.Errorf("%w: %s is missing", ErrIncomplete, missing)
	}
	return &rep, nil
}

// missing names the first part that every version has and this report lacks.
func (r *Report) missing() string {
	for _, m := range []struct {
		name  string
		there bool
	}{
		{"world_info", r.World.TP > 0 && r.World.PP > 0},
		{"request_info", r.Request.NumRequests > 0},
		{"performance.request_throughput_req_s", r.Performance.RequestThroughput != nil},
		{"performance.system_output_throughput_tok_s", r.Performance.OutputThroughput != nil},
		{"performance.total_latency_ms", r.Performance.TotalLatencyMS != nil},
	} {
		if !m.there {
			return m.name
		}
	}
	return ""
}

// WriteJSON writes the report as trtllm-bench does, indented by four.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(r)
}
