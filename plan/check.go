package plan

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// proof checks one cell. Each rule is a method that returns the diagnostics of
// what it refuses; rules do not depend on each other.
type proof struct {
	cell *schema.Cell
	cat  *catalog.Catalog
	data *requests
	// policy is that of the definitions, nil without one.
	policy *schema.Policy
}

func newProof(cell *schema.Cell, cat *catalog.Catalog, data *requests, policy *schema.Policy) *proof {
	return &proof{cell: cell, cat: cat, data: data, policy: policy}
}

func (p *proof) check() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, rule := range []func() hcl.Diagnostics{
		p.supportedCell, p.wholeNodes, p.worldSize, p.expertParallel, p.timeLimit,
		p.limitsGiven, p.longestPrompt, p.longestSequence, p.batchAboveTokens,
		p.concurrencyAboveRequests, p.concurrencyBelowRanks, p.shortWindow, p.sharedSampling,
		p.promptsAsText, p.linesNeed, p.vocabulary,
		p.graphSizes, p.saidTwice, p.multiTokenPrediction,
	} {
		diags = append(diags, rule()...)
	}
	return diags
}

// intArg is the whole number that is in effect for a flag of the cell; ok is
// false where trtllm-bench works it out.
func intArg(cell *schema.Cell, name string) (n int, ok bool) {
	v := argInEffect(cell, name)
	if v.IsNull() || v.Type() != cty.Number {
		return 0, false
	}
	f, _ := v.AsBigFloat().Float64()
	return int(math.Round(f)), true
}

