package schema

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// checkExecutorNames refuses arguments and blocks that the specification does
// not have. Nothing is evaluated, so that it holds for executors that are not
// chosen too.
func checkExecutorNames(body *hclsyntax.Body, spec hcldec.Spec, noun string) hcl.Diagnostics {
	if _, blind := spec.(*hcldec.LiteralSpec); blind || spec == nil {
		return nil // it looks at nothing, so it says nothing about names
	}
	s := shape{noun: noun}
	for _, a := range hcldec.ImpliedSchema(spec).Attributes {
		s.args = append(s.args, a.Name)
	}
	inner := hcldec.ChildBlockTypes(spec)
	s.blocks = slices.Sorted(maps.Keys(inner))
	slices.Sort(s.args)
	c, diags := s.read(body, body.SrcRange)
	for _, b := range c.blocks {
		diags = append(diags, checkExecutorNames(b.Body, inner[b.Type], b.Type)...)
	}
	return diags
}
