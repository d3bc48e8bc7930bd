package plan

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	goversion "github.com/hashicorp/go-version"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A Workload is what a prediction of one invocation of trtllm-bench depends on.
type Workload struct {
	Model      *catalog.Model
	Checkpoint *catalog.Checkpoint
	GPU        *catalog.GPU
	GPUs       int
	Arguments  trtllm.Arguments
	// TRTLLMVersion is the version of TensorRT-LLM, "" for the newest, and Catalog has
	// its facts, nil for llmbench's own.
	TRTLLMVersion string
	Catalog       *catalog.Catalog
	// Options is the options file as JSON decodes it.
	Options any
	// Lengths are the requests in the order in which they are sent.
	Lengths []trtllm.Length
}

// Scenario is the workload in the terms of the estimator, with the lengths that are
// assumed of prompts that are text or media.
func (w Workload) Scenario() estimate.Scenario {
	s := w.scenario(w.machine(), extentOf(w.Lengths))
	s.Requests = estimateRequests(w.Lengths)
	s.NotModelled = estimate.NotModelled(w.Arguments, w.Options, s.Early)
	return s
}

// machine is the part of a scenario that arguments do not change.
func (w Workload) machine() estimate.Scenario {
	return estimate.Scenario{
		Model: estimateModel(w.Model, w.Checkpoint, w.GPU), GPU: estimateGPU(w.GPU), GPUs: w.GPUs,
		AllToAll: allToAll(w.GPU, w.TRTLLMVersion), Version: minor(w.TRTLLMVersion), Early: early(w.TRTLLMVersion),
	}
}

// scenario completes a machine, but for the requests.
func (w Workload) scenario(s estimate.Scenario, e extent) estimate.Scenario {
	a := w.Arguments
	whole := func(name string, otherwise int) int {
		if n, ok := a.Int(name); ok {
			return n
		}
		return otherwise
	}
	s.KVFraction = 0.9
	if fraction, ok := a.Float("kv_cache_free_gpu_mem_fraction"); ok {
		s.KVFraction = fraction
	}
	s.TP, s.PP, s.EP = whole("tp", 1), whole("pp", 1), whole("ep", 1)
	s.AttentionDP = optionAt(w.Options, "enable_attention_dp") == true
	s.MaxBatchSize = whole("max_batch_size", 2048)
	s.Concurrency = whole("concurrency", -1)
	s.ChunkedContext = a.ChunkedContext(w.Options)
	s.Balance = balance(w.Options)
	version := versionOf(cmp.Or(w.Catalog, catalog.Load()), w.TRTLLMVersion)
	s.GraphSizes, s.GraphPadding = graphSizes(w.Options, s.MaxBatchSize, version), graphPadding(w.Options)
	s.AllToAll = s.AllToAll || optionAt(w.Options, "moe_config.backend") == "WIDEEP"
	s.MaxSeqLen = max(whole("max_seq_len", 0), e.longest)
	s.MaxNumTokens = w.maxNumTokens(e, s.MaxBatchSize)
	return s
}

// maxNumTokens is the token limit of the engine. Where trtllm-bench computes the
// limits, because it is not given both, and the options file does not switch chunking
// on, it raises the limit to the longest prompt plus max_batch_size
// (bench/benchmark/utils/general.py).
func (w Workload) maxNumTokens(e extent, batch int) int {
	tokens, given := w.Arguments.Int("max_num_tokens")
	if !given {
		tokens = 8192
	}
	if _, both := w.Arguments.Int("max_batch_size"); both && given || optionAt(w.Options, "enable_chunked_prefill") == true {
		return tokens
	}
	return max(tokens, e.maxISL+batch)
}

// An extent is how long the requests of a data set get. A prompt with media is taken
// for the mean of the others.
type extent struct{ longest, maxISL, meanISL int }

func extentOf(lengths []trtllm.Length) extent {
	sum, n := 0, 0
	for _, l := range lengths {
		if l.ISL > 0 {
			sum, n = sum+l.ISL, n+1
		}
	}
	e := extent{meanISL: max(1, sum/max(1, n))}
	for _, l := range lengths {
		isl := l.Assumed(e.meanISL)
		e.longest, e.maxISL = max(e.longest, isl+l.OSL), max(e.maxISL, isl)
	}
	return e
}

