package schema

import (
	"cmp"
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// shortestSecret is how many bytes a sensitive value has at least: a shorter one
// would take ordinary words out of logs with it.
const shortestSecret = 6

const (
	shortSecret       = "Sensitive value is too short"
	shortSecretDetail = "What is sensitive is removed from logs, and one of fewer than 6 characters cannot be told from ordinary words there. Use a longer value, or remove sensitive = true if it is not secret."
)

func tooShort(secret string) bool { return secret != "" && len(secret) < shortestSecret }

// Secrets are the strings that nothing may show: those in the values of sensitive
// variables, and the values of environment variables that derive from them. The
// longest come first, so that one that holds another is removed whole.
func (d *Definitions) Secrets() []string {
	var out []string
	for _, v := range d.Variables {
		if v.Sensitive && v.Set {
			plain, _ := v.marked.UnmarkDeep()
			out = append(out, stringsIn(plain)...)
		}
	}
	for _, c := range d.Cells {
		for _, e := range c.Env {
			if e.Sensitive && !slices.Contains(out, e.Value) {
				out = append(out, e.Value)
			}
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return len(s) < shortestSecret })
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	return slices.Compact(out)
}

// stringsIn are the strings that a value holds.
func stringsIn(v cty.Value) []string {
	var out []string
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			out = append(out, v.AsString())
		}
		return true, nil
	})
	return out
}
