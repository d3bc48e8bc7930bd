package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

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
	if !ok || p.chunked() || p.data.maxISL <= tokens {
		return nil
	}
	return p.errorAt("max_num_tokens", "Prompt is longer than an iteration", fmt.Sprintf(
		"The longest prompt has %d tokens and max_num_tokens is %d. Without chunked prefill a prompt is processed whole, and trtllm-bench would silently raise the limit. "+
			"Set max_num_tokens to at least %d, or llm_api_options = { enable_chunked_prefill = true }; the flag enable_chunked_context does not count here.", p.data.maxISL, tokens, p.data.maxISL))
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
		place := "llm_api_options." + names[0]
		if most, both := p.option(names[1]); both && plainValue(most) != float64(0) {
			why := "TensorRT-LLM refuses both at once"
			if !p.cell.Version.GraphSizesExcludeMax {
				why = "the sizes alone say what is captured"
			}
			diags = append(diags, p.errorAt("llm_api_options."+names[1], "CUDA graph sizes are given twice", fmt.Sprintf(
				"%s and %s cannot be used together: %s. Keep %s.", names[0], names[1], why, names[0]))...)
		}
		list, ok := plainValue(sizes).([]any)
		if !ok {
			diags = append(diags, p.errorAt(place, "CUDA graph sizes are not a list", names[0]+" must be a list of whole numbers, such as [1, 2, 4, 8].")...)
			continue
		}
		diags = append(diags, p.ascending(place, names[0], list)...)
	}
	return diags
}

func (p *proof) ascending(place, name string, list []any) hcl.Diagnostics {
	last := 0.0
	for _, e := range list {
		n, ok := e.(float64)
		if !ok || n < 1 || n != float64(int(n)) {
			return p.errorAt(place, "CUDA graph size is not a batch size", fmt.Sprintf("%s holds %v; batch sizes are whole numbers from 1.", name, e))
		}
		if n <= last {
			return p.errorAt(place, "CUDA graph sizes are not ascending", fmt.Sprintf(
				"%s must be ascending, since TensorRT-LLM takes the list as sorted; %v stands after %v.", name, n, last))
		}
		last = n
	}
	return nil
}
