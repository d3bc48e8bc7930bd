package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// check applies the rules of the proof, which do not depend on each other, and to a run
// that they let pass those of what llmbench makes of it.
func (c candidate) check() (diags hcl.Diagnostics) {
	for _, rules := range [][]func() hcl.Diagnostics{
		{
			c.supportedCell, c.wholeNodes, c.worldSize, c.expertParallel, c.timeLimit,
			c.limitsGiven, c.longestPrompt, c.longestSequence, c.batchAboveTokens, c.concurrency,
			c.promptsAsText, c.linesNeed, c.vocabulary, c.graphSizes, c.saidTwice, c.multiTokenPrediction,
		},
		{c.files, c.optionsFile, c.slo, c.sharedEngine, c.unique},
	} {
		if diags.HasErrors() {
			break
		}
		for _, rule := range rules {
			diags = append(diags, rule()...)
		}
	}
	return diags
}

// saidTwice refuses a flag and an option that say the same thing, since one of them
// would silently win.
func (c candidate) saidTwice() hcl.Diagnostics {
	var diags hcl.Diagnostics
	option, flag := c.option("enable_chunked_prefill"), c.flag("enable_chunked_context")
	if option != nil && c.declared("enable_chunked_context") && option != flag {
		diags = append(diags, c.refuse("llm_api_options.enable_chunked_prefill", "Flag and option disagree",
			"The flag enable_chunked_context is %t and the option enable_chunked_prefill is %t. They mean the same, and the options file wins. Remove one of the two.", flag, option)...)
	}
	if c.option("kv_cache_config.free_gpu_memory_fraction") != nil && c.declared(fractionOption) && c.declared(fractionFlag) {
		diags = append(diags, c.refuse(fractionOption, "Flag and option say the same",
			"The flag kv_cache_free_gpu_mem_fraction and the option kv_cache_config.free_gpu_memory_fraction both set the share of memory for the KV cache, and the options file wins. Remove one of the two.")...)
	}
	if c.option("scheduler_config") != nil && c.declared("scheduler_policy") {
		diags = append(diags, c.refuse("scheduler_policy", "Option undoes a flag",
			"scheduler_config in the options file replaces all that trtllm-bench sets there, so that the flag scheduler_policy = %q would silently be undone. Remove scheduler_policy, or scheduler_config.",
			c.flag("scheduler_policy"))...)
	}
	return diags
}

// multiTokenPrediction refuses MTP for a model that has no layers for it.
func (c candidate) multiTokenPrediction() hcl.Diagnostics {
	model, _, known := c.b.Catalog.Model(c.cell.Model.Checkpoint)
	if !known || c.option("speculative_config.decoding_type") != "MTP" || model.MTPLayers > 0 {
		return nil
	}
	return c.refuse("llm_api_options.speculative_config.decoding_type", "Model without MTP layers",
		"speculative_config asks for MTP, and %s has no layers for multi-token prediction: loading it would fail. Use another decoding_type, or remove speculative_config.", model.Name)
}

// promptsAsText warns that nothing is proven of prompts whose lengths only the
// tokenizer knows, and refuses a run that nothing bounds.
func (c candidate) promptsAsText() hcl.Diagnostics {
	if !c.data.lengthsUnknown {
		return nil
	}
	if c.run.Arguments["max_seq_len"] == nil {
		return c.refuse("max_seq_len", "max_seq_len is missing",
			"Line %d of %s has media_paths, so that llmbench cannot say how long requests get. Set max_seq_len.", c.data.traits.MediaLine, *c.data.Path)
	}
	most := ""
	if n := c.data.bound(); n > 0 {
		most = fmt.Sprintf(" Judging by bytes, the longest request has at most %d tokens (ISL + OSL), which is the default of max_seq_len. Rows with input_ids give exact lengths.", n)
	}
	return c.warn("max_seq_len", "Prompt lengths are not known",
		"Rows of %s hold prompts as text or media, whose lengths only the tokenizer knows: llmbench can neither predict the run nor check that it fits.%s Simulations assume one token per four bytes of prompt.",
		*c.data.Path, most)
}

// linesNeed refuses lines that need what the run does not set.
func (c candidate) linesNeed() hcl.Diagnostics {
	var diags hcl.Diagnostics
	t := c.data.traits
	if t.MediaLine > 0 && c.flag("modality") == nil {
		diags = append(diags, c.refuse("modality", "Rows with media need modality",
			"Line %d of %s has media_paths, which trtllm-bench reads only with modality. Set modality, or remove media_paths.", t.MediaLine, *c.data.Path)...)
	}
	if t.LoRALine > 0 && c.option("lora_config") == nil {
		diags = append(diags, c.refuse("llm_api_options.lora_config", "Rows with LoRA need lora_config",
			"Line %d of %s has a lora_request, and an engine without lora_config refuses it after loading. Set lora_config in llm_api_options, or remove lora_request.", t.LoRALine, *c.data.Path)...)
	}
	return diags
}