func estimateRequests(lengths []trtllm.Length) []estimate.Request {
	e := extentOf(lengths)
	out := make([]estimate.Request, len(lengths))
	for i, l := range lengths {
		out[i] = estimate.Request{ISL: l.Assumed(e.meanISL), OSL: l.OSL}
	}
	return out
}

// optionAt is an option by its dotted path, nil for one that is null or not there.
func optionAt(options any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		obj, ok := options.(map[string]any)
		if !ok {
			return nil
		}
		options = obj[name]
	}
	return options
}

// balance is attention_dp_config with the defaults of TensorRT-LLM, nil where it
// does not balance.
func balance(options any) *estimate.Balance {
	config := optionAt(options, "attention_dp_config")
	if optionAt(config, "enable_balance") != true {
		return nil
	}
	iterations := func(name string, otherwise int) int {
		if f, ok := optionAt(config, name).(float64); ok {
			return int(f)
		}
		return otherwise
	}
	return &estimate.Balance{TimeoutIters: iterations("timeout_iters", 50), BatchingWaitIters: iterations("batching_wait_iters", 10)}
}

func estimateModel(m *catalog.Model, c *catalog.Checkpoint, g *catalog.GPU) estimate.Model {
	p := m.Parameters()
	dtype := func(own string) estimate.Dtype {
		if own == "" {
			own = c.Quantization
		}
		return estimate.Dtype(own)
	}
	ffn := dtype(c.FFNDtype)
	return estimate.Model{
		Name: m.Name, Layers: m.Layers, Hidden: m.Hidden, Heads: m.Heads, HeadDim: m.HeadDim, KVHeads: m.KVHeads,
		MoELayers: m.MoELayers, Experts: m.Experts, TopK: m.TopK, ExpertFFN: m.ExpertFFN,
		Attention:  estimate.Weight{Params: p.Attention, Dtype: dtype(c.AttentionDtype)},
		DenseFFN:   estimate.Weight{Params: p.DenseFFN, Dtype: ffn},
		Shared:     estimate.Weight{Params: p.SharedExperts, Dtype: ffn},
		Router:     estimate.Weight{Params: p.Router, Dtype: estimate.BF16},
		Routed:     estimate.Weight{Params: p.Experts, Dtype: dtype(c.ExpertDtype)},
		Embedding:  estimate.Weight{Params: p.Embedding, Dtype: estimate.BF16},
		Head:       estimate.Weight{Params: p.Head, Dtype: estimate.BF16},
		Vision:     estimate.Weight{Params: m.VisionParams, Dtype: estimate.BF16},
		KVElements: m.KVElements(), KVDtype: kvDtype(c, g),
		AttentionChunk: m.AttentionChunk, ChunkedLayers: m.ChunkedLayers,
		Window: m.AttentionWindow, WindowLayers: m.WindowLayers, MLARank: m.MLARank, MLARope: m.MLARope,
	}
}

func estimateGPU(g *catalog.GPU) estimate.GPU {
	return estimate.GPU{
		Name: g.Name, Hopper: g.Architecture == "hopper", Grace: g.CPU == "aarch64", MemoryBytes: float64(g.MemoryBytes), Bandwidth: g.BandwidthBytesPerS,
		BF16: g.BF16, FP8: g.FP8, FP4: g.FP4, NVLink: g.NVLinkBytesPerS,
	}
}

// kvDtype is the type of the KV cache. With MXFP4 weights it follows the
// activations, which are FP8 on Blackwell and BF16 on Hopper.
func kvDtype(c *catalog.Checkpoint, g *catalog.GPU) estimate.Dtype {
	if c.Quantization == string(estimate.MXFP4) && g.Architecture == "blackwell" {
		return estimate.FP8
	}
	return estimate.Dtype(c.KVCacheDtype)
}

// allToAll reports whether ranks under attention data parallelism exchange
// tokens by all-to-all: over a rack's NVLink, and on any Blackwell from 1.2 on.
func allToAll(g *catalog.GPU, version string) bool {
	return g.GPUsPerNode == 4 || g.Architecture == "blackwell" && !early(version)
}

