package schema

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// An axis is a list of values for an argument or, if free, for each.NAME.
type axis struct {
	name   string
	free   bool
	rng    hcl.Range
	values []axisValue
	shown  map[string]int // positions by label
}

// axisValue is one value of an axis with the label that shows it in addresses.
type axisValue struct {
	value  cty.Value
	label  string
	named  bool // the label is written in an object
	origin *Origin
}

// readArgumentAxis reads ARGUMENT = [ … ].
func (m *maker) readArgumentAxis(a *hclsyntax.Attribute) (*axis, hcl.Diagnostics) {
	if d := m.refuseAxis(a); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return m.fill(&axis{name: a.Name, rng: a.SrcRange}, a.Expr)
}

// refuseAxis says why an attribute of a matrix cannot be an axis, nil if it can.
func (m *maker) refuseAxis(a *hclsyntax.Attribute) *hcl.Diagnostic {
	name := a.Name
	free := fmt.Sprintf("axis %q { values = […] }", name)
	switch {
	case slices.Contains(blockArguments, name) || m.args.isFlag(name):
		return nil
	case name == "use_case":
		return refuse(a.NameRange, "Unsupported matrix axis", "Use cases are the rows of a benchmark: write a block use_case \"NAME\" {} for each.")
	case name == "engine":
		return refuse(a.NameRange, "Unsupported matrix axis", "engine is swept with a free axis: `axis \"load\" { values = [\"fresh\", \"shared\"] }`, and engine = each.load.")
	case slices.ContainsFunc(single, func(f field) bool { return f.name == name }):
		return refuse(a.NameRange, "Unsupported matrix axis", "%s does not change what is measured, so runs that differ only in it would measure the same. Set it in the benchmark or in a row.", name)
	case name == "env" || name == "llm_api_options":
		return refuse(a.NameRange, "Unsupported matrix axis", "%s holds several values and cannot itself be an axis. Sweep the part that differs with a free axis, such as `axis \"variant\" { values = […] }`, and refer to each.variant in %[1]s.", name)
	}
	if why, ours := m.args.catalog.OwnedFlag(name); ours {
		return ownedFlag(a, why)
	}
	return refuse(a.NameRange, "Unsupported matrix axis", "An axis must be named after a benchmark argument, and %q is not one.%s\nA value of your own is swept with `%s` and read as each.%s.",
		name, DidYouMean(name, append(slices.Clone(blockArguments), m.args.flags...)), free, name)
}

// readFreeAxis reads an axis block.
func (m *maker) readFreeAxis(b *hclsyntax.Block) (*axis, hcl.Diagnostics) {
	diags := checkLabels(b, "NAME")
	c, more := shape{noun: "axis", args: []string{"values"}, required: []string{"values"}}.read(b.Body, b.DefRange())
	if diags = append(diags, more...); diags.HasErrors() {
		return nil, diags
	}
	ax := &axis{name: b.Labels[0], free: true, rng: b.DefRange()}
	_, ours := m.args.catalog.OwnedFlag(ax.name)
	if ours || slices.Contains(m.args.known, ax.name) || ax.name == "use_case" {
		return nil, append(diags, within(refuse(b.LabelRanges[0], "Axis block for an argument", "%q is a benchmark argument, and a free axis needs another name. To sweep the argument, write %s = […].", ax.name, ax.name), b.DefRange()))
	}
	return m.fill(ax, c.byName["values"].Expr)
}

// convert gives a value of an axis its final form and its label. wrong ends a sentence
// that begins with the value; an empty label needs a name.
func (m *maker) convert(ax *axis, v cty.Value) (out cty.Value, label, wrong string) {
	if ax.isBlock() {
		label, wrong = blockLabel(ax.name, v)
		return v, label, wrong
	}
	if ax.free {
		ok := true
		if out, ok = roundDeep(v); !ok {
			wrong = "holds too large a number"
		}
	} else {
		out, wrong = convertFlagType(m.args.flag(ax.name), v)
	}
	switch {
	case wrong != "":
		return v, "", wrong
	case ax.name == "concurrency" && !out.IsNull() && out.RawEquals(cty.NumberIntVal(-1)):
		return out, "unlimited", ""
	}
	return out, valueLabel(out), ""
}

func (ax *axis) isBlock() bool {
	_, block := blockTypes[ax.name]
	return block
}

// fill gives ax the values of a list or an object, and refuses repetitions.
func (m *maker) fill(ax *axis, expr hclsyntax.Expression) (*axis, hcl.Diagnostics) {
	elems, diags := m.names.elements(expr, "the axis "+ax.name)
	switch {
	case diags.HasErrors():
		return nil, diags
	case len(elems) == 0:
		return ax, append(diags, refuse(expr.Range(), "Empty axis", "The axis %q has no values, so nothing would be measured. Give it at least one.", ax.name))
	}
	ax.shown = map[string]int{}
	for _, e := range elems {
		out, label, wrong := m.convert(ax, e.value)
		if !e.named {
			e.label = label
		}
		d := ax.refuseValue(e, out)
		switch {
		case wrong != "":
			d = refuse(e.origin.Range, "Unsuitable axis value", "A value of the axis %q %s", ax.name, sentence(wrong))
		case e.named && ax.isBlock():
			d = refuse(e.origin.Range, "Name for a block", "Blocks are shown in addresses by their own labels. Write a list: %s = [%[1]s.%s, …].", ax.name, label)
		}
		if d != nil {
			diags = append(diags, d)
			continue
		}
		e.value = out
		ax.shown[e.label] = len(ax.values)
		ax.values = append(ax.values, e)
	}
	return ax, diags
}

