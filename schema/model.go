package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Model is a model block; arguments that are not given are "".
type Model struct {
	Label        string
	Checkpoint   string // Hugging Face id
	Revision     string
	Path         string
	Quantization string
	Range        hcl.Range
	Ranges       map[string]hcl.Range // by argument

	use
}

var modelFields = []field{
	{name: "checkpoint", ty: cty.String, required: true, wrong: notEmpty},
	{name: "revision", ty: cty.String},
	{name: "path", ty: cty.String, wrong: absolute},
	{name: "quantization", ty: cty.String, required: true, wrong: notEmpty},
}

var modelType = cty.Object(map[string]cty.Type{
	"label": cty.String, "checkpoint": cty.String, "revision": cty.String, "path": cty.String, "quantization": cty.String,
})

// readModel returns the block and what works its value out.
func (n *names) readModel(b *hclsyntax.Block) (*Model, func() (cty.Value, hcl.Diagnostics), hcl.Diagnostics) {
	m := &Model{Label: b.Labels[0], Range: b.DefRange()}
	args, required := fieldNames(modelFields)
	c, diags := shape{noun: "model", args: args, required: required}.read(b.Body, b.DefRange())
	m.Ranges, m.broken = c.ranges(), diags.HasErrors()
	return m, func() (cty.Value, hcl.Diagnostics) {
		v, diags := n.fields(c, modelFields, &m.use)
		m.Checkpoint, m.Revision = text(v["checkpoint"]), text(v["revision"])
		m.Path, m.Quantization = text(v["path"]), text(v["quantization"])
		v["label"] = cty.StringVal(m.Label)
		return cty.ObjectVal(v), diags
	}, diags
}