// argInEffect is a flag's value, or where null keeps it from being passed the
// version's default.
func argInEffect(cell *schema.Cell, name string) cty.Value {
	if v := cell.Args.Get(name); !v.IsNull() {
		return v
	}
	if f, ok := cell.Version.Flag(name); ok && f.Default != cty.NilVal {
		return f.Default
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// option looks an option up by its dotted path; ok is false when it is absent
// or null.
func (p *proof) option(path string) (cty.Value, bool) { return optionOf(p.cell, path) }

func optionOf(cell *schema.Cell, path string) (cty.Value, bool) {
	v := cell.Options.Value
	for name := range strings.SplitSeq(path, ".") {
		if v == cty.NilVal || v.IsNull() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
			return cty.NilVal, false
		}
		v = v.GetAttr(name)
	}
	return v, !v.IsNull()
}

func (p *proof) optionTrue(path string) bool {
	v, ok := p.option(path)
	return ok && v.Type() == cty.Bool && v.True()
}

func (p *proof) attentionDP() bool { return p.optionTrue("enable_attention_dp") }

// chunked reports whether prompts may be split over iterations.
func (p *proof) chunked() bool {
	if v, ok := p.option("enable_chunked_prefill"); ok {
		return v.Type() == cty.Bool && v.True()
	}
	v := argInEffect(p.cell, "enable_chunked_context")
	return !v.IsNull() && v.Type() == cty.Bool && v.True()
}

// declared reports whether definitions set a flag or an option.
func (p *proof) declared(name string) bool {
	o := p.cell.Origin(name)
	return o != nil && o.From != schema.FromVersion && o.From != schema.FromLLMBench
}

// errorAt refuses the cell at the place of argument; "" is the row itself.
func (p *proof) errorAt(argument, summary, detail string) hcl.Diagnostics {
	return hcl.Diagnostics{cellError(p.cell, argument, summary, detail)}
}

func (p *proof) warningAt(argument, summary, detail string) hcl.Diagnostics {
	d := cellError(p.cell, argument, summary, detail)
	d.Severity = hcl.DiagWarning
	return hcl.Diagnostics{d}
}

func cellError(cell *schema.Cell, argument, summary, detail string) *hcl.Diagnostic {
	location := cell.Range
	if o := cell.Origin(argument); o != nil && o.Range.Filename != "" {
		location = o.Range
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &location, Extra: About{Address: cell.Address}}
}

// saidTwice refuses a flag and an option that say the same thing, since one of them
// would silently win.
func (p *proof) saidTwice() hcl.Diagnostics {
	var diags hcl.Diagnostics
	refuse := func(option, summary, format string, args ...any) {
		diags = append(diags, p.errorAt("llm_api_options."+option, summary, fmt.Sprintf(format, args...))...)
	}
	if v, ok := p.option("enable_chunked_prefill"); ok && p.declared("enable_chunked_context") {
		if flag := argInEffect(p.cell, "enable_chunked_context"); !flag.RawEquals(v) {
			refuse("enable_chunked_prefill", "Flag and option disagree",
				"The flag enable_chunked_context is %t and the option enable_chunked_prefill is %t. They mean the same, and the options file wins. Remove one of the two.", flag.True(), v.True())
		}
	}
	if _, ok := p.option("kv_cache_config.free_gpu_memory_fraction"); ok && p.declared("kv_cache_free_gpu_mem_fraction") {
		refuse("kv_cache_config.free_gpu_memory_fraction", "Flag and option say the same",
			"The flag kv_cache_free_gpu_mem_fraction and the option kv_cache_config.free_gpu_memory_fraction both set the share of memory for the KV cache, and the options file wins. Remove one of the two.")
	}
	if _, given := p.option("scheduler_config"); given && p.declared("scheduler_policy") {
		diags = append(diags, p.errorAt("scheduler_policy", "Option undoes a flag", fmt.Sprintf(
			"scheduler_config in the options file replaces all that trtllm-bench sets there, so that the flag scheduler_policy = %q would silently be undone. Remove scheduler_policy, or scheduler_config.",
			argInEffect(p.cell, "scheduler_policy").AsString()))...)
	}
	return diags
}

// multiTokenPrediction refuses MTP for a model that has no layers for it.
func (p *proof) multiTokenPrediction() hcl.Diagnostics {
	kind, ok := p.option("speculative_config.decoding_type")
	model, _, known := p.cat.Model(p.cell.Model.Checkpoint)
	if !ok || !known || plainValue(kind) != "MTP" || model.MTPLayers > 0 {
		return nil
	}
	return p.errorAt("llm_api_options.speculative_config.decoding_type", "Model without MTP layers", fmt.Sprintf(
		"speculative_config asks for MTP, and %s has no layers for multi-token prediction: loading it would fail. Use another decoding_type, or remove speculative_config.", model.Name))
}

// promptsAsText warns that nothing is proven of prompts whose lengths only the
// tokenizer knows, and refuses a run that nothing bounds.
func (p *proof) promptsAsText() hcl.Diagnostics {
	if !p.data.lengthsUnknown {
		return nil
	}
	if _, ok := intArg(p.cell, "max_seq_len"); !ok && p.data.bound() == 0 {
		return p.errorAt("max_seq_len", "max_seq_len is missing", fmt.Sprintf(
			"Line %d of %s has media_paths, so that llmbench cannot say how long requests get. Set max_seq_len.", p.data.traits.MediaLine, *p.data.Path))
	}
	detail := fmt.Sprintf("Rows of %s hold prompts as text or media, whose lengths only the tokenizer knows: llmbench can neither predict the run nor check that it fits.", *p.data.Path)
	if n := p.data.bound(); n > 0 {
		detail += fmt.Sprintf(" Judging by bytes, the longest request has at most %d tokens (ISL + OSL), which is the default of max_seq_len. Rows with input_ids give exact lengths.", n)
	}
	detail += " Simulations assume one token per four bytes of prompt."
	return p.warningAt("max_seq_len", "Prompt lengths are not known", detail)
}

// linesNeed refuses lines that need what the run does not set.
func (p *proof) linesNeed() hcl.Diagnostics {
	var diags hcl.Diagnostics
	c := p.data.traits
	if c.MediaLine > 0 && argInEffect(p.cell, "modality").IsNull() {
		diags = append(diags, p.errorAt("modality", "Rows with media need modality", fmt.Sprintf(
			"Line %d of %s has media_paths, which trtllm-bench reads only with modality. Set modality, or remove media_paths.", c.MediaLine, *p.data.Path))...)
	}
	if _, ok := p.option("lora_config"); c.LoRALine > 0 && !ok {
		diags = append(diags, p.errorAt("llm_api_options.lora_config", "Rows with LoRA need lora_config", fmt.Sprintf(
			"Line %d of %s has a lora_request, and an engine without lora_config refuses it after loading. Set lora_config in llm_api_options, or remove lora_request.", c.LoRALine, *p.data.Path))...)
	}
	return diags
}

// vocabulary refuses token ids that the embedding has no line for.
func (p *proof) vocabulary() hcl.Diagnostics {
	c := p.data.traits
	model, _, known := p.cat.Model(p.cell.Model.Checkpoint)
	if !known || c.IDLine == 0 || c.LargestID < model.Vocab {
		return nil
	}
	return p.errorAt("", "Token id beyond the vocabulary", fmt.Sprintf(
		"Line %d of %s has the token id %d, and %s has ids from 0 to %d. Tokenize the prompts with the tokenizer of this model.",
		c.IDLine, *p.data.Path, c.LargestID, model.Name, model.Vocab-1))
}

// graphSizes refuses CUDA-graph batch sizes that TensorRT-LLM would refuse or
// misread.
func (p *proof) graphSizes() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, names := range [][2]string{
		{"cuda_graph_config.batch_sizes", "cuda_graph_config.max_batch_size"},
		{"cuda_graph_batch_sizes", "cuda_graph_max_batch_size"},
	} {
		sizes, ok := p.option(names[0])
		if !ok {
			continue
		}
		argument := "llm_api_options." + names[0]
		list, ok := plainValue(sizes).([]any)
		if !ok {
			diags = append(diags, p.errorAt(argument, "CUDA graph sizes are not a list", names[0]+" must be a list of whole numbers, such as [1, 2, 4, 8].")...)
			continue
		}
		wrong := p.ascending(argument, names[0], list)
		if len(wrong) == 0 {
			wrong = p.sizesAndMaximum(names[0], names[1], list)
		}
		diags = append(diags, wrong...)
	}
	return diags
}

