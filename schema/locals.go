package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// defineLocals adds the arguments of all locals blocks as local.NAME. They may
// refer to each other in any order.
func (n *names) defineLocals(blocks []*hclsyntax.Block) hcl.Diagnostics {
	var diags hcl.Diagnostics
	declared := map[string]hcl.Range{}
	for _, b := range blocks {
		diags = append(diags, checkLabels(b)...)
		c := split(b.Body)
		for _, inner := range c.blocks {
			diags = append(diags, shape{noun: "locals"}.unknownBlock(inner))
		}
		for _, a := range c.attrs {
			if first, taken := declared[a.Name]; taken {
				diags = append(diags, refuse(a.NameRange, "Duplicate local value", "A local value named %q is already declared at %s. Names are shared by all locals blocks.", a.Name, place(first)))
				continue
			}
			declared[a.Name] = a.NameRange
			n.roots["local"].define(a.Name, func() (cty.Value, hcl.Diagnostics) { return n.value(a.Expr) })
		}
	}
	return diags
}

// all works out every entry, so that mistakes in names that nothing uses are
// found too.
func (n *names) all() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, word := range rootWords {
		r := n.roots[word]
		for _, name := range r.order {
			_, more := n.resolve(r.entries[name], hcl.Range{})
			diags = append(diags, more...)
		}
	}
	return diags
}
