package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Hardware is a hardware block.
type Hardware struct {
	Label       string
	GPU         string
	GPUs        int
	GPUsPerNode int
	Range       hcl.Range
	Ranges      map[string]hcl.Range // by argument

	use
}

var hardwareFields = []field{
	{name: "gpu", ty: cty.String, required: true, wrong: notEmpty},
	{name: "gpus", ty: cty.Number, required: true, wrong: wholeFrom(1)},
	{name: "gpus_per_node", ty: cty.Number, required: true, wrong: wholeFrom(1)},
}

var hardwareType = cty.Object(map[string]cty.Type{
	"label": cty.String, "gpu": cty.String, "gpus": cty.Number, "gpus_per_node": cty.Number,
})

// readHardware returns the block and what works its value out.
func (n *names) readHardware(b *hclsyntax.Block) (*Hardware, func() (cty.Value, hcl.Diagnostics), hcl.Diagnostics) {
	h := &Hardware{Label: b.Labels[0], Range: b.DefRange()}
	args, required := fieldNames(hardwareFields)
	c, diags := shape{noun: "hardware", args: args, required: required}.read(b.Body, b.DefRange())
	h.Ranges, h.broken = c.ranges(), diags.HasErrors()
	return h, func() (cty.Value, hcl.Diagnostics) {
		v, diags := n.fields(c, hardwareFields, &h.use)
		h.GPU, h.GPUs, h.GPUsPerNode = text(v["gpu"]), int(whole(v["gpus"])), int(whole(v["gpus_per_node"]))
		v["label"] = cty.StringVal(h.Label)
		return cty.ObjectVal(v), diags
	}, diags
}
