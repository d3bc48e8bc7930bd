package catalog

import (
	"cmp"
	"fmt"
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"
)

// factType is what a flag or an option may say.
var factType = cty.ObjectWithOptionalAttrs(map[string]cty.Type{
	"type": cty.String, "default": cty.DynamicPseudoType, "min": cty.Number, "max": cty.Number,
	"values": cty.List(cty.String), "off": cty.String, "overrides": cty.String, "since": cty.String, "until": cty.String,
	"global": cty.Bool, "file": cty.Bool, "per_run": cty.Bool, "short": cty.String, "alias_of": cty.String, "ours": cty.String, "source": cty.String,
}, []string{"default", "min", "max", "values", "off", "overrides", "since", "until", "global", "file", "per_run", "short", "alias_of", "ours", "source"})

// A fact is one attribute of a flags, options or object block.
type fact struct {
	name, typ, off, overrides string
	short, aliasOf, ours      string
	source                    string
	global, file, perRun      bool
	since, until              string
	def                       cty.Value
	min, max                  *float64
	values                    []string
}

// readFacts evaluates attributes in source order. from is where those were read that
// do not say it.
func readFacts(attrs hcl.Attributes, from string) ([]fact, hcl.Diagnostics) {
	var sorted []*hcl.Attribute
	for _, a := range attrs {
		sorted = append(sorted, a)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Range.Start.Byte < sorted[j].Range.Start.Byte })
	var facts []fact
	var diags hcl.Diagnostics
	for _, a := range sorted {
		v, more := a.Expr.Value(nil)
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		f, err := newFact(a.Name, v)
		if err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Unsuitable fact", Detail: err.Error(), Subject: &a.Range})
			continue
		}
		f.source = cmp.Or(f.source, from)
		facts = append(facts, f)
	}
	return facts, diags
}

func newFact(name string, v cty.Value) (fact, error) {
	if v.Type().IsObjectType() {
		for attr := range v.Type().AttributeTypes() {
			if !factType.HasAttribute(attr) {
				return fact{}, fmt.Errorf("%s: unknown attribute %q", name, attr)
			}
		}
	}
	v, err := convert.Convert(v, factType)
	if err != nil {
		return fact{}, fmt.Errorf("%s: %w", name, err)
	}
	f := fact{name: name, def: v.GetAttr("default")}
	for attr, value := range map[string]any{
		"type": &f.typ, "values": &f.values, "min": &f.min, "max": &f.max,
		"off": &f.off, "overrides": &f.overrides, "since": &f.since, "until": &f.until,
		"global": &f.global, "file": &f.file, "per_run": &f.perRun, "short": &f.short, "alias_of": &f.aliasOf, "ours": &f.ours, "source": &f.source,
	} {
		if v.GetAttr(attr).IsNull() {
			continue
		}
		if err := gocty.FromCtyValue(v.GetAttr(attr), value); err != nil {
			return fact{}, fmt.Errorf("%s.%s: %w", name, attr, err)
		}
	}
	return f, nil
}