func (p *proof) ascending(argument, name string, list []any) hcl.Diagnostics {
	last := 0.0
	for _, e := range list {
		n, ok := e.(float64)
		if !ok || n < 1 || n != float64(int(n)) {
			return p.errorAt(argument, "CUDA graph size is not a batch size", fmt.Sprintf("%s holds %v; batch sizes are whole numbers from 1.", name, e))
		}
		if n <= last {
			return p.errorAt(argument, "CUDA graph sizes are not ascending", fmt.Sprintf(
				"%s must be ascending, since TensorRT-LLM takes the list as sorted; %v comes after %v.", name, n, last))
		}
		last = n
	}
	return nil
}

// sizesAndMaximum refuses a maximum beside the sizes that is not theirs. Up to 1.1 the
// sizes must even be those that the maximum alone stands for.
func (p *proof) sizesAndMaximum(sizes, maximum string, list []any) hcl.Diagnostics {
	v, both := p.option(maximum)
	most, _ := plainValue(v).(float64)
	if !both || most == 0 || len(list) == 0 {
		return nil
	}
	why := "the maximum must be the largest size"
	fits := list[len(list)-1] == most
	if p.cell.Version.GraphSizesExcludeMax {
		why = fmt.Sprintf("TensorRT-LLM %s refuses sizes that are not those that the maximum alone stands for", p.cell.Image.TRTLLMVersion)
		generated := generatedSizes(int(most), p.optionTrue("cuda_graph_config.enable_padding") || p.optionTrue("cuda_graph_padding_enabled"), p.cell.Version)
		fits = slices.EqualFunc(list, generated, func(e any, n int) bool { return e == float64(n) })
	}
	if fits {
		return nil
	}
	return p.errorAt("llm_api_options."+maximum, "CUDA graph sizes are given twice", fmt.Sprintf(
		"%s and %s cannot be used together: %s. Keep %s.", sizes, maximum, why, sizes))
}

// limitsGiven refuses a run that leaves max_batch_size or max_num_tokens to
// trtllm-bench: unless both are passed its heuristic computes both.
func (p *proof) limitsGiven() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, name := range []string{"max_batch_size", "max_num_tokens"} {
		if n, ok := intArg(p.cell, name); !ok || n < 1 {
			diags = append(diags, p.errorAt(name, "Engine limit is missing", fmt.Sprintf(
				"%s is not set. Unless both max_batch_size and max_num_tokens are passed, trtllm-bench silently computes limits of its own. "+
					"Set it in the benchmark or in the row.", name))...)
		}
	}
	return diags
}