// vocabulary refuses token ids that the embedding has no line for.
func (c candidate) vocabulary() hcl.Diagnostics {
	t := c.data.traits
	model, _, known := c.b.Catalog.Model(c.cell.Model.Checkpoint)
	if !known || t.IDLine == 0 || t.LargestID < model.Vocab {
		return nil
	}
	return c.refuse("", "Token id beyond the vocabulary",
		"Line %d of %s has the token id %d, and %s has ids from 0 to %d. Tokenize the prompts with the tokenizer of this model.",
		t.IDLine, *c.data.Path, t.LargestID, model.Name, model.Vocab-1)
}

// graphSizes refuses CUDA-graph batch sizes that TensorRT-LLM would refuse or
// misread.
func (c candidate) graphSizes() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, names := range [][2]string{
		{"cuda_graph_config.batch_sizes", "cuda_graph_config.max_batch_size"},
		{"cuda_graph_batch_sizes", "cuda_graph_max_batch_size"},
	} {
		if sizes := c.option(names[0]); sizes != nil {
			diags = append(diags, c.sizesAndMaximum(names[0], sizes, names[1])...)
		}
	}
	return diags
}

// sizesAndMaximum refuses sizes that are no ascending batch sizes, and a maximum beside
// them that is not theirs. Up to 1.1 the sizes must even be those that the maximum alone
// stands for.
func (c candidate) sizesAndMaximum(name string, sizes any, maximum string) hcl.Diagnostics {
	argument := "llm_api_options." + name
	list, ok := sizes.([]any)
	if !ok {
		return c.refuse(argument, "CUDA graph sizes are not a list", "%s must be a list of whole numbers, such as [1, 2, 4, 8].", name)
	}
	last := 0.0
	for _, e := range list {
		n, ok := e.(float64)
		if !ok || n < 1 || n != float64(int(n)) {
			return c.refuse(argument, "CUDA graph size is not a batch size", "%s holds %v; batch sizes are whole numbers from 1.", name, e)
		}
		if n <= last {
			return c.refuse(argument, "CUDA graph sizes are not ascending",
				"%s must be ascending, since TensorRT-LLM takes the list as sorted; %v comes after %v.", name, n, last)
		}
		last = n
	}
	most, _ := c.option(maximum).(float64)
	if most == 0 || len(list) == 0 {
		return nil
	}
	why, fits := "the maximum must be the largest size", last == most
	if c.cell.Version.GraphSizesExcludeMax {
		why = fmt.Sprintf("TensorRT-LLM %s refuses sizes that are not those that the maximum alone stands for", c.cell.Image.TRTLLMVersion)
		padding := c.option("cuda_graph_config.enable_padding") == true || c.option("cuda_graph_padding_enabled") == true
		fits = slices.EqualFunc(list, generatedSizes(int(most), padding, c.cell.Version), func(e any, n int) bool { return e == float64(n) })
	}
	if fits {
		return nil
	}
	return c.refuse("llm_api_options."+maximum, "CUDA graph sizes are given twice",
		"%s and %s cannot be used together: %s. Keep %s.", name, maximum, why, name)
}

// limitsGiven refuses a run that leaves max_batch_size or max_num_tokens to
// trtllm-bench: unless both are passed its heuristic computes both.
func (c candidate) limitsGiven() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, name := range []string{"max_batch_size", "max_num_tokens"} {
		if n, ok := c.whole(name); !ok || n < 1 {
			diags = append(diags, c.refuse(name, "Engine limit is missing",
				"%s is not set. Unless both max_batch_size and max_num_tokens are passed, trtllm-bench silently computes limits of its own. "+
					"Set it in the benchmark or in the row.", name)...)
		}
	}
	return diags
}

