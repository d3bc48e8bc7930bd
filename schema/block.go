package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var fileShape = shape{blocks: []string{
	"llmbench", "policy", "variable", "locals", "executor", "model", "hardware", "image", "use_case", "benchmark",
}}

// collectBlocks sorts the blocks of all files by their type, each type in
// source order.
func collectBlocks(bodies []*hclsyntax.Body) (map[string][]*hclsyntax.Block, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	out := map[string][]*hclsyntax.Block{}
	for _, body := range bodies {
		c, more := fileShape.read(body, body.SrcRange)
		diags = append(diags, more...)
		for _, b := range c.blocks {
			out[b.Type] = append(out[b.Type], b)
		}
	}
	return out, diags
}

// unique refuses blocks whose first labels were used before by a block of the
// same type.
func unique(blocks []*hclsyntax.Block, labels int) hcl.Diagnostics {
	var diags hcl.Diagnostics
	first := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		if len(b.Labels) != labels {
			continue
		}
		key := strings.Join(b.Labels, "\x00")
		if before := first[key]; before != nil {
			diags = append(diags, within(refuse(b.LabelRanges[labels-1], "Duplicate "+b.Type, "%s named %q is already declared at %s. Give one of them another name.",
				capital(article(noun(b.Type))), strings.Join(b.Labels, "."), place(before.DefRange())), b.DefRange()))
			continue
		}
		first[key] = b
	}
	return diags
}

func noun(blockType string) string {
	if blockType == "use_case" {
		return "use case"
	}
	return blockType
}

// atMostOne refuses the second of blocks that may stand once in all files.
func atMostOne(blocks []*hclsyntax.Block) hcl.Diagnostics {
	if len(blocks) < 2 {
		return nil
	}
	b := blocks[1]
	return hcl.Diagnostics{refuse(b.DefRange(), "Duplicate "+b.Type+" block", "There is one %s block for all files of a directory, and the first is at %s. Join the two.", b.Type, place(blocks[0].DefRange()))}
}

// filter keeps the blocks of one type.
func filter(blocks []*hclsyntax.Block, blockType string) []*hclsyntax.Block {
	return slices.DeleteFunc(slices.Clone(blocks), func(b *hclsyntax.Block) bool { return b.Type != blockType })
}