// early reports whether a version is older than 1.2, since which the kernels of
// experts are faster.
func early(version string) bool { return olderThan(version, "1.2") }

// minor is the major and minor part of a version, "" for one that is not known.
func minor(version string) string {
	v, err := goversion.NewVersion(version)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d", v.Segments()[0], v.Segments()[1])
}

// olderThan compares versions of TensorRT-LLM; pre-releases count as the release
// that they lead to, and "" is the newest.
func olderThan(version, than string) bool {
	v, err := goversion.NewVersion(version)
	return err == nil && v.Core().LessThan(goversion.Must(goversion.NewVersion(than)))
}

// versionOf has the facts of a version by name, those of the newest for "" or one that
// is not known.
func versionOf(cat *catalog.Catalog, name string) *catalog.Version {
	if m, ok := cat.Match(name); ok {
		return m.Version
	}
	return cat.Versions[len(cat.Versions)-1]
}

// graphPadding reports whether a batch is rounded up to one with a CUDA graph.
// trtllm-bench switches it on, and an object in the options file replaces that.
func graphPadding(options any) bool {
	obj, _ := options.(map[string]any)
	if flat, ok := obj["cuda_graph_padding_enabled"].(bool); ok {
		return flat
	}
	config, given := obj["cuda_graph_config"]
	if !given {
		return true
	}
	return optionAt(config, "enable_padding") == true
}

// graphSizes are the batch sizes with a CUDA graph, ascending. TensorRT-LLM takes
// most, max_batch_size, for those above it. Where no sizes are listed it makes them:
// up to most if nothing is declared, else up to the declared maximum or the version's
// own.
func graphSizes(options any, most int, v *catalog.Version) []int {
	obj, _ := options.(map[string]any)
	config, given := obj["cuda_graph_config"]
	if given && config == nil || obj["use_cuda_graph"] == false {
		return nil
	}
	object, _ := config.(map[string]any)
	list, ok := obj["cuda_graph_batch_sizes"].([]any)
	if !ok {
		list, _ = object["batch_sizes"].([]any)
	}
	var sizes []int
	for _, e := range list {
		if f, ok := e.(float64); ok {
			sizes = append(sizes, int(min(f, float64(most))))
		}
	}
	if len(sizes) > 0 {
		return slices.Compact(sizes)
	}
	limit := most
	if given && v.GraphDefaultMax > 0 {
		limit = v.GraphDefaultMax
	}
	for _, declared := range []any{object["max_batch_size"], obj["cuda_graph_max_batch_size"]} {
		if f, ok := declared.(float64); ok && f > 0 {
			limit = int(f)
		}
	}
	return generatedSizes(min(limit, most), graphPadding(options), v)
}

// generatedSizes are the sizes that a maximum stands for
// (CudaGraphConfig._generate_cuda_graph_batch_sizes).
func generatedSizes(most int, padding bool, v *catalog.Version) []int {
	if most < 1 {
		return nil
	}
	sizes := []int{1, 2, 4}
	if padding {
		for n := 8; n <= 128; n += 8 {
			sizes = append(sizes, n)
		}
	} else {
		sizes = sizes[:0]
		for n := 1; n <= 32; n++ {
			sizes = append(sizes, n)
		}
		sizes = append(sizes, 64, 128)
	}
	if padding && v.GraphStep > 0 {
		for n := 128 + v.GraphStep; n <= most; n += v.GraphStep {
			sizes = append(sizes, n)
		}
		return upTo(sizes, most)
	}
	powers := bits.Len(uint(most)) - 1 // the logarithm, rounded down
	if !v.GraphPowersBelow && most != 1<<powers {
		powers++
	}
	for i := 8; i < powers; i++ {
		sizes = append(sizes, 1<<i)
	}
	return upTo(sizes, most)
}

// upTo ends sizes with most.
func upTo(sizes []int, most int) []int {
	sizes = slices.DeleteFunc(sizes, func(n int) bool { return n > most })
	if sizes[len(sizes)-1] != most {
		sizes = append(sizes, most)
	}
	return sizes
}