// refuseValue says why e, which is v in its final form, cannot join the values of ax; nil
// if it can.
func (ax *axis) refuseValue(e axisValue, v cty.Value) *hcl.Diagnostic {
	fits := componentPattern.MatchString(e.label)
	switch {
	case !fits && e.named:
		return refuse(e.origin.Range, "Invalid name of an axis value", "%q cannot be part of an address. Use letters, digits, underscores and dots.", e.label)
	case !fits:
		form := fmt.Sprintf("%s = { NAME = … }", ax.name)
		if ax.free {
			form = "values = { NAME = … }"
		}
		return refuse(e.origin.Range, "Axis value needs a name", "Values become parts of addresses, which hold only letters, digits, underscores and dots; %s does not fit. Name the values of this axis: %s.", describe(v), form)
	}
	first, taken := ax.shown[e.label]
	candidates := ax.values
	switch {
	case taken:
		candidates = ax.values[first : first+1]
	case !e.named:
		return nil // what is equal is shown alike
	}
	for _, before := range candidates {
		switch {
		case before.value.RawEquals(v):
			return refuse(e.origin.Range, "Duplicate axis value", "The axis %q already has this value, as %q, so a run would be measured twice. Remove one; to measure a run twice, set samples = 2.", ax.name, before.label)
		case taken:
			return refuse(e.origin.Range, "Duplicate axis value", "Another value of the axis %q is shown as %q too, so their runs would share an address. Name the values: { NAME = …, OTHER = … }.", ax.name, e.label)
		}
	}
	return nil
}

// find returns the positions of the values of ax that v means: the value
// itself, the label of a block or the name of a value.
func (m *maker) find(ax *axis, v cty.Value) []int {
	var at []int
	out, label, wrong := m.convert(ax, v)
	name := ""
	if v.Type() == cty.String && !v.IsNull() && v.IsKnown() {
		name = v.AsString()
	}
	for i, have := range ax.values {
		switch {
		case wrong == "" && ax.isBlock() && have.label == label,
			wrong == "" && !ax.isBlock() && have.value.RawEquals(out),
			name != "" && have.label == name:
			at = append(at, i)
		}
	}
	return at
}

// elements evaluates a list or an object, whose keys name the values. Those that are
// written out keep their order and the place of each element; others are in the order of
// their keys and share the place of the expression.
func (n *names) elements(expr hclsyntax.Expression, what string) (out []axisValue, diags hcl.Diagnostics) {
	known := func(e hcl.Expression) (cty.Value, bool) {
		v, ok, more := n.known(e, what)
		diags = append(diags, more...)
		return v, ok
	}
	var all int
	switch expr := expr.(type) {
	case *hclsyntax.TupleConsExpr:
		all = len(expr.Exprs)
		for _, e := range expr.Exprs {
			if v, ok := known(e); ok {
				out = append(out, axisValue{value: v, origin: &Origin{FromMatrix, e.Range()}})
			}
		}
	case *hclsyntax.ObjectConsExpr:
		all = len(expr.Items)
		for _, item := range expr.Items {
			key, ok := known(item.KeyExpr)
			if ok && (key.IsNull() || key.Type() != cty.String && key.Type() != cty.Number) {
				ok = false
				diags = append(diags, refuse(item.KeyExpr.Range(), "Unsuitable value", "The name of a value must be a string."))
			}
			if v, fine := known(item.ValueExpr); ok && fine {
				rng := hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())
				out = append(out, axisValue{value: v, label: valueLabel(key), named: true, origin: &Origin{FromMatrix, rng}})
			}
		}
	default:
		v, ok := known(expr)
		switch {
		case !ok:
			return nil, orFailed(diags, true, expr.Range())
		case v.IsNull() || !v.CanIterateElements():
			return nil, append(diags, refuse(expr.Range(), "Unsuitable value", "%s must be a list of values, or an object that names them, not %s.", capital(what), describe(v)))
		}
		all = v.LengthInt()
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			elem := axisValue{value: e, named: v.Type().IsObjectType() || v.Type().IsMapType(), origin: &Origin{FromMatrix, expr.Range()}}
			if elem.named {
				elem.label = k.AsString()
			}
			out = append(out, elem)
		}
	}
	return out, orFailed(diags, len(out) < all, expr.Range())
}

// orFailed makes sure that a failure which was reported elsewhere counts as one
// here too.
func orFailed(diags hcl.Diagnostics, failed bool, rng hcl.Range) hcl.Diagnostics {
	if failed && !diags.HasErrors() {
		diags = append(diags, refuse(rng, "Unusable value", "This depends on a value that has an error."))
	}
	return diags
}

// known evaluates expr and wants all of it, apart from the insides of blocks:
// their missing values matter in runs only.
func (n *names) known(expr hcl.Expression, what string) (cty.Value, bool, hcl.Diagnostics) {
	v, diags := n.value(expr)
	if diags.HasErrors() {
		return v, false, diags
	}
	if isBlock(v) {
		return v, true, diags
	}
	plain, ok, more := n.plain(v, expr.Range(), what)
	return plain, ok, append(diags, more...)
}

func isBlock(v cty.Value) bool {
	if v.IsMarked() || !v.IsKnown() || v.IsNull() {
		return false
	}
	for _, ty := range blockTypes {
		if v.Type().Equals(ty) {
			return true
		}
	}
	return false
}
