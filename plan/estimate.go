package plan

import "github.com/llmbench/llmbench/plan/estimate"

// Estimate is what a run should measure, take and cost, before it runs.
// Intervals are null where nothing can be said; the whole estimate is null for
// plans that carry none.
type Estimate struct {
	// ModelVersion is the version of the estimator and its parameters.
	ModelVersion string `json:"model_version"`
	// Coverage is the share of published measurements that lie inside an
	// interval of this width.
	Coverage               float64            `json:"coverage"`
	OutputThroughputPerGPU *estimate.Interval `json:"output_throughput_per_gpu_tok_s"`
	AvgTTFT                *estimate.Interval `json:"avg_ttft_ms"`
	AvgTPOT                *estimate.Interval `json:"avg_tpot_ms"`
	StartupSeconds         *estimate.Interval `json:"startup_s"`
	MeasureSeconds         *estimate.Interval `json:"measure_s"`
	GPUHours               *estimate.Interval `json:"gpu_hours"`
	MemoryBytesPerGPU      *MemoryPerGPU      `json:"memory_bytes_per_gpu"`
	KVTokensPerGPU         *int64             `json:"kv_tokens_per_gpu"`
	KVBytesPerToken        *int64             `json:"kv_bytes_per_token"`
	RequestsFitAtOnce      *int64             `json:"requests_fit_at_once"`
	MaxNumTokensEffective  *int               `json:"max_num_tokens_effective"`
}

// MemoryPerGPU is how the memory of one GPU is used, in bytes.
type MemoryPerGPU struct {
	Capacity  int64 `json:"capacity"`
	Weights   int64 `json:"weights"`
	Workspace int64 `json:"workspace"`
	KVCache   int64 `json:"kv_cache"`
}