// longestPrompt refuses a prompt that does not fit into one iteration.
func (p *proof) longestPrompt() hcl.Diagnostics {
	tokens, ok := intArg(p.cell, "max_num_tokens")
	if !ok || p.chunked() {
		return nil
	}
	if most := p.data.traits.LongestPrompt; most > tokens && p.data.maxISL <= tokens {
		return p.warningAt("max_num_tokens", "Prompt may be longer than an iteration", fmt.Sprintf(
			"By its bytes the longest prompt of %s has at most %d tokens, and max_num_tokens is %d. Without chunked context a prompt is processed whole, and one that does not fit fails after the model is loaded. "+
				"Set max_num_tokens to %d to be sure, or enable_chunked_context = true.", *p.data.Path, most, tokens, most))
	}
	if p.data.maxISL <= tokens {
		return nil
	}
	return p.errorAt("max_num_tokens", "Prompt is longer than an iteration", fmt.Sprintf(
		"The longest prompt has %d tokens and max_num_tokens is %d. Without chunked context a prompt is processed whole. "+
			"Set max_num_tokens to at least %d, or enable_chunked_context = true, which splits prompts over iterations.", p.data.maxISL, tokens, p.data.maxISL))
}

// longestSequence refuses a request that outgrows max_seq_len.
func (p *proof) longestSequence() hcl.Diagnostics {
	n, ok := intArg(p.cell, "max_seq_len")
	if !ok || p.data.longest <= n {
		return nil
	}
	return p.errorAt("max_seq_len", "Request is longer than max_seq_len", fmt.Sprintf(
		"The longest request has %d tokens (ISL + OSL) and max_seq_len is %d. Set max_seq_len to at least %d, or leave it out: llmbench then passes the longest request.",
		p.data.longest, n, p.data.longest))
}

// batchAboveTokens warns of batch slots that one iteration cannot fill.
func (p *proof) batchAboveTokens() hcl.Diagnostics {
	batch, okB := intArg(p.cell, "max_batch_size")
	tokens, okT := intArg(p.cell, "max_num_tokens")
	if !okB || !okT || batch <= tokens {
		return nil
	}
	return p.warningAt("max_batch_size", "Batch is larger than an iteration", fmt.Sprintf(
		"max_batch_size is %d, but an iteration processes at most max_num_tokens = %d tokens, one for each request that generates.", batch, tokens))
}

// concurrencyAboveRequests refuses a concurrency that is never reached.
func (p *proof) concurrencyAboveRequests() hcl.Diagnostics {
	c, ok := intArg(p.cell, "concurrency")
	if !ok || c <= p.data.Lines {
		return nil
	}
	enough := fmt.Sprintf("Set num_requests to at least %d (four times the concurrency makes a steady state)", 4*c)
	if o := p.cell.Origin("concurrency"); o != nil && o.From == schema.FromMatrix {
		enough = "Set num_requests = max(4000, 4 * each.concurrency), which makes a steady state at each value of the axis"
	}
	return p.errorAt("concurrency", "Concurrency is above the number of requests", fmt.Sprintf(
		"concurrency is %d and num_requests is %d, so that many requests are never in flight. %s, or lower concurrency.", c, p.data.Lines, enough))
}

// concurrencyBelowRanks refuses attention data parallelism with idle ranks.
func (p *proof) concurrencyBelowRanks() hcl.Diagnostics {
	c, ok := intArg(p.cell, "concurrency")
	tp, _ := intArg(p.cell, "tp")
	if !ok || c < 1 || c >= tp || !p.attentionDP() {
		return nil
	}
	return p.errorAt("concurrency", "Concurrency leaves ranks idle", fmt.Sprintf(
		"With attention data parallelism each of the tp = %d ranks serves requests of its own, and concurrency is %d, so ranks would idle while their GPUs are paid for. "+
			"Set concurrency to at least %d, or switch enable_attention_dp off.", tp, c, tp))
}

