package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// checkObjectKeys refuses objects that name an attribute twice: HCL takes the
// last and drops the others silently.
func checkObjectKeys(bodies []*hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, body := range bodies {
		more := hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
			if object, ok := n.(*hclsyntax.ObjectConsExpr); ok {
				return repeatedKeys(object)
			}
			return nil
		})
		diags = append(diags, more...)
	}
	return diags
}

func repeatedKeys(object *hclsyntax.ObjectConsExpr) hcl.Diagnostics {
	var diags hcl.Diagnostics
	first := map[string]hcl.Range{}
	for _, item := range object.Items {
		name, ok := literalKey(item)
		if !ok {
			continue
		}
		if before, taken := first[name]; taken {
			diags = append(diags, refuse(item.KeyExpr.Range(), "Duplicate attribute", "The object has the attribute %q already, at %s, and the last one would win silently. Remove one of them.", name, place(before)))
			continue
		}
		first[name] = item.KeyExpr.Range()
	}
	return diags
}

// literalKey is the name of an attribute if it is written out.
func literalKey(item hclsyntax.ObjectConsItem) (string, bool) {
	if len(item.KeyExpr.Variables()) > 0 {
		return "", false
	}
	key, diags := item.KeyExpr.Value(nil)
	if diags.HasErrors() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String {
		return "", false
	}
	return key.AsString(), true
}
