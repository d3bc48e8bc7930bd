package schema

import (
	"fmt"
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

// givenValues are the values by variable. The first that is made is taken.
type givenValues map[string]givenValue

func (o givenValues) add(name string, v givenValue) {
	if _, taken := o[name]; !taken {
		o[name] = v
	}
}

// giveValues gives each variable the first value that one of these has: -var,
// -var-file, *.auto.vars, LLMBENCH_VAR_name, its env, its default.
func (s *sources) giveValues(dir string, variables []*Variable, opts Options) hcl.Diagnostics {
	given, diags := s.collect(dir, variables, opts)
	for _, v := range variables {
		o, ok := given[v.Name]
		if !ok && v.fallback != nil {
			o, ok = givenValue{source: "default", expr: v.fallback.Expr}, true
		}
		if ok {
			diags = append(diags, v.take(o)...)
		}
	}
	return diags
}

func (s *sources) collect(dir string, variables []*Variable, opts Options) (givenValues, hcl.Diagnostics) {
	given := givenValues{}
	var known []string
	secret := false
	for _, v := range variables {
		known = append(known, v.Name)
		secret = secret || v.Sensitive
	}
	diags := given.commandLine(opts.Vars, known)
	files := make([]string, 0, len(opts.VarFiles))
	for i := len(opts.VarFiles) - 1; i >= 0; i-- { // a later one wins
		files = append(files, opts.VarFiles[i])
	}
	auto, more := listFiles(dir, ".auto.vars")
	diags = append(diags, more...)
	if terraform, _ := listFiles(dir, ".tfvars"); len(terraform) > 0 {
		name := filepath.Base(terraform[0])
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Variable file is not read", Detail: fmt.Sprintf(
			"llmbench does not read %s. Rename it to %s.auto.vars, or name it with -var-file.", name, strings.TrimSuffix(strings.TrimSuffix(name, ".tfvars"), ".auto"))})
	}
	for i := len(auto) - 1; i >= 0; i-- {
		files = append(files, auto[i])
	}
	for _, path := range files {
		file, more := s.parse(path)
		diags = append(diags, more...)
		if file == nil {
			continue
		}
		if !secret {
			s.files[path] = file
		}
		if givesSecret(file.Body.(*hclsyntax.Body), variables) {
			s.inputs[len(s.inputs)-1].SHA256 = "" // a secret is never hashed
		}
		diags = append(diags, given.file(filepath.ToSlash(path), file.Body.(*hclsyntax.Body), known)...)
	}
	return given, append(diags, given.environment(opts.Environ, variables, known)...)
}

func givesSecret(body *hclsyntax.Body, variables []*Variable) bool {
	for _, v := range variables {
		if v.Sensitive && body.Attributes[v.Name] != nil {
			return true
		}
	}
	return false
}

func (o givenValues) commandLine(vars []string, known []string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for i := len(vars) - 1; i >= 0; i-- { // a later one wins
		name, value, ok := strings.Cut(vars[i], "=")
		if !ok {
			diags = append(diags, refuseAll("Invalid -var", "-var is written NAME=VALUE; %q has no equals sign.", vars[i]))
			continue
		}
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			diags = append(diags, refuseAll("Undeclared variable", "-var gives a value to %q, and no such variable is declared.%s", name, suggestOrList(name, known, "variable")))
			continue
		}
		o.add(name, givenValue{source: "-var", raw: &value})
	}
	return diags
}

func (o givenValues) file(path string, body *hclsyntax.Body, known []string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	c := split(body)
	for _, b := range c.blocks {
		diags = append(diags, refuse(b.DefRange(), "Block among values", "A variable file holds only lines of the form NAME = VALUE; blocks belong in *.hcl files."))
	}
	for _, a := range c.attrs {
		if !slices.Contains(known, a.Name) {
			diags = append(diags, refuse(a.NameRange, "Undeclared variable", "No variable %q is declared.%s", a.Name, suggestOrList(a.Name, known, "variable")))
			continue
		}
		o.add(a.Name, givenValue{source: path, expr: a.Expr})
	}
	return diags
}

// envPrefix begins the environment variables that give values by the names of
// variables.
const envPrefix = "LLMBENCH_VAR_"

func (o givenValues) environment(environ []string, variables []*Variable, known []string) hcl.Diagnostics {
	env := map[string]string{}
	var diags hcl.Diagnostics
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
		if variable, ok := strings.CutPrefix(name, envPrefix); ok && !slices.Contains(known, variable) {
			if near := Nearest(variable, known); near != "" { // others may serve another directory
				diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Undeclared variable in the environment",
					Detail: name + " is set, and no variable \"" + variable + "\" is declared. Did you mean " + envPrefix + near + "?"})
			}
		}
	}
	for _, v := range variables {
		if value, ok := env[envPrefix+v.Name]; ok {
			o.add(v.Name, givenValue{source: envPrefix + v.Name, raw: &value})
		}
		if value := env[v.env]; v.env != "" && value != "" { // shells leave empty ones behind
			o.add(v.Name, givenValue{source: v.env, raw: &value})
		}
	}
	return diags
}

// take converts an offer to the type of v and assigns it.
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
