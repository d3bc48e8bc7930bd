package results

import "github.com/llmbench/llmbench/plan/trtllm"

// reported is what a report says of the run that it is of; zero and nil stand
// for what it does not say.
type reported struct {
	simulated                  bool
	tp, pp, world              int
	ep                         *int
	maxBatchSize, maxNumTokens int
	kvFraction                 *float64
	policy                     string
	requests                   int
	meanISL, meanOSL           float64
	datasetISL, datasetOSL     float64
	streaming                  bool
	outputThroughput           float64
	concurrent                 *float64
	quantization, kvDtype      string
}

func newReported(r *trtllm.Report) reported {
	w, q := r.World, r.Request
	out := reported{
		simulated: r.Simulated,
		tp:        w.TP, pp: w.PP, world: w.WorldSize, ep: w.EP,
		maxBatchSize: w.MaxBatchSize, maxNumTokens: w.MaxNumTokens,
		kvFraction: w.KVCachePercentage, policy: w.SchedulingPolicy,
		requests: q.NumRequests, meanISL: q.AvgInputLength, meanOSL: q.AvgOutputLength,
		streaming: r.Streaming, outputThroughput: value(r.Metrics.At(trtllm.OutputThroughput)),
		concurrent: q.AvgConcurrent, quantization: value(r.Engine.Quantization), kvDtype: value(r.Engine.KVCacheDtype),
	}
	if d := r.Dataset; d != nil {
		out.datasetISL, out.datasetOSL = d.AvgISL, d.AvgOSL
	}
	return out
}

// measure takes the numbers of a whole report, and what it tells of the
// software and the GPU.
func (r *Result) measure(report *trtllm.Report) {
	for _, m := range trtllm.Metrics {
		if m.AfterFirst && report.Request.AvgOutputLength <= 1 {
			continue // there is no token after the first, whatever is written for it
		}
		r.Metrics.Set(m.Name, report.Metrics.At(m.Name))
		r.Percentiles.Set(m.Name, report.Percentiles.At(m.Name))
	}
	r.Energy = report.Energy
	if v := report.Engine.Version; v != "" {
		r.Provenance.TRTLLMVersion = &v
	}
	if m := report.Machine; m != nil && m.Name != "" {
		r.Provenance.GPUName = &m.Name
	}
}
