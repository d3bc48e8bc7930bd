package schema

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A shape is what a block of one kind may hold.
type shape struct {
	noun     string  // "model"
	fields   []field // those of args that have one
	args     []string
	required []string
	blocks   []string
	// check refuses what the names together do not allow; nil allows all.
	check func(c contents, header hcl.Range) hcl.Diagnostics
}

// contents are the parts of a block's body, in source order.
type contents struct {
	attrs  []*hclsyntax.Attribute
	byName map[string]*hclsyntax.Attribute
	blocks []*hclsyntax.Block
}

// ranges are the places of the arguments by name.
func (c contents) ranges() map[string]hcl.Range {
	out := make(map[string]hcl.Range, len(c.attrs))
	for _, a := range c.attrs {
		out[a.Name] = a.SrcRange
	}
	return out
}

// read checks the names in body. header is the place to complain of what is
// missing.
func (s shape) read(body *hclsyntax.Body, header hcl.Range) (contents, hcl.Diagnostics) {
	c := split(body)
	var diags hcl.Diagnostics
	c.attrs = slices.DeleteFunc(c.attrs, func(a *hclsyntax.Attribute) bool {
		if slices.Contains(s.args, a.Name) {
			return false
		}
		diags = append(diags, s.unknownArgument(a))
		delete(c.byName, a.Name)
		return true
	})
	c.blocks = slices.DeleteFunc(c.blocks, func(b *hclsyntax.Block) bool {
		if slices.Contains(s.blocks, b.Type) {
			return false
		}
		diags = append(diags, s.unknownBlock(b))
		return true
	})
	if diags.HasErrors() {
		return c, diags // what is missing may be what is misspelt
	}
	for _, name := range s.required {
		if c.byName[name] == nil {
			diags = append(diags, refuse(header, "Missing required argument", "The argument %q is required in %s.", name, s.block()))
		}
	}
	if s.check != nil {
		diags = append(diags, s.check(c, header)...)
	}
	return c, diags
}

// block is the shape's noun with an article.
func (s shape) block() string {
	if s.noun == "" {
		return "a file"
	}
	return article(s.noun) + " block"
}

func article(noun string) string {
	if strings.ContainsRune("aeio", rune(noun[0])) || strings.HasPrefix(noun, "slo") { // spoken by letters
		return "an " + noun
	}
	return "a " + noun
}

func (s shape) unknownArgument(a *hclsyntax.Attribute) *hcl.Diagnostic {
	hint := orList(a.Name, s.args, "It has:")
	switch {
	case s.noun == "":
		return refuse(a.NameRange, "Argument outside a block", "The argument %q is outside of any block. Move it into the block that it belongs to.", a.Name)
	case slices.Contains(s.blocks, a.Name):
		hint = fmt.Sprintf(" %q is a block: write it without the equals sign.", a.Name)
	case len(s.args) == 0:
		hint = ""
	}
	return refuse(a.NameRange, "Unsupported argument", "There is no argument %q in %s.%s", a.Name, s.block(), hint)
}

func (s shape) unknownBlock(b *hclsyntax.Block) *hcl.Diagnostic {
	hint := orList(b.Type, s.blocks, "The block types are")
	switch {
	case slices.Contains(s.args, b.Type):
		hint = fmt.Sprintf(" %q is an argument: write %s = …", b.Type, b.Type)
	case len(s.blocks) == 0:
		hint = " It holds arguments only."
	}
	switch b.Type {
	case "module":
		hint = " llmbench has no modules: include = [\"../common\"] in the llmbench block shares blocks of another directory."
	case "resource", "provider", "terraform", "data", "output":
		hint = " That block is Terraform's. In llmbench a benchmark block declares what to measure, and the llmbench block holds settings."
	}
	return refuse(b.TypeRange, "Unsupported block type", "There is no block type %q in %s.%s", b.Type, s.block(), hint)
}

// split lists the parts of body in source order.
func split(body *hclsyntax.Body) contents {
	c := contents{byName: make(map[string]*hclsyntax.Attribute, len(body.Attributes)), blocks: slices.Clone(body.Blocks)}
	for name, a := range body.Attributes {
		c.byName[name] = a
		c.attrs = append(c.attrs, a)
	}
	slices.SortFunc(c.attrs, func(a, b *hclsyntax.Attribute) int { return compareRanges(a.SrcRange, b.SrcRange) })
	return c
}

var labelPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// checkLabels refuses a block that has not one label for each name of want, or
// labels that an address could not show.
func checkLabels(b *hclsyntax.Block, want ...string) hcl.Diagnostics {
	header := b.DefRange()
	if len(b.Labels) != len(want) {
		form := b.Type
		for _, w := range want {
			form += ` "` + w + `"`
		}
		return hcl.Diagnostics{refuse(header, "Wrong number of block labels", "%s is written as: %s { … }", capital(article(b.Type))+" block", form)}
	}
	var diags hcl.Diagnostics
	for i, label := range b.Labels {
		if !labelPattern.MatchString(label) {
			diags = append(diags, within(refuse(b.LabelRanges[i], "Invalid label",
				"Labels become parts of addresses: use lower-case letters, digits and underscores, and begin with a letter. %q does not.%s",
				label, labelHint(label)), header))
		}
	}
	return diags
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// runSyntax is a use case as llmb-run's -w takes it.
var runSyntax = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_]*):([0-9]+)/([0-9]+)$`)

var notInLabel = regexp.MustCompile(`[^a-z0-9_]+`)

// labelHint proposes the label that is nearest to one that is refused.
func labelHint(label string) string {
	if m := runSyntax.FindStringSubmatch(label); m != nil {
		return fmt.Sprintf(" NAME:ISL/OSL is the syntax of llmb-run. Write a use_case block: use_case %q { isl = %s, osl = %s }, one argument per line.", strings.ToLower(m[1]), m[2], m[3])
	}
	near := strings.Trim(notInLabel.ReplaceAllString(strings.ToLower(label), "_"), "_")
	if !labelPattern.MatchString(near) {
		return ""
	}
	return fmt.Sprintf(" Write %q.", near)
}

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
				capital(article(noun(b.Type))), strings.Join(b.Labels, "."), location(before.DefRange())), b.DefRange()))
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

// atMostOne refuses the second of blocks that may stand once.
func atMostOne(blocks []*hclsyntax.Block) hcl.Diagnostics {
	if len(blocks) < 2 {
		return nil
	}
	b := blocks[1]
	return hcl.Diagnostics{refuse(b.DefRange(), "Duplicate "+b.Type+" block", "There can be only one %s block here, and the first is at %s. Merge the two.", b.Type, location(blocks[0].DefRange()))}
}

// filter keeps the blocks of one type.
func filter(blocks []*hclsyntax.Block, blockType string) []*hclsyntax.Block {
	return slices.DeleteFunc(slices.Clone(blocks), func(b *hclsyntax.Block) bool { return b.Type != blockType })
}

// Language lists the arguments of each type of block, without the flags of
// trtllm-bench, the arguments of executors, and blocks whose arguments have any
// name.
func Language() map[string][]string {
	out := map[string][]string{"benchmark": slices.Clone(ownArguments), "axis": {"values"}}
	for _, s := range []shape{
		settingsShape, policyShape, variableShape, validationShape, modelShape, hardwareShape, imageShape, useCaseShape, sloShape, searchShape, boundShape,
	} {
		out[s.noun] = slices.Clone(s.args)
	}
	return out
}

// FunctionNames lists the functions of the language, sorted.
func FunctionNames() []string { return slices.Sorted(maps.Keys(functions)) }