// shortWindow warns where ramp and drain make up much of what is measured.
func (p *proof) shortWindow() hcl.Diagnostics {
	c, ok := intArg(p.cell, "concurrency")
	if !ok || c < 1 || p.data.Lines >= 4*c || c > p.data.Lines {
		return nil
	}
	return p.warningAt("num_requests", "Few requests for the concurrency", fmt.Sprintf(
		"num_requests is %d, less than four times the concurrency of %d: ramp-up and drain lie inside the measured window and lower the throughput. "+
			"%d requests or more reach a steady state.", p.data.Lines, c, 4*c))
}

// sharedSampling refuses variable output lengths under a concurrency limit on
// versions whose benchmark shares one SamplingParams between requests.
func (p *proof) sharedSampling() hcl.Diagnostics {
	c, _ := intArg(p.cell, "concurrency")
	if c < 1 || !p.data.variableOSL || !p.cell.Version.SharedSamplingParams {
		return nil
	}
	argument := "concurrency"
	d := cellError(p.cell, argument, "Output lengths would be mixed up", fmt.Sprintf(
		"use_case.%s has output lengths that vary, concurrency is %d, and trtllm-bench %s shares one set of sampling parameters between requests: "+
			"a request that waits takes the output length of another. Use osl_stdev = 0, concurrency = -1, or an image of a later version.",
		p.cell.UseCase.Label, c, p.cell.Image.TRTLLMVersion))
	return hcl.Diagnostics{d}
}

// A NamedFile is a file or folder that a flag or an option of a run names.
type NamedFile struct {
	Argument string // "llm_api_options.moe_config.load_balancer"
	Path     string
}

// Files are the files and folders that flags and options of the run name, beside its
// weights and its data set: they must be there, and seen inside the container.
func (r *Run) Files() []NamedFile {
	var out []NamedFile
	add := func(argument string, value any) {
		switch v := value.(type) {
		case string:
			out = append(out, NamedFile{argument, v})
		case []string:
			for _, p := range v {
				out = append(out, NamedFile{argument, p})
			}
		case []any:
			for _, p := range v {
				out = append(out, NamedFile{argument, fmt.Sprint(p)})
			}
		}
	}
	v := r.version()
	for _, f := range v.Flags {
		if f.File && f.Ours == "" && f.Name != "workspace" { // which trtllm-bench makes
			add(f.Name, r.Arguments[f.Name])
		}
	}
	options := map[string]any{}
	leaves(options, "llm_api_options", r.LLMAPIOptions)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if o, ok := v.Option(strings.TrimPrefix(name, "llm_api_options.")); ok && o.File {
			add(name, options[name])
		}
	}
	return out
}

// version has the facts of the run's version of TensorRT-LLM, the declared ones among
// them.
func (r *Run) version() *catalog.Version {
	return versionOf(declaredCatalog(r.Facts), r.Image.TRTLLMVersion)
}

// declaredCatalogs caches extended catalogues by the source of their facts.
var declaredCatalogs sync.Map

// declaredCatalog is llmbench's catalogue extended by facts that were checked.
func declaredCatalog(text string) *catalog.Catalog {
	if text == "" {
		return catalog.Load()
	}
	if c, ok := declaredCatalogs.Load(text); ok {
		return c.(*catalog.Catalog)
	}
	file, _ := catalog.Parse([]byte(text), FactsFile)
	c, _ := catalog.Load().Extend([]*hcl.File{file})
	declaredCatalogs.Store(text, c)
	return c
}

// checkFiles refuses names of files that a job would not find: it runs in the attempt's
// folder, without a network.
func checkFiles(run *Run, cell *schema.Cell) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, f := range run.Files() {
		switch {
		case !path.IsAbs(f.Path):
			diags = append(diags, cellError(cell, f.Argument, "Path is not absolute", fmt.Sprintf(
				"%s is %q. Jobs run in their own folder and without a network, so relative paths and names on a hub do not work there. Give the absolute path of a file or downloaded folder on a file system that all nodes share.", f.Argument, f.Path)))
		case strings.ContainsAny(f.Path, ",:"):
			diags = append(diags, cellError(cell, f.Argument, "Path cannot be mounted", fmt.Sprintf(
				"%s is %q. Container mounts use commas and colons as separators, so the path must not contain them.", f.Argument, f.Path)))
		}
	}
	return diags
}