// longestPrompt refuses a prompt that does not fit into one iteration, where prompts are
// not split over iterations.
func (c candidate) longestPrompt() hcl.Diagnostics {
	tokens, ok := c.whole("max_num_tokens")
	longest, most := c.data.maxISL, c.data.traits.LongestPrompt
	switch {
	case !ok || cmp.Or(c.option("enable_chunked_prefill"), c.flag("enable_chunked_context")) == true:
		return nil
	case longest > tokens:
		return c.refuse("max_num_tokens", "Prompt is longer than an iteration",
			"The longest prompt has %d tokens and max_num_tokens is %d. Without chunked context a prompt is processed whole. "+
				"Set max_num_tokens to at least %d, or enable_chunked_context = true, which splits prompts over iterations.", longest, tokens, longest)
	case most > tokens:
		return c.warn("max_num_tokens", "Prompt may be longer than an iteration",
			"By its bytes the longest prompt of %s has at most %d tokens, and max_num_tokens is %d. Without chunked context a prompt is processed whole, and one that does not fit fails after the model is loaded. "+
				"Set max_num_tokens to %d to be sure, or enable_chunked_context = true.", *c.data.Path, most, tokens, most)
	}
	return nil
}

// longestSequence refuses a request that outgrows max_seq_len.
func (c candidate) longestSequence() hcl.Diagnostics {
	n, ok := c.whole("max_seq_len")
	if !ok || c.data.longest <= n {
		return nil
	}
	return c.refuse("max_seq_len", "Request is longer than max_seq_len",
		"The longest request has %d tokens (ISL + OSL) and max_seq_len is %d. Set max_seq_len to at least %d, or leave it out: llmbench then passes the longest request.",
		c.data.longest, n, c.data.longest)
}

// batchAboveTokens warns of batch slots that one iteration cannot fill.
func (c candidate) batchAboveTokens() hcl.Diagnostics {
	batch, okB := c.whole("max_batch_size")
	tokens, okT := c.whole("max_num_tokens")
	if !okB || !okT || batch <= tokens {
		return nil
	}
	return c.warn("max_batch_size", "Batch is larger than an iteration",
		"max_batch_size is %d, but an iteration processes at most max_num_tokens = %d tokens, one for each request that generates.", batch, tokens)
}

// concurrency refuses one that is never reached, that leaves ranks of attention data
// parallelism idle, or under which output lengths that vary get mixed up, on versions
// whose benchmark shares one SamplingParams between requests. It warns where ramp and
// drain make up much of what is measured.
func (c candidate) concurrency() (diags hcl.Diagnostics) {
	n, ok := c.whole("concurrency")
	tp, _ := c.whole("tp")
	lines := c.data.Lines
	if !ok || n < 1 {
		return nil
	}
	if n > lines {
		enough := fmt.Sprintf("Set num_requests to at least %d (four times the concurrency makes a steady state)", 4*n)
		if o := c.cell.Origin("concurrency"); o != nil && o.From == schema.FromMatrix {
			enough = "Set num_requests = max(4000, 4 * each.concurrency), which makes a steady state at each value of the axis"
		}
		diags = c.refuse("concurrency", "Concurrency is above the number of requests",
			"concurrency is %d and num_requests is %d, so that many requests are never in flight. %s, or lower concurrency.", n, lines, enough)
	}
	if n < tp && c.option("enable_attention_dp") == true {
		diags = append(diags, c.refuse("concurrency", "Concurrency leaves ranks idle",
			"With attention data parallelism each of the tp = %d ranks serves requests of its own, and concurrency is %d, so ranks would idle while their GPUs are paid for. "+
				"Set concurrency to at least %d, or switch enable_attention_dp off.", tp, n, tp)...)
	}
	if n <= lines && lines < 4*n {
		diags = append(diags, c.warn("num_requests", "Few requests for the concurrency",
			"num_requests is %d, less than four times the concurrency of %d: ramp-up and drain lie inside the measured window and lower the throughput. "+
				"%d requests or more reach a steady state.", lines, n, 4*n)...)
	}
	if c.data.variableOSL && c.cell.Version.SharedSamplingParams {
		diags = append(diags, c.refuse("concurrency", "Output lengths would be mixed up",
			"use_case.%s has output lengths that vary, concurrency is %d, and trtllm-bench %s shares one set of sampling parameters between requests: "+
				"a request that waits takes the output length of another. Use osl_stdev = 0, concurrency = -1, or an image of a later version.",
			c.cell.UseCase.Label, n, c.cell.Image.TRTLLMVersion)...)
	}
	return diags
}

