package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// DefaultSeed is the seed of generated requests where a use case names none.
const DefaultSeed = 420

// UseCase is a use_case block: a traffic shape in tokens, or a data set of the
// user's own, which leaves the shape at 0.
type UseCase struct {
	Label              string
	ISL, OSL           int
	ISLStdev, OSLStdev float64
	Seed               int64
	Dataset            string // path as written, relative to the definitions; "" for a shape
	Range              hcl.Range
	Ranges             map[string]hcl.Range // by argument

	use
}

var useCaseFields = []field{
	{name: "isl", ty: cty.Number, required: true, wrong: wholeWithin(1, maxInt32)},
	{name: "osl", ty: cty.Number, required: true, wrong: wholeWithin(1, maxInt32)},
	{name: "isl_stdev", ty: cty.Number, wrong: notNegative, fallback: cty.Zero},
	{name: "osl_stdev", ty: cty.Number, wrong: notNegative, fallback: cty.Zero},
	{name: "seed", ty: cty.Number, wrong: wholeFrom(0), fallback: cty.NumberIntVal(DefaultSeed)},
	{name: "dataset", ty: cty.String, required: true, wrong: notEmpty},
}

var useCaseType = cty.Object(map[string]cty.Type{
	"label": cty.String, "isl": cty.Number, "osl": cty.Number, "isl_stdev": cty.Number, "osl_stdev": cty.Number,
	"seed": cty.Number, "dataset": cty.String,
})

// readUseCase returns the block and what works its value out.
func (n *names) readUseCase(b *hclsyntax.Block) (*UseCase, func() (cty.Value, hcl.Diagnostics), hcl.Diagnostics) {
	u := &UseCase{Label: b.Labels[0], Range: b.DefRange()}
	args, _ := fieldNames(useCaseFields) // which are required depends on the others
	c, diags := shape{noun: "use_case", args: args}.read(b.Body, b.DefRange())
	if !diags.HasErrors() {
		diags = append(diags, checkShape(c, b.DefRange())...)
	}
	u.Ranges, u.broken = c.ranges(), diags.HasErrors()
	own := c.byName["dataset"] != nil
	return u, func() (cty.Value, hcl.Diagnostics) {
		v, diags := n.fields(c, useCaseFields, &u.use)
		if own {
			for _, f := range useCaseFields[:5] {
				v[f.name] = cty.NullVal(f.ty)
			}
		}
		u.ISL, u.OSL, u.Seed = int(whole(v["isl"])), int(whole(v["osl"])), whole(v["seed"])
		u.ISLStdev, u.OSLStdev, u.Dataset = decimal(v["isl_stdev"]), decimal(v["osl_stdev"]), text(v["dataset"])
		v["label"] = cty.StringVal(u.Label)
		return cty.ObjectVal(v), diags
	}, diags
}

// checkShape wants either isl and osl or a data set.
func checkShape(c contents, header hcl.Range) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if own := c.byName["dataset"]; own != nil {
		for _, f := range useCaseFields[:5] {
			if a := c.byName[f.name]; a != nil {
				diags = append(diags, refuse(a.SrcRange, "Conflicting arguments", "A use case is a traffic shape or a data set of your own: the lengths of %s come from the file, so %q has no effect. Remove one of the two.", "`dataset`", f.name))
			}
		}
		return diags
	}
	for _, name := range []string{"isl", "osl"} {
		if c.byName[name] == nil {
			diags = append(diags, refuse(header, "Missing required argument", "The argument %q is required in a use_case block, unless dataset names a file of your own.", name))
		}
	}
	return diags
}
