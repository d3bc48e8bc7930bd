package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// names is everything that an expression can refer to, apart from each. What a
// name stands for is worked out when it is first needed.
type names struct {
	roots     map[string]*rootName
	variables []*Variable
	stack     []*entry // being worked out
}

// A rootName is the first word of a reference: var, local, model, …
type rootName struct {
	word string
	noun string // what its entries are called
	// attrs are the attributes that all its entries have; nil if they differ.
	attrs   []string
	order   []string
	entries map[string]*entry
}

// An entry is one name under a root.
type entry struct {
	ref     string // "local.batch", as a cycle shows it
	compute func() (cty.Value, hcl.Diagnostics)
	value   cty.Value
	done    bool
	block   interface{ block() *Block } // nil for what is none
}

// rootWords are the roots in the order in which messages list them.
var rootWords = []string{"var", "local", "model", "hardware", "image", "use_case", "executor"}

func newNames() *names {
	n := &names{roots: map[string]*rootName{}}
	for _, word := range rootWords {
		n.roots[word] = &rootName{word: word, noun: word, entries: map[string]*entry{}}
	}
	n.roots["var"].noun = "variable"
	n.roots["local"].noun = "local value"
	return n
}

// define adds a name that is worked out by compute when something needs it. A
// name that is taken keeps its meaning; the caller has refused the second.
func (r *rootName) define(name string, compute func() (cty.Value, hcl.Diagnostics)) {
	if r.entries[name] == nil {
		r.order = append(r.order, name)
		r.entries[name] = &entry{ref: r.word + "." + name, compute: compute}
	}
}

// set adds a name whose value is known.
func (r *rootName) set(name string, v cty.Value) {
	r.define(name, nil)
	e := r.entries[name]
	e.value, e.done = v, true
}

func (n *names) variable(name string) *Variable {
	for _, v := range n.variables {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// value evaluates expr where each is not known. A value that cannot be worked
// out is failed.
func (n *names) value(expr hcl.Expression) (cty.Value, hcl.Diagnostics) {
	ctx, diags := n.context(expr, false)
	if diags.HasErrors() {
		return failed, diags
	}
	v, more := evaluate(expr, ctx)
	return v, append(diags, more...)
}

// context holds what expr refers to. References to each are left to the caller
// if each is set and are mistakes if not.
func (n *names) context(expr hcl.Expression, each bool) (*hcl.EvalContext, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	used := map[string]map[string]cty.Value{}
	for _, t := range expr.Variables() {
		word := t.RootName()
		if word == "each" {
			if !each {
				diags = append(diags, refuse(t.SourceRange(), "Reference to each outside a run",
					"each.NAME is a value of the run being made, so it can be used only in the arguments of a benchmark, its rows and llm_api_options. Here you can use var, local, model, hardware, image and use_case."))
			}
			continue
		}
		r := n.roots[word]
		if r == nil {
			diags = append(diags, unknownRoot(t, each))
			continue
		}
		if used[word] == nil {
			used[word] = map[string]cty.Value{}
		}
		diags = append(diags, n.fill(used[word], r, t)...)
	}
	ctx := &hcl.EvalContext{Functions: functions, Variables: make(map[string]cty.Value, len(used))}
	for word, attrs := range used {
		ctx.Variables[word] = cty.ObjectVal(attrs)
	}
	return ctx, diags
}

// fill adds to attrs what the traversal t needs of the root r.
func (n *names) fill(attrs map[string]cty.Value, r *rootName, t hcl.Traversal) hcl.Diagnostics {
	name, rng, ok := step(t, 1)
	if !ok { // the root as a whole, or an index that is not a name
		var diags hcl.Diagnostics
		for _, name := range r.order {
			v, more := n.resolve(r.entries[name], t.SourceRange())
			diags = append(diags, more...)
			attrs[name] = v
		}
		return diags
	}
	e := r.entries[name]
	if e == nil {
		return hcl.Diagnostics{within(refuse(rng, "Reference to undeclared "+r.noun, "There is no %s %q.%s", r.noun, name, suggestOrList(name, r.order, r.noun)), t.SourceRange())}
	}
	v, diags := n.resolve(e, t.SourceRange())
	attrs[name] = v
	if r.word == "executor" && v.Type().IsObjectType() {
		return append(diags, checkExecutorName(t, name, attributeNames(v.Type()))...)
	}
	return append(diags, checkAttribute(t, 2, r.noun, r.attrs)...)
}

// checkExecutorName refuses executor.TYPE.NAME that names none of the type's.
func checkExecutorName(t hcl.Traversal, ty string, names []string) hcl.Diagnostics {
	name, rng, ok := step(t, 2)
	if !ok || slices.Contains(names, name) {
		return nil
	}
	return hcl.Diagnostics{within(refuse(rng, "Reference to undeclared executor", "There is no executor %q of type %s.%s", name, ty, suggestOrList(name, names, "executor")), t.SourceRange())}
}

// checkAttribute refuses a step that names none of attrs; nil attrs allow all.
func checkAttribute(t hcl.Traversal, i int, noun string, attrs []string) hcl.Diagnostics {
	name, rng, ok := step(t, i)
	if !ok || attrs == nil || slices.Contains(attrs, name) {
		return nil
	}
	return hcl.Diagnostics{within(refuse(rng, "Unsupported attribute", "%s has no attribute %q.%s", capital(article(noun)), name, orList(name, attrs, "It has:")), t.SourceRange())}
}

// step is the name at position i of a traversal, written .name or ["name"].
func step(t hcl.Traversal, i int) (name string, rng hcl.Range, ok bool) {
	if i >= len(t) {
		return "", hcl.Range{}, false
	}
	switch s := t[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, s.SrcRange, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString(), s.SrcRange, true
		}
	}
	return "", hcl.Range{}, false
}

func unknownRoot(t hcl.Traversal, each bool) *hcl.Diagnostic {
	word := t.RootName()
	words := rootWords
	if each {
		words = append(slices.Clone(words), "each")
	}
	hint := orList(word, words, "References begin with")
	if len(t) == 1 && Nearest(word, words) == "" {
		hint += fmt.Sprintf(" A string is written in quotes: %q.", word)
	}
	return refuse(t.SourceRange(), "Unknown reference", "Nothing is called %q here.%s", word, hint)
}

// resolve works an entry out, once. at is the reference that needs it.
func (n *names) resolve(e *entry, at hcl.Range) (cty.Value, hcl.Diagnostics) {
	if e.done {
		return e.value, nil
	}
	if i := slices.Index(n.stack, e); i >= 0 {
		return failed, hcl.Diagnostics{cycle(at, list(append(n.stack[i:], e), func(e *entry) string { return e.ref }))}
	}
	n.stack = append(n.stack, e)
	v, diags := e.compute()
	n.stack = n.stack[:len(n.stack)-1]
	e.value, e.done = v, true
	return v, diags
}

// cycle is the error of a value that needs itself. path ends as it begins.
func cycle(at hcl.Range, path []string) *hcl.Diagnostic {
	return refuse(at, "Reference cycle", "%s is needed to evaluate %[1]s itself: %s. Give one of them a value that does not refer to the others.", path[0], strings.Join(path, " → "))
}

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
				diags = append(diags, refuse(a.NameRange, "Duplicate local value", "A local value named %q is already declared at %s. Names are shared by all locals blocks.", a.Name, location(first)))
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
