package schema

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A givenValue is a value for a variable, not yet converted to its type.
type givenValue struct {
	source string
	// expr is what a file says, raw is what a command line or the environment
	// says; one of them is set.
	expr hclsyntax.Expression
	raw  *string
}

// giveValues gives each variable the first value that one of these has: -var,
// -var-file, *.auto.vars, LLMBENCH_VAR_name, its env, its default.
func (s *sources) giveValues(dir string, variables []*Variable, opts Options) hcl.Diagnostics {
	given := map[string]givenValue{}
	known := list(variables, func(v *Variable) string { return v.Name })
	// give notes a value unless there is one. wrong is what to say of a name that is not known.
	give := func(name string, v givenValue) (wrong string) {
		if !slices.Contains(known, name) {
			return suggestOrList(name, known, "variable")
		}
		if _, taken := given[name]; !taken {
			given[name] = v
		}
		return ""
	}
	var diags hcl.Diagnostics
	for _, arg := range slices.Backward(opts.Vars) { // a later one wins
		name, value, ok := strings.Cut(arg, "=")
		name = strings.TrimSpace(name)
		if !ok {
			diags = append(diags, refuseAll("Invalid -var", "-var is written NAME=VALUE; %q has no equals sign.", arg))
		} else if wrong := give(name, givenValue{source: "-var", raw: &value}); wrong != "" {
			diags = append(diags, refuseAll("Undeclared variable", "-var gives a value to %q, and no such variable is declared.%s", name, wrong))
		}
	}
	files, more := listFiles(dir, ".auto.vars")
	diags = append(diags, more...)
	for _, path := range slices.Backward(append(files, opts.VarFiles...)) { // a later one wins
		c, more := s.valueFile(path, variables)
		diags = append(diags, more...)
		for _, a := range c.attrs {
			if wrong := give(a.Name, givenValue{source: filepath.ToSlash(path), expr: a.Expr}); wrong != "" {
				diags = append(diags, refuse(a.NameRange, "Undeclared variable", "No variable %q is declared.%s", a.Name, wrong))
			}
		}
	}
	if terraform, _ := listFiles(dir, ".tfvars"); len(terraform) > 0 {
		name := filepath.Base(terraform[0])
		diags = append(diags, warn("Variable file is not read",
			"llmbench does not read %s. Rename it to %s.auto.vars, or name it with -var-file.", name, strings.TrimSuffix(strings.TrimSuffix(name, ".tfvars"), ".auto")))
	}
	env := map[string]string{}
	for _, kv := range opts.Environ {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
		variable, ok := strings.CutPrefix(name, envPrefix)
		if near := Nearest(variable, known); ok && near != "" && !slices.Contains(known, variable) { // others may serve another directory
			diags = append(diags, warn("Undeclared variable in the environment", "%s is set, and no variable %q is declared. Did you mean %s?", name, variable, envPrefix+near))
		}
	}
	for _, v := range variables {
		if value, ok := env[envPrefix+v.Name]; ok {
			give(v.Name, givenValue{source: envPrefix + v.Name, raw: &value})
		}
		if value := env[v.env]; v.env != "" && value != "" { // shells leave empty ones behind
			give(v.Name, givenValue{source: v.env, raw: &value})
		}
		if v.fallback != nil {
			give(v.Name, givenValue{source: "default", expr: v.fallback.Expr})
		}
		if value, ok := given[v.Name]; ok {
			diags = append(diags, v.take(value)...)
		}
	}
	return diags
}

// envPrefix begins the environment variables that give values by the names of
// variables.
const envPrefix = "LLMBENCH_VAR_"

// valueFile reads a file of values. A secret is neither shown nor hashed.
func (s *sources) valueFile(path string, variables []*Variable) (contents, hcl.Diagnostics) {
	file, diags := s.parse(path)
	if file == nil {
		return contents{}, diags
	}
	body := file.Body.(*hclsyntax.Body)
	secret := func(v *Variable) bool { return v.Sensitive }
	if !slices.ContainsFunc(variables, secret) {
		s.files[path] = file
	}
	if slices.ContainsFunc(variables, func(v *Variable) bool { return secret(v) && body.Attributes[v.Name] != nil }) {
		s.inputs[len(s.inputs)-1].SHA256 = ""
	}
	c := split(body)
	for _, b := range c.blocks {
		diags = append(diags, refuse(b.DefRange(), "Block among values", "A variable file holds only lines of the form NAME = VALUE; blocks belong in *.hcl files."))
	}
	return c, diags
}

// take converts a value to the type of v and assigns it.
func (v *Variable) take(o givenValue) hcl.Diagnostics {
	if o.raw != nil && (v.Type.IsPrimitiveType() || v.Type == cty.DynamicPseudoType) {
		return v.assign(cty.StringVal(*o.raw), o.source, nil)
	}
	expr := o.expr
	var rng *hcl.Range
	if o.raw != nil {
		parsed, diags := hclsyntax.ParseExpression([]byte(*o.raw), o.source, hcl.InitialPos)
		if diags.HasErrors() {
			return hcl.Diagnostics{v.unreadable(o, diags)}
		}
		expr = parsed
	} else {
		r := expr.Range()
		rng = &r
	}
	val, diags := literal(expr, "the value of a variable")
	switch {
	case diags.HasErrors() && (o.raw != nil || v.Sensitive):
		return hcl.Diagnostics{v.unreadable(o, diags)}
	case diags.HasErrors():
		return diags
	}
	return append(diags, v.assign(val, o.source, rng)...)
}

// unreadable is the error of a value that is no expression. HCL's own words are
// repeated unless they could hold a secret.
func (v *Variable) unreadable(o givenValue, diags hcl.Diagnostics) *hcl.Diagnostic {
	why := ""
	if !v.Sensitive {
		why = " " + diags[0].Detail
	}
	return refuse(v.Range, "Unreadable value for variable", "The value of the variable %q, from %s, is not an expression of the language.%s Strings inside lists and objects are written in double quotes.", v.Name, o.source, why)
}
