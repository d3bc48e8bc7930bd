package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/estimate"
)

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
	// RecordsSeconds is how long writing the records of requests takes, left out where
	// none are written.
	RecordsSeconds        *estimate.Interval `json:"records_s,omitempty"`
	GPUHours              *estimate.Interval `json:"gpu_hours"`
	MemoryBytesPerGPU     *MemoryPerGPU      `json:"memory_bytes_per_gpu"`
	KVTokensPerGPU        *int64             `json:"kv_tokens_per_gpu"`
	KVBytesPerToken       *int64             `json:"kv_bytes_per_token"`
	RequestsFitAtOnce     *int64             `json:"requests_fit_at_once"`
	MaxNumTokensEffective *int               `json:"max_num_tokens_effective"`
	// NotModelled is what the run sets and no figure accounts for, by the name of
	// the argument or the dotted path of the option; null where it keeps the
	// default and another run of its benchmark does not. Runs that differ in it
	// cannot be ranked by their estimates.
	NotModelled map[string]any `json:"not_modelled"`
}

// MemoryPerGPU is how the memory of one GPU is used, in bytes.
type MemoryPerGPU struct {
	Capacity  int64 `json:"capacity"`
	Weights   int64 `json:"weights"`
	Workspace int64 `json:"workspace"`
	KVCache   int64 `json:"kv_cache"`
}

// LeavesOut names in what runs differ that neither of their estimates accounts for.
func (e *Estimate) LeavesOut(other *Estimate) []string {
	return estimate.Differ(e.NotModelled, other.NotModelled)
}

// NotModelled says in a sentence what estimates do not account for, with the values
// that runs have; "" for nothing. Estimates may be nil.
func NotModelled(list ...*Estimate) string {
	var values []map[string]any
	for _, e := range list {
		if e != nil {
			values = append(values, e.NotModelled)
		}
	}
	text, differ := namesAndValues(values)
	if text == "" {
		return ""
	}
	text = "Predictions do not account for " + text
	if differ {
		text += ", so they do not rank these runs"
	}
	return text + "."
}

// namesAndValues lists the names of maps with the values that they have there: a (1,
// default) and b (set). It reports whether one has several.
func namesAndValues(list []map[string]any) (text string, differ bool) {
	values := map[string][]string{}
	for _, of := range list {
		for name, value := range of {
			word := fmt.Sprint(value)
			switch v := value.(type) {
			case nil:
				word = "default"
			case *string:
				word = cmp.Or(deref(v), "default")
			case map[string]any, []any:
				word = "set"
			}
			if !slices.Contains(values[name], word) {
				values[name] = append(values[name], word)
				differ = differ || len(values[name]) > 1
			}
		}
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		words = append(words, fmt.Sprintf("%s (%s)", name, strings.Join(values[name], ", ")))
	}
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last], differ
	}
	return strings.Join(words, ""), differ
}
