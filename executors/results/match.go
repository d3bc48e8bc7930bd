package results

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// lengthTolerance is how far mean lengths may lie from the plan, as a fraction.
const lengthTolerance = 0.01

// match compares a whole report with the plan. Each difference is a reason that
// makes the result invalid: the number belongs to another run. What the report does
// not say differs in nothing.
func (r *Result) match(in Evidence, report *trtllm.Report) {
	a, w, q := in.Run.Arguments, report.World, report.Request
	r.same(in, "simulated", in.Simulated, report.Simulated)
	r.hasTokens(report)
	switch planned := requestsOf(in.Run); {
	case planned == 0 || q.NumRequests == planned:
	case q.NumRequests < planned:
		r.doubt(failure.FewerRequests, "num_requests: planned %d%s, reported %d", planned, location(in.Run, "num_requests"), q.NumRequests)
	default:
		r.differs(in, "num_requests", planned, q.NumRequests)
	}
	tp, pp, ep := max(1, whole(a, "tp")), max(1, whole(a, "pp")), whole(a, "ep")
	r.same(in, "tp", tp, w.TP)
	r.same(in, "pp", pp, w.PP)
	if w.EP != nil {
		r.same(in, "ep", max(1, ep), *w.EP)
	} else if ep > 1 {
		r.differs(in, "ep", ep, "none")
	}
	if w.WorldSize > 0 {
		r.same(in, "world size", tp*pp, w.WorldSize)
	}
	if n := whole(a, "max_batch_size"); n > 0 {
		r.same(in, "max_batch_size", n, w.MaxBatchSize)
	}
	if n := whole(a, "max_num_tokens"); n > 0 {
		r.same(in, "max_num_tokens", n, w.MaxNumTokens)
	}
	if f, ok := a.Float(kvFraction); ok && w.KVCachePercentage != nil && math.Abs(f-*w.KVCachePercentage) > 5e-5 {
		r.differs(in, kvFraction, f, *w.KVCachePercentage)
	}
	r.matchLengths(in, report)
	r.same(in, "streaming", a.Bool("streaming"), report.Streaming)
	if got := policy(w.SchedulingPolicy); got != "" {
		r.same(in, "scheduler_policy", policy(cmp.Or(a.String("scheduler_policy"), "guaranteed_no_evict")), got)
	}
	r.matchPrecision(in, report)
	want, got := whole(a, "concurrency"), q.AvgConcurrent
	if want > 0 && got != nil && q.NumRequests >= 2*want && *got < leastConcurrent*float64(want) {
		r.doubt(failure.ConcurrencyNotReached,
			"concurrency: planned %d%s, %s requests were in flight on average", want, location(in.Run, "concurrency"), short(*got))
	}
}

// leastConcurrent is the share of the concurrency that must have been in flight
// in the mean. It is asked for where ramp and drain are at most half of the run.
const leastConcurrent = 0.5

func (r *Result) same(in Evidence, argument string, planned, reported any) {
	if planned != reported {
		r.differs(in, argument, planned, reported)
	}
}

// differs adds a reason that names an argument with its planned and its
// reported value, and where it was set.
func (r *Result) differs(in Evidence, argument string, planned, reported any) {
	r.doubt(failure.ArgumentMismatch, "%s: planned %v%s, reported %v", argument, planned, location(in.Run, argument), reported)
}

// declared are the arguments that a reported quantity follows from, where they
// have other names.
var declared = map[string]string{"world size": "tp", "mean ISL": "use_case", "mean OSL": "use_case", "quantization": "model", "kv_cache_config.dtype": "llm_api_options.kv_cache_config.dtype"}

// location is where an argument was set, " (main.hcl:51)", "" where it is not known.
func location(run *plan.Run, argument string) string {
	o := run.Origins.At(cmp.Or(declared[argument], argument))
	if o.Range == nil {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", o.Range.Filename, o.Range.Start.Line)
}

func (r *Result) hasTokens(report *trtllm.Report) {
	throughput, osl := value(report.Metrics.At(trtllm.OutputThroughput)), report.Request.AvgOutputLength
	if !(throughput > 0) || osl == 0 {
		r.doubt(failure.NoTokens, "no output tokens were measured: output throughput %v tok/s, mean output length %v", throughput, osl)
	}
}

func (r *Result) matchLengths(in Evidence, report *trtllm.Report) {
	isl, osl := meanLengths(in.Run, report)
	apart := func(planned, reported float64) bool {
		return planned > 0 && !(math.Abs(reported-planned) <= lengthTolerance*planned)
	}
	if got := report.Request.AvgInputLength; apart(isl, got) {
		r.differs(in, "mean ISL", short(isl), short(got))
	}
	switch got := report.Request.AvgOutputLength; {
	case got == 0 || !apart(osl, got):
	case got < osl:
		r.doubt(failure.ShortOutput, "mean OSL: planned %s%s, reported %s: requests ended early", short(osl), location(in.Run, "mean OSL"), short(got))
	default:
		r.differs(in, "mean OSL", short(osl), short(got))
	}
}

// meanLengths are those of a generated data set or, for one of the user's own, what
// trtllm-bench read from it; 0 is not known.
func meanLengths(run *plan.Run, report *trtllm.Report) (isl, osl float64) {
	u, d := run.UseCase, run.Dataset
	if d.Generator == nil || u.ISL == nil || u.OSL == nil || d.Lines < 1 {
		own := value(report.Dataset)
		return own.AvgISL, own.AvgOSL
	}
	shape := plan.Shape(*u.ISL, *u.OSL, value(u.ISLStdev), value(u.OSLStdev), value(d.Seed), d.Lines)
	lines := min(d.Lines, requestsOf(run))
	if shape.ISLStdev == 0 && shape.OSLStdev == 0 {
		lines = 1 // all are alike
	}
	for i := range lines {
		in, out := shape.Lengths(i)
		isl, osl = isl+float64(in)/float64(lines), osl+float64(out)/float64(lines)
	}
	return isl, osl
}

// requestsOf is how many requests a run sends, 0 if that is not known.
func requestsOf(run *plan.Run) int {
	if n := whole(run.Arguments, "num_requests"); n > 0 {
		return n
	}
	return run.Dataset.Lines
}

// matchPrecision compares what weights and KV cache are stored in. FP8 stands for its
// kinds too, such as FP8_BLOCK_SCALES. A report names no quantization for a checkpoint
// without hf_quant_config.json, and MIXED_PRECISION for one whose layers differ.
func (r *Result) matchPrecision(in Evidence, report *trtllm.Report) {
	want, got := strings.ToUpper(in.Run.Model.Quantization), strings.ToUpper(value(report.Engine.Quantization))
	if got == "NONE" || got == "MIXED_PRECISION" {
		got = ""
	}
	if want != "" && got != "" && got != want && !strings.HasPrefix(got, want+"_") {
		r.differs(in, "quantization", want, got)
	}
	options, _ := in.Run.LLMAPIOptions.(map[string]any)
	config, _ := options["kv_cache_config"].(map[string]any)
	dtype, _ := config["dtype"].(string)
	want, got = strings.ToUpper(dtype), strings.ToUpper(value(report.Engine.KVCacheDtype))
	if want != "" && want != "AUTO" && got != "" && got != want {
		r.differs(in, "kv_cache_config.dtype", want, got)
	}
}

// short prints a mean length with no more digits than it needs.
func short(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

// policy is a scheduling policy in the spelling of the flag.
func policy(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
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
