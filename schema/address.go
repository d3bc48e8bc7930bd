package schema

import (
	"fmt"
	"regexp"

	"github.com/zclconf/go-cty/cty"
)

// componentPattern is what a value may look like in an address.
var componentPattern = regexp.MustCompile(`^[A-Za-z0-9_.]+$`)

// valueLabel shows a value in an address, "" if it has no short form.
func valueLabel(v cty.Value) string {
	if v.IsNull() || !v.IsKnown() {
		return ""
	}
	switch v.Type() {
	case cty.String:
		return v.AsString()
	case cty.Number:
		return shortest(v)
	case cty.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	}
	return ""
}

// blockTypes are the types of the values of block arguments.
var blockTypes = map[string]cty.Type{"model": modelType, "hardware": hardwareType, "image": imageType, "use_case": useCaseType}

// blockLabel is the label of the block that v is, which must be of the type
// that argument wants. wrong ends a sentence that begins with the value.
func blockLabel(argument string, v cty.Value) (label, wrong string) {
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type().Equals(blockTypes[argument]) {
		return v.GetAttr("label").AsString(), ""
	}
	plain, _ := v.UnmarkDeep()
	for word, ty := range blockTypes {
		if plain.Type().Equals(ty) && !plain.IsNull() {
			return "", fmt.Sprintf("must be %s block, as in %s.NAME, and this is %s block", article(noun(argument)), argument, article(noun(word)))
		}
	}
	if plain.Type() == cty.String && plain.IsKnown() && !plain.IsNull() {
		return "", fmt.Sprintf("must be %s block, not a string. Write %s.%s without quotes", article(noun(argument)), argument, plain.AsString())
	}
	return "", fmt.Sprintf("must be %s block, as in %s.NAME", article(noun(argument)), argument)
}
