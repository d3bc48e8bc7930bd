package schema

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// reservedEnv are names, and beginnings of names, that belong to the job.
var reservedEnv = []string{"LD_PRELOAD", "BASH_ENV", "SLURM_*", "SBATCH_*", "PMI*"}

// tokens are names under which tools look for an access token.
var tokens = []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "NGC_API_KEY"}

// envNode merges env of the benchmark and of the row; its extra is *Environment.
func (r *resolver) envNode() *node {
	n := &node{}
	layers, ok := r.layers("env", n)
	if !ok {
		return nil
	}
	n.eval = func(at []int) result {
		all, env := map[string]cty.Value{}, &Environment{origins: origins{}}
		fine := true
		for _, e := range layers {
			fine = r.addEnv(e, at, all, env.origins) && fine
		}
		if !fine {
			return result{}
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			v, marks := all[name].Unmark()
			_, secret := marks[sensitiveMark{}]
			env.Vars = append(env.Vars, EnvVar{Name: name, Value: v.AsString(), Sensitive: secret})
		}
		return result{value: cty.ObjectVal(all), extra: env, ok: true}
	}
	return n
}

// layers are the expressions of a merged argument, benchmark first. Their axes
// are added to n.
func (r *resolver) layers(name string, n *node) (out []*expression, ok bool) {
	ok = true
	for _, s := range []*section{&r.row.benchmark.section, &r.row.section} {
		a := s.args[name]
		if a == nil {
			continue
		}
		e := r.prepare(a.Expr, Origin{s.from, a.SrcRange})
		if e == nil {
			ok = false
			continue
		}
		n.mask |= e.mask
		out = append(out, e)
	}
	return out, ok
}

// addEnv adds the variables of one layer.
func (r *resolver) addEnv(e *expression, at []int, all map[string]cty.Value, from origins) bool {
	v, ctx, ok := r.value(e, at)
	if !ok {
		return false
	}
	top, marks := v.Unmark()
	ty := top.Type()
	if !top.IsKnown() {
		_, ok = r.plain(v, e.Range(), "env")
		return ok
	}
	if top.IsNull() {
		return true
	}
	if !ty.IsObjectType() && !ty.IsMapType() {
		r.problem(e.Range(), e, ctx, "env", "must be an object of strings, as in { NCCL_DEBUG = \"WARN\" }, not "+describe(top))
		return false
	}
	if d := secretName(e, ctx); d != nil {
		r.diags = append(r.diags, d)
		return false
	}
	for it := top.ElementIterator(); it.Next(); {
		k, v := it.Element()
		name := k.AsString()
		rng := attributeRange(e.Expression, name, e.origin.Range)
		if out, fine := r.envValue(name, v, rng); fine {
			all[name], from["env."+name] = out.WithMarks(marks), &Origin{e.origin.From, rng}
		} else {
			ok = false
		}
	}
	return ok
}

// envValue checks one variable; a sensitive one keeps its mark.
func (r *resolver) envValue(name string, v cty.Value, rng hcl.Range) (cty.Value, bool) {
	if d := refuseEnvName(name, rng); d != nil {
		r.diags = append(r.diags, d)
		return v, false
	}
	j := judge(v)
	for _, missing := range j.missing {
		r.diags = append(r.diags, r.names.missing(missing, rng, "env."+name))
	}
	if !j.ok {
		return v, false
	}
	plain := j.value
	if plain.Type() == cty.Number && !plain.IsNull() {
		plain = cty.StringVal(shortest(plain))
	}
	plain, err := convert.Convert(plain, cty.String)
	switch {
	case err != nil || plain.IsNull():
		r.diags = append(r.diags, refuse(rng, "Unsuitable value", "The value of env.%s must be a string. A variable cannot be unset here: leave it out.", name))
		return v, false
	case strings.ContainsAny(plain.AsString(), "\x00\n\r"):
		r.diags = append(r.diags, refuse(rng, "Unsuitable value", "The value of env.%s has a line break, which the file that jobs read it from cannot hold.", name))
		return v, false
	case !j.sensitive && slices.Contains(tokens, name):
		r.diags = append(r.diags, refuse(rng, "Access token in plain text", "The value of env.%s would be printed, planned and stored. Take it from a variable with sensitive = true, or leave it out: jobs run offline and need no token.", name))
		return v, false
	case j.sensitive && tooShort(plain.AsString()):
		r.diags = append(r.diags, refuse(rng, shortSecret, "The value of env.%s, which is sensitive, has %d characters. %s", name, len(plain.AsString()), shortSecretDetail))
		return v, false
	case j.sensitive:
		plain = plain.Mark(sensitiveMark{})
	}
	return plain, true
}

// secretName refuses a sensitive value as the name of a variable: names are shown.
func secretName(e *expression, ctx *hcl.EvalContext) *hcl.Diagnostic {
	object, ok := e.Expression.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil
	}
	for _, item := range object.Items {
		if refersToSecret(item.KeyExpr, ctx) {
			return sensitiveOutside(item.KeyExpr.Range(), "the name of an environment variable")
		}
	}
	return nil
}

func refuseEnvName(name string, rng hcl.Range) *hcl.Diagnostic {
	if !envPattern.MatchString(name) {
		return refuse(rng, "Invalid environment variable", "%q is not a valid name for an environment variable. Use letters, digits and underscores, and do not begin with a digit.", name)
	}
	for _, reserved := range reservedEnv {
		prefix, begins := strings.CutSuffix(reserved, "*")
		if name == reserved || begins && strings.HasPrefix(name, prefix) {
			return refuse(rng, "Reserved environment variable", "%s cannot be set: %s would change how the job is started, not what is measured. Remove it; options of the job belong in the executor block.", name, strings.Join(reservedEnv, ", "))
		}
	}
	return nil
}

// attributeRange is the place of an attribute of an object that is written out,
// else the place of the whole.
func attributeRange(expr hcl.Expression, name string, whole hcl.Range) hcl.Range {
	if item := objectItem(expr, name); item != nil {
		return hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())
	}
	return whole
}

// objectItem finds an attribute in an object that is written out, nil if expr
// is none or its key is computed.
func objectItem(expr hcl.Expression, name string) *hclsyntax.ObjectConsItem {
	for {
		p, ok := expr.(*hclsyntax.ParenthesesExpr)
		if !ok {
			break
		}
		expr = p.Expression
	}
	object, ok := expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil
	}
	for i := len(object.Items) - 1; i >= 0; i-- { // the last of two wins
		if key, ok := literalKey(object.Items[i]); ok && key == name {
			return &object.Items[i]
		}
	}
	return nil
}

// shortestSecret is how many bytes a sensitive value has at least: a shorter one
// would take ordinary words out of logs with it.
const shortestSecret = 6

const (
	shortSecret       = "Sensitive value is too short"
	shortSecretDetail = "Sensitive values are removed from logs, and a value of fewer than 6 characters looks like ordinary words there. Use a longer value, or remove sensitive = true if it is not secret."
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
		if v.Sensitive && v.fallback != nil { // overridden or not
			if plain, diags := v.fallback.Expr.Value(nil); !diags.HasErrors() {
				out = append(out, stringsIn(plain)...)
			}
		}
	}
	for _, c := range d.Cells {
		for _, e := range c.Env.Vars {
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
