package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A Case is a run in the terms of a table: a model and a GPU of the catalogue
// by name, and the arguments that decide how fast it is. A number that is 0 is
// left to trtllm-bench.
type Case struct {
	Model, Quantization, GPU string
	GPUs, TP, PP, EP         int
	AttentionDP              bool
	ISL, OSL                 int
	NumRequests              int
	// Concurrency is how many requests are in flight, 0 or less for all.
	Concurrency                int
	MaxBatchSize, MaxNumTokens int
	KVFraction                 float64
	// TRTLLMVersion is the version whose speed is asked for, "" for the newest.
	TRTLLMVersion string
}

// casesRequests is how many requests a case without a number sends: as many as
// most published runs.
const casesRequests = 3000

// What a case may ask for: more than any machine has, and little enough to be
// simulated.
const (
	mostGPUs     = 1024
	mostTokens   = 10_000_000
	mostRequests = 1_000_000
)

// Scenario finds the case in the catalogue and fills in what is left out. An
// error names the argument and what would do.
func (c Case) Scenario(cat *catalog.Catalog) (estimate.Scenario, error) {
	model, checkpoint, err := c.model(cat)
	if err != nil {
		return estimate.Scenario{}, err
	}
	gpu, ok := cat.GPU(c.GPU)
	if !ok {
		return estimate.Scenario{}, fmt.Errorf("gpu %q is not in the catalogue, which has %s", c.GPU, namesOf(cat.GPUs, func(g *catalog.GPU) string { return g.Name }))
	}
	if err := c.check(model, gpu); err != nil {
		return estimate.Scenario{}, err
	}
	c = c.filled()
	s := estimate.Scenario{
		Model: estimateModel(model, checkpoint, gpu), GPU: estimateGPU(gpu), GPUs: c.GPUs,
		TP: c.TP, PP: c.PP, EP: c.EP, AttentionDP: c.AttentionDP,
		MaxSeqLen: c.ISL + c.OSL, KVFraction: c.KVFraction, Concurrency: c.Concurrency,
		GraphSizes: publishedGraphs, GraphPadding: true, Version: minor(c.TRTLLMVersion), Early: early(c.TRTLLMVersion), AllToAll: allToAll(gpu, c.TRTLLMVersion),
		Requests: make([]estimate.Request, c.NumRequests),
	}
	for i := range s.Requests {
		s.Requests[i] = estimate.Request{ISL: c.ISL, OSL: c.OSL}
	}
	// trtllm-bench computes both limits unless it is given both
	if s.MaxBatchSize, s.MaxNumTokens = c.MaxBatchSize, max(c.MaxNumTokens, c.ISL+c.MaxBatchSize); c.MaxBatchSize == 0 || c.MaxNumTokens == 0 {
		s.MaxBatchSize, s.MaxNumTokens = estimate.Heuristic(s, c.KVFraction, float64(c.ISL), float64(c.OSL))
	}
	return s, nil
}

// publishedGraphs are the batch sizes that NVIDIA's published runs capture.
var publishedGraphs = []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 384, 512, 1024, 2048, 4096, 8192}

func (c Case) filled() Case {
	c.PP = cmp.Or(c.PP, 1)
	c.TP = cmp.Or(c.TP, c.GPUs/c.PP)
	if c.EP == 0 && c.AttentionDP {
		c.EP = c.TP
	}
	c.EP = cmp.Or(c.EP, 1)
	c.NumRequests = cmp.Or(c.NumRequests, max(casesRequests, 4*c.Concurrency))
	c.KVFraction = cmp.Or(c.KVFraction, 0.9)
	return c
}

func (c Case) check(model *catalog.Model, gpu *catalog.GPU) error {
	filled := c.filled()
	switch {
	case c.GPUs < 1 || c.GPUs > mostGPUs:
		return fmt.Errorf("gpus = %d must be from 1 to %d", c.GPUs, mostGPUs)
	case c.ISL < 1 || c.OSL < 1 || c.ISL > mostTokens || c.OSL > mostTokens:
		return fmt.Errorf("isl = %d and osl = %d must be from 1 to %d", c.ISL, c.OSL, mostTokens)
	case filled.NumRequests > mostRequests:
		return fmt.Errorf("num_requests = %d (where it is empty four times concurrency) must be at most %d", filled.NumRequests, mostRequests)
	case filled.TP*filled.PP != c.GPUs:
		return fmt.Errorf("tp x pp is %d x %d, and gpus is %d: they must be equal", filled.TP, filled.PP, c.GPUs)
	case !c.AttentionDP && model.Heads%filled.TP != 0:
		return fmt.Errorf("tp = %d does not divide the %d attention heads of %s, and attention_dp is off", filled.TP, model.Heads, model.Name)
	case filled.TP%filled.EP != 0:
		return fmt.Errorf("ep = %d does not divide tp = %d", filled.EP, filled.TP)
	case filled.KVFraction <= 0 || filled.KVFraction > 1:
		return fmt.Errorf("kv_cache_free_gpu_mem_fraction must be above 0 and at most 1")
	case c.Quantization == "NVFP4" && gpu.FP4 == 0:
		return fmt.Errorf("a %s has no FP4; NVFP4 needs a Blackwell GPU", gpu.Name)
	}
	return nil
}

