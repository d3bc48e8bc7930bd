package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Marks travel with values through expressions.
type (
	// missingMark is on the unknown value of a variable that was not set.
	missingMark struct{ variable string }
	// sensitiveMark is on what derives from a sensitive variable.
	sensitiveMark struct{}
	// failedMark is on a value whose mistake has been reported already.
	failedMark struct{}
)

// failed stands for a value that could not be worked out and whose diagnostic
// exists: nothing more is said about what derives from it.
var failed = cty.DynamicVal.Mark(failedMark{})

// A verdict is what the marks of a value say about its use.
type verdict struct {
	// value is unmarked; it is wholly known if ok.
	value     cty.Value
	sensitive bool
	ok        bool
	// missing are the variables without which it is not ok, sorted.
	missing []string
}

func judge(v cty.Value) verdict {
	if !v.ContainsMarked() && v.IsWhollyKnown() {
		return verdict{value: v, ok: true}
	}
	plain, marks := v.UnmarkDeep()
	out := verdict{value: plain, ok: plain.IsWhollyKnown()}
	for m := range marks {
		switch m := m.(type) {
		case sensitiveMark:
			out.sensitive = true
		case missingMark:
			if !out.ok {
				out.missing = append(out.missing, m.variable)
			}
		}
	}
	slices.Sort(out.missing)
	if _, reported := marks[failedMark{}]; reported && !out.ok {
		out.missing = nil
	}
	return out
}

// plain is the value v of the expression at rng as what uses it: known, and not
// sensitive. ok is false if it is neither, and then diags says why unless that
// was said before.
func (n *names) plain(v cty.Value, rng hcl.Range, what string) (plain cty.Value, ok bool, diags hcl.Diagnostics) {
	j := judge(v)
	for _, name := range j.missing {
		diags = append(diags, n.missing(name, rng, what))
	}
	if j.ok && j.sensitive {
		return j.value, false, append(diags, sensitiveOutside(rng, what))
	}
	return j.value, j.ok, diags
}

func sensitiveOutside(rng hcl.Range, what string) *hcl.Diagnostic {
	return refuse(rng, "Sensitive value outside env",
		"A sensitive value may be used only in env, where it is never hashed, printed or stored; %s can be all of that. "+
			"Take the variable out of this expression, or remove sensitive = true if it is not secret.", what)
}

// missing is the error of using variable, which has no value.
func (n *names) missing(variable string, rng hcl.Range, what string) *hcl.Diagnostic {
	return refuse(rng, "Missing variable", "The variable %q has no value, and %s needs it. Set it with %s.", variable, what, either(n.ways(variable)))
}

// ways are the ways to set variable.
func (n *names) ways(variable string) []string {
	ways := []string{"-var '" + variable + "=…'", "a line in a *.auto.vars file", "the environment variable " + envPrefix + variable}
	if v := n.variable(variable); v != nil && v.env != "" {
		ways = append(ways, "the environment variable "+v.env)
	}
	return ways
}

// either joins ways for a sentence.
func either(ways []string) string {
	last := len(ways) - 1
	return strings.Join(ways[:last], ", ") + " or " + ways[last]
}
