package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

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
	detail := fmt.Sprintf("Rows of %s hold prompts as text or media, whose lengths only the tokenizer knows: no estimate, no proof that they fit.", *p.data.Path)
	if n := p.data.bound(); n > 0 {
		detail += fmt.Sprintf(" By its bytes the longest request has at most %d tokens (ISL + OSL), which max_seq_len is unless it is set. Rows with input_ids give the lengths.", n)
	}
	detail += " A simulation takes a token for every four bytes of a prompt."
	return p.warningAt("max_seq_len", "Prompt lengths are not known", detail)
}

// rowsNeed refuses rows that need what the run does not set.
func (p *proof) rowsNeed() hcl.Diagnostics {
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

// vocabulary refuses token ids that the embedding has no row for.
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
