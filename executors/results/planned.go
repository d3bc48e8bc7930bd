package results

import (
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// planned is what a run says that its report must show.
type planned struct {
	tp, pp, ep   int
	maxBatchSize int // 0: left to trtllm-bench
	maxNumTokens int
	requests     int
	kvFraction   *float64
	streaming    bool
	policy       string
	concurrency  int // 0 or less: unlimited
	// kvDtype is what the KV cache is declared to be stored in, "" if it is not.
	quantization, kvDtype string

	lengthsKnown     bool
	meanISL, meanOSL float64
}

func newPlanned(run *plan.Run) planned {
	a := run.Arguments
	p := planned{
		tp: max(1, whole(a, "tp")), pp: max(1, whole(a, "pp")), ep: whole(a, "ep"),
		maxBatchSize: whole(a, "max_batch_size"), maxNumTokens: whole(a, "max_num_tokens"),
		concurrency: whole(a, "concurrency"), quantization: run.Model.Quantization, kvDtype: kvDtype(run),
		requests: run.Dataset.Rows, streaming: a.Bool("streaming"), policy: a.String("scheduler_policy"),
	}
	if n := whole(a, "num_requests"); n > 0 {
		p.requests = n
	}
	if f, ok := a.Float("kv_cache_free_gpu_mem_fraction"); ok {
		p.kvFraction = &f
	}
	if p.policy == "" {
		p.policy = "guaranteed_no_evict"
	}
	p.lengths(run)
	return p
}

// lengths computes the mean lengths of a generated data set.
func (p *planned) lengths(run *plan.Run) {
	u, d := run.UseCase, run.Dataset
	if d.Generator == nil || u.ISL == nil || u.OSL == nil || d.Rows < 1 {
		return
	}
	p.lengthsKnown = true
	shape := plan.Shape(*u.ISL, *u.OSL, value(u.ISLStdev), value(u.OSLStdev), value(d.Seed), d.Rows)
	if shape.ISLStdev == 0 && shape.OSLStdev == 0 {
		p.meanISL, p.meanOSL = float64(shape.ISL), float64(shape.OSL)
		return
	}
	rows := min(d.Rows, p.requests)
	for i := range rows {
		isl, osl := shape.Lengths(i)
		p.meanISL += float64(isl) / float64(rows)
		p.meanOSL += float64(osl) / float64(rows)
	}
}

// kvDtype is kv_cache_config.dtype of the options file.
func kvDtype(run *plan.Run) string {
	options, _ := run.LLMAPIOptions.(map[string]any)
	config, _ := options["kv_cache_config"].(map[string]any)
	dtype, _ := config["dtype"].(string)
	return dtype
}

// whole is the whole number of a flag, 0 when it is not passed.
func whole(a trtllm.Arguments, name string) int {
	n, _ := a.Int(name)
	return n
}

func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