// supportedCell refuses model and hardware that no catalogued cell has.
func (c candidate) supportedCell() hcl.Diagnostics {
	m, hw := c.cell.Model, c.cell.Hardware
	near, exact := c.b.Catalog.NearestCell(m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode)
	if exact {
		if policy := c.b.Definitions.Policy; near.From != "" && policy != nil && policy.ForbidDeclaredCells {
			return c.refuse("hardware", "Cell is declared and not supported",
				"%s on %dx %s is declared in %s, and the policy says allow_declared_cells = false: only supported cells may run.", m.Checkpoint, hw.GPUs, hw.GPU, near.From)
		}
		return nil
	}
	argument, block, field := "hardware", hw.Block, "gpus_per_node"
	switch {
	case near.Checkpoint != m.Checkpoint:
		argument, block, field = "model", m.Block, "checkpoint"
	case near.Quantization != m.Quantization:
		argument, block, field = "model", m.Block, "quantization"
	case near.GPU != hw.GPU:
		field = "gpu"
	case near.GPUs != hw.GPUs:
		field = "gpus"
	}
	for _, known := range c.b.Catalog.GPUs {
		if known.Name != hw.GPU && strings.EqualFold(known.Name, hw.GPU) {
			return c.refuseIn(hw.Block, "gpu", "hardware", "Unknown GPU", "No GPU is called %q. Did you mean %q?", hw.GPU, known.Name)
		}
	}
	return c.refuseIn(block, field, argument, "Unsupported model and hardware",
		"%s in %s on %dx %s with %d per node is not a supported cell. The nearest that is: %s in %s on %dx %s with %d per node.\n"+
			"A cell of your own runs once it is declared in a file facts.catalog.hcl beside the definitions, and every output then says that it is "+catalog.Mark+":\n\n"+
			"  cell {\n    checkpoint    = %q\n    quantization  = %q\n    gpu           = %q\n    gpus          = %d\n    gpus_per_node = %d\n  }",
		m.Checkpoint, m.Quantization, hw.GPUs, hw.GPU, hw.GPUsPerNode,
		near.Checkpoint, near.Quantization, near.GPUs, near.GPU, near.GPUsPerNode,
		m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode)
}

// refuseIn refuses the cell at a field of a block, or where that is not written at the
// argument that names the block.
func (c candidate) refuseIn(block schema.Block, field, argument, summary, format string, args ...any) hcl.Diagnostics {
	diags := c.refuse(argument, summary, format, args...)
	if location, ok := block.Ranges[field]; ok {
		diags[0].Subject = &location
	}
	return diags
}

// wholeNodes refuses a number of GPUs that leaves part of a node.
func (c candidate) wholeNodes() hcl.Diagnostics {
	hw := c.cell.Hardware
	if hw.GPUsPerNode > 0 && hw.GPUs%hw.GPUsPerNode == 0 {
		return nil
	}
	return c.refuseIn(hw.Block, "gpus", "hardware", "Nodes are not whole",
		"%d GPUs at %d per node are not a whole number of nodes; jobs take whole nodes. Use a multiple of %d.", hw.GPUs, hw.GPUsPerNode, max(1, hw.GPUsPerNode))
}

// worldSize refuses tp and pp that do not use every GPU once: trtllm-bench
// starts tp*pp ranks, one a task, and would refuse or hang.
func (c candidate) worldSize() hcl.Diagnostics {
	tp, _ := c.whole("tp")
	pp, _ := c.whole("pp")
	gpus := c.cell.Hardware.GPUs
	if tp*pp == gpus {
		return nil
	}
	return c.refuse("tp", "Parallelism does not match the hardware",
		"tp = %d times pp = %d is %s, and hardware.%s has %d GPUs; every GPU runs one rank. Set tp and pp so that their product is %d.",
		tp, pp, countOf(tp*pp, "rank"), c.cell.Hardware.Label, gpus, gpus)
}

// expertParallel refuses an ep that TensorRT-LLM cannot split tp by.
func (c candidate) expertParallel() hcl.Diagnostics {
	ep, ok := c.whole("ep")
	tp, _ := c.whole("tp")
	if !ok || ep > 0 && tp%ep == 0 {
		return nil
	}
	var divisors []string
	for d := 1; d <= tp; d++ {
		if tp%d == 0 {
			divisors = append(divisors, fmt.Sprint(d))
		}
	}
	return c.refuse("ep", "Expert parallelism does not divide tensor parallelism",
		"ep = %d does not divide tp = %d. TensorRT-LLM places experts on tp/ep groups, so ep must be one of %s.", ep, tp, strings.Join(divisors, ", "))
}

// timeLimit refuses a run that nothing would stop.
func (c candidate) timeLimit() hcl.Diagnostics {
	if c.cell.TimeLimit > 0 {
		return nil
	}
	return c.refuse("time_limit", "Time limit is missing",
		"Every run needs a time_limit: it ends jobs that hang, and it bounds what the plan can cost. For example: time_limit = \"30m\".")
}
