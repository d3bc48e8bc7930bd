package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

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
