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
// makes the result invalid: the number belongs to another run.
func match(in Evidence, report *trtllm.Report) []Reason {
	m := matcher{run: newPlanned(in.Run), got: newReported(report), origins: in.Run.Origins}
	m.simulated(in.Simulated)
	m.tokens()
	m.requests()
	m.world()
	m.limits()
	m.lengths()
	m.modes()
	m.precision()
	m.concurrency()
	return m.reasons
}

type matcher struct {
	run     planned
	got     reported
	origins plan.Origins
	reasons []Reason
}

func (m *matcher) invalid(code failure.Code, format string, args ...any) {
	m.reasons = append(m.reasons, reason(code, format, args...))
}

// differs adds a reason that names an argument with its planned and its
// reported value, and where it was set.
func (m *matcher) differs(argument string, planned, reported any) {
	m.invalid(failure.ArgumentMismatch, "%s: planned %v%s, reported %v", argument, planned, m.location(argument), reported)
}

// declared are the arguments that a reported quantity follows from, where they
// have other names.
var declared = map[string]string{"world size": "tp", "mean ISL": "use_case", "mean OSL": "use_case", "quantization": "model", "kv_cache_config.dtype": "llm_api_options.kv_cache_config.dtype"}

// location is where an argument was set, " (main.hcl:51)", "" where it is not known.
func (m *matcher) location(argument string) string {
	o := m.origins.At(cmp.Or(declared[argument], argument))
	if o.Range == nil {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", o.Range.Filename, o.Range.Start.Line)
}

func (m *matcher) simulated(planned bool) {
	if planned != m.got.simulated {
		m.differs("simulated", planned, m.got.simulated)
	}
}

func (m *matcher) tokens() {
	if !(m.got.outputThroughput > 0) || m.got.meanOSL == 0 {
		m.invalid(failure.NoTokens, "no output tokens were measured: output throughput %v tok/s, mean output length %v", m.got.outputThroughput, m.got.meanOSL)
	}
}

func (m *matcher) requests() {
	switch planned := m.run.requests; {
	case planned == 0 || m.got.requests == planned:
	case m.got.requests < planned:
		m.invalid(failure.FewerRequests, "num_requests: planned %d%s, reported %d", planned, m.location("num_requests"), m.got.requests)
	default:
		m.differs("num_requests", planned, m.got.requests)
	}
}

func (m *matcher) world() {
	m.whole("tp", m.run.tp, m.got.tp)
	m.whole("pp", m.run.pp, m.got.pp)
	if ep := m.run.ep; m.got.ep == nil && ep > 1 {
		m.differs("ep", ep, "none")
	} else if m.got.ep != nil {
		m.whole("ep", max(1, ep), *m.got.ep)
	}
	if m.got.world > 0 {
		m.whole("world size", m.run.tp*m.run.pp, m.got.world)
	}
}

func (m *matcher) limits() {
	if n := m.run.maxBatchSize; n > 0 {
		m.whole("max_batch_size", n, m.got.maxBatchSize)
	}
	if n := m.run.maxNumTokens; n > 0 {
		m.whole("max_num_tokens", n, m.got.maxNumTokens)
	}
	if f := m.run.kvFraction; f != nil && m.got.kvFraction != nil && math.Abs(*f-*m.got.kvFraction) > 5e-5 {
		m.differs("kv_cache_free_gpu_mem_fraction", *f, *m.got.kvFraction)
	}
}

// lengths compares mean lengths with the plan, or, for a data set of the user's
// own, with what trtllm-bench read from it.
func (m *matcher) lengths() {
	isl, osl := m.run.meanISL, m.run.meanOSL
	if !m.run.lengthsKnown {
		isl, osl = m.got.datasetISL, m.got.datasetOSL
	}
	if isl > 0 && apart(isl, m.got.meanISL) {
		m.differs("mean ISL", short(isl), short(m.got.meanISL))
	}
	switch {
	case osl <= 0 || m.got.meanOSL == 0 || !apart(osl, m.got.meanOSL):
	case m.got.meanOSL < osl:
		m.invalid(failure.ShortOutput, "mean OSL: planned %s%s, reported %s: requests ended early", short(osl), m.location("mean OSL"), short(m.got.meanOSL))
	default:
		m.differs("mean OSL", short(osl), short(m.got.meanOSL))
	}
}

func (m *matcher) modes() {
	if m.run.streaming != m.got.streaming {
		m.differs("streaming", m.run.streaming, m.got.streaming)
	}
	if want, got := policy(m.run.policy), policy(m.got.policy); got != "" && want != got {
		m.differs("scheduler_policy", want, got)
	}
}

// precision compares what weights and KV cache are stored in, where the report
// says it. FP8 stands for its kinds too, such as FP8_BLOCK_SCALES. A report names no
// quantization for a checkpoint without hf_quant_config.json, and MIXED_PRECISION for
// one whose layers differ.
func (m *matcher) precision() {
	want, got := strings.ToUpper(m.run.quantization), strings.ToUpper(m.got.quantization)
	if got == "NONE" || got == "MIXED_PRECISION" {
		got = ""
	}
	if want != "" && got != "" && got != want && !strings.HasPrefix(got, want+"_") {
		m.differs("quantization", want, got)
	}
	want, got = strings.ToUpper(m.run.kvDtype), strings.ToUpper(m.got.kvDtype)
	if want != "" && want != "AUTO" && got != "" && got != want {
		m.differs("kv_cache_config.dtype", want, got)
	}
}

// leastConcurrent is the share of the concurrency that must have been in flight
// in the mean. It is asked for where ramp and drain are at most half of the run.
const leastConcurrent = 0.5

// concurrency doubts a number for which the client did not keep up.
func (m *matcher) concurrency() {
	want, got := m.run.concurrency, m.got.concurrent
	if want <= 0 || got == nil || m.got.requests < 2*want || *got >= leastConcurrent*float64(want) {
		return
	}
	m.reasons = append(m.reasons, reason(failure.ConcurrencyNotReached,
		"concurrency: planned %d%s, %s requests were in flight on average", want, m.location("concurrency"), short(*got)))
}

func (m *matcher) whole(argument string, planned, reported int) {
	if planned != reported {
		m.differs(argument, planned, reported)
	}
}

func apart(planned, reported float64) bool {
	return !(math.Abs(reported-planned) <= lengthTolerance*planned)
}

// short prints a mean length with no more digits than it needs.
func short(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

// policy is a scheduling policy in the spelling of the flag.
func policy(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
}

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
		requests: run.Dataset.Lines, streaming: a.Bool("streaming"), policy: a.String("scheduler_policy"),
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
	if d.Generator == nil || u.ISL == nil || u.OSL == nil || d.Lines < 1 {
		return
	}
	p.lengthsKnown = true
	shape := plan.Shape(*u.ISL, *u.OSL, value(u.ISLStdev), value(u.OSLStdev), value(d.Seed), d.Lines)
	if shape.ISLStdev == 0 && shape.OSLStdev == 0 {
		p.meanISL, p.meanOSL = float64(shape.ISL), float64(shape.OSL)
		return
	}
	lines := min(d.Lines, p.requests)
	for i := range lines {
		isl, osl := shape.Lengths(i)
		p.meanISL += float64(isl) / float64(lines)
		p.meanOSL += float64(osl) / float64(lines)
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
