package schema

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/llmbench/llmbench/schema/catalog"
)

// flagTypes are the types of flags as the catalogue names them.
var flagTypes = map[string]struct {
	ty   cty.Type
	noun string
}{
	"int":          {cty.Number, "a whole number"},
	"float":        {cty.Number, "a number"},
	"bool":         {cty.Bool, "true or false"},
	"string":       {cty.String, "a text"},
	"list(string)": {cty.List(cty.String), "a list of strings"},
}

// convertFlagType gives v the type of the flag. wrong ends a sentence that
// begins with the value's name.
func convertFlagType(f *catalog.Flag, v cty.Value) (out cty.Value, wrong string) {
	want, ok := flagTypes[f.Type]
	if !ok {
		panic("schema: flag " + f.Name + " has the unknown type " + f.Type)
	}
	out, err := convert.Convert(v, want.ty)
	if err != nil {
		return v, "must be " + want.noun + ", not " + describe(v)
	}
	if out.IsNull() || want.ty != cty.Number {
		return out, ""
	}
	rounded, ok := round(out)
	if !ok {
		return v, beyond(v)
	}
	if _, isWhole := asWhole(rounded); f.Type == "int" && !isWhole {
		return v, "must be a whole number, not " + shortest(rounded)
	}
	return rounded, ""
}

// checkFlag compares a value with what the flag allows. wrong ends a sentence
// that begins with the value's name.
func checkFlag(f *catalog.Flag, v cty.Value) (wrong string) {
	switch {
	case v.IsNull():
		return ""
	case v.Type() == cty.Number:
		if f.Type == "int" && f.Max == nil && asFloat(v) > maxInt32 {
			return fmt.Sprintf("must be at most %d, and it is %s", maxInt32, shortest(v))
		}
		return outside(f.Range, v)
	case v.Type() == cty.String && len(f.Values) > 0 && !contains(f.Values, v.AsString()):
		if near := Nearest(strings.ToLower(v.AsString()), f.Values); near != "" {
			return fmt.Sprintf("must be one of %s, not %q. Did you mean %q?", strings.Join(f.Values, ", "), v.AsString(), near)
		}
		return fmt.Sprintf("must be one of %s, not %q", strings.Join(f.Values, ", "), v.AsString())
	}
	return ""
}

// outside says how a number leaves a range, "" for one that is in it.
func outside(r catalog.Range, v cty.Value) string {
	wrong := r.Outside(asFloat(v))
	if wrong == "" {
		return ""
	}
	return wrong + ", and it is " + shortest(v)
}