// model finds the model by its name as people write it, and its checkpoint of
// the quantization; where none is catalogued it is made up from the model's.
func (c Case) model(cat *catalog.Catalog) (*catalog.Model, *catalog.Checkpoint, error) {
	var found *catalog.Model
	for _, m := range cat.Models {
		if sameModel(m, c.Model) {
			found = m
		}
	}
	if found == nil {
		return nil, nil, fmt.Errorf("model %q is not in the catalogue, which has %s", c.Model, namesOf(cat.Models, func(m *catalog.Model) string { return m.Name }))
	}
	switch estimate.Dtype(c.Quantization) {
	case estimate.BF16, estimate.FP8, estimate.NVFP4, estimate.MXFP4:
	default:
		return nil, nil, fmt.Errorf("quantization %q is not one of BF16, FP8, NVFP4, MXFP4", c.Quantization)
	}
	for _, p := range slices.Backward(found.Checkpoints) {
		if p.Quantization == c.Quantization && (p.Since == "" || !olderThan(c.TRTLLMVersion, p.Since)) {
			return found, p, nil
		}
	}
	made := &catalog.Checkpoint{Quantization: c.Quantization, KVCacheDtype: "FP8"}
	if c.Quantization == "BF16" || c.Quantization == "MXFP4" {
		made.KVCacheDtype = "BF16"
	}
	if c.Quantization == "MXFP4" {
		made.AttentionDtype = "BF16"
	}
	return found, made, nil
}

func sameModel(m *catalog.Model, name string) bool {
	want := plainName(name[strings.Index(name, "/")+1:])
	if want == plainName(m.Label) || want == plainName(m.Name) {
		return true
	}
	for _, p := range m.Checkpoints {
		_, base, _ := strings.Cut(p.ID, "/")
		if want == plainName(base) || strings.HasPrefix(plainName(base), want) && strings.HasPrefix(want, plainName(m.Name)) {
			return true
		}
	}
	return false
}

// plainName leaves the letters and digits of a name, in lower case.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

func namesOf[T any](list []T, name func(T) string) string {
	var names []string
	for _, one := range list {
		names = append(names, name(one))
	}
	return strings.Join(names, ", ")
}

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
		KVFraction: r.number("kv_cache_free_gpu_mem_fraction", "above 0 and at most 1", func(f float64) bool { return f > 0 && f <= 1 }), TRTLLMVersion: r.text("trtllm_version"),
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

func (r *caseReader) number(name, want string, suits func(f float64) bool) float64 {
	s := r.text(name)
	if s == "" {
		return 0
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !suits(f) {
		r.wrong(name, want+", or empty")
		return 0
	}
	return f
}

func (r *caseReader) whole(name string) int {
	return int(r.number(name, "a whole number from 1", func(f float64) bool { return f >= 1 && f == float64(int(f)) }))
}

// concurrency may also be -1: no limit.
func (r *caseReader) concurrency() int {
	if s := r.text("concurrency"); s == "-1" || s == "0" || s == "unlimited" {
		return -1
	}
	return r.whole("concurrency")
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

// A CasePrediction is what a case should measure. Where the case does not fit
// into memory Fits is false, Why says what does not fit, and the figures are 0.
type CasePrediction struct {
	OutputThroughputPerGPU estimate.Interval // tokens a second
	AvgTTFT, AvgTPOT       float64           // milliseconds
	TotalLatency           float64           // milliseconds
	// KVCapacity is how many requests the KV cache of one rank holds.
	KVCapacity int64
	// EffectiveConcurrency is how many requests are really served at once.
	EffectiveConcurrency int
	MaxBatchSize         int // as given or as trtllm-bench would choose
	MaxNumTokens         int // likewise
	Fits                 bool
	Why                  string
}

// Predict simulates the case. An error is a mistake in the case.
func (c Case) Predict(cat *catalog.Catalog) (CasePrediction, error) {
	s, err := c.Scenario(cat)
	if err != nil {
		return CasePrediction{}, err
	}
	p := CasePrediction{MaxBatchSize: s.MaxBatchSize, MaxNumTokens: s.MaxNumTokens, KVCapacity: max(0, estimate.Memory(s).RequestsFit)}
	mean, err := estimate.Predict(s)
	if err != nil {
		p.Why = err.Error()
		return p, nil
	}
	p.OutputThroughputPerGPU = s.Around(mean.TPSPerGPU)
	p.AvgTTFT, p.AvgTPOT, p.TotalLatency = mean.TTFT, mean.TPOT, 1e3*mean.TotalS
	o := Occupancy{Ranks: s.Ranks(), Asked: len(s.Requests), Slots: s.Ranks() * s.MaxBatchSize, Fit: s.Ranks() * int(p.KVCapacity)}
	if c.Concurrency > 0 {
		o.Asked = min(o.Asked, c.Concurrency)
	}
	p.EffectiveConcurrency = o.Running()
	p.Fits = true
	return p, nil
}
