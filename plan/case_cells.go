package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// CaseColumns are the columns of a table of cases, under the names of
// trtllm-bench's flags where there is one.
var CaseColumns = []string{
	"model", "quantization", "gpu", "gpus", "tp", "pp", "ep", "attention_dp", "isl", "osl", "num_requests", "concurrency",
	"max_batch_size", "max_num_tokens", "kv_cache_free_gpu_mem_fraction", "trtllm_version",
}

// NewCase reads a case from cells by column. An absent or empty cell is left to
// trtllm-bench. An error names the column.
func NewCase(cell map[string]string) (Case, error) {
	r := caseReader{cell: cell}
	c := Case{
		Model: r.text("model"), Quantization: strings.ToUpper(r.text("quantization")), GPU: strings.ToUpper(r.text("gpu")),
		GPUs: r.whole("gpus"), TP: r.whole("tp"), PP: r.whole("pp"), EP: r.whole("ep"), AttentionDP: r.yes("attention_dp"),
		ISL: r.whole("isl"), OSL: r.whole("osl"), NumRequests: r.whole("num_requests"), Concurrency: r.concurrency(),
		MaxBatchSize: r.whole("max_batch_size"), MaxNumTokens: r.whole("max_num_tokens"),
		KVFraction: r.fraction("kv_cache_free_gpu_mem_fraction"), TRTLLMVersion: r.text("trtllm_version"),
	}
	for _, name := range []string{"model", "quantization", "gpu", "gpus", "isl", "osl"} {
		if r.err == nil && r.text(name) == "" {
			r.err = fmt.Errorf("%s is empty", name)
		}
	}
	return c, r.err
}

// A caseReader reads cells and keeps the first error.
type caseReader struct {
	cell map[string]string
	err  error
}

func (r *caseReader) text(name string) string { return strings.TrimSpace(r.cell[name]) }

func (r *caseReader) wrong(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s is %q; it must be %s", name, r.text(name), want)
	}
}

func (r *caseReader) whole(name string) int {
	s := r.text(name)
	if s == "" {
		return 0
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != float64(int(f)) || f < 1 {
		r.wrong(name, "a whole number from 1, or empty")
		return 0
	}
	return int(f)
}

// concurrency may also be -1: no limit.
func (r *caseReader) concurrency() int {
	if s := r.text("concurrency"); s == "-1" || s == "0" || s == "unlimited" {
		return -1
	}
	return r.whole("concurrency")
}

func (r *caseReader) fraction(name string) float64 {
	s := r.text(name)
	if s == "" {
		return 0
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f <= 0 || f > 1 {
		r.wrong(name, "above 0 and at most 1, or empty")
	}
	return f
}

func (r *caseReader) yes(name string) bool {
	switch strings.ToLower(r.text(name)) {
	case "true", "1", "yes", "on":
		return true
	case "", "false", "0", "no", "off":
		return false
	}
	r.wrong(name, "true or false")
	return false
}
