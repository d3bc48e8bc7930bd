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
