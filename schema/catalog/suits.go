package catalog

import (
	"math/big"
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// Is reports whether v is of the option's type. null is of every type.
func (o *Option) Is(v cty.Value) bool {
	if o.Type == "any" || v.IsNull() {
		return true
	}
	switch o.Type {
	case "bool":
		return v.Type() == cty.Bool
	case "float":
		return v.Type() == cty.Number
	case "int":
		return isWhole(v)
	case "object":
		return v.Type().IsObjectType() || v.Type().IsMapType()
	case "string":
		return v.Type() == cty.String
	case "list(int)":
		return isListOf(v, isWhole)
	case "list(string)":
		return isListOf(v, func(e cty.Value) bool { return e.Type() == cty.String })
	}
	panic("catalog: option " + o.Path + " has the unknown type " + o.Type)
}

// Suits reports whether the option may have the value v.
func (o *Option) Suits(v cty.Value) bool {
	switch {
	case !o.Is(v):
		return false
	case v.IsNull() || o.Type == "any":
		return true
	case v.Type() == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		return o.Outside(f) == ""
	case v.Type() == cty.String:
		return len(o.Values) == 0 || slices.Contains(o.Values, v.AsString())
	}
	return true
}

func isWhole(v cty.Value) bool {
	if v.Type() != cty.Number || v.IsNull() {
		return false
	}
	_, accuracy := v.AsBigFloat().Int64()
	return accuracy == big.Exact
}

func isListOf(v cty.Value, is func(cty.Value) bool) bool {
	if !v.Type().IsTupleType() && !v.Type().IsListType() {
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.IsNull() || !is(e) {
			return false
		}
	}
	return true
}
