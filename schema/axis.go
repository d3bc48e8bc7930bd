package schema

import (
	"fmt"
	"slices"
	"strings"

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
	origin *Origin
}

// readArgumentAxis reads ARGUMENT = [ … ].
func (m *maker) readArgumentAxis(a *hclsyntax.Attribute) (*axis, hcl.Diagnostics) {
	if d := m.refuseAxis(a); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	ax := &axis{name: a.Name, rng: a.SrcRange}
	elems, diags := m.names.elements(a.Expr, "the axis "+a.Name)
	if diags.HasErrors() {
		return nil, diags
	}
	convert := m.convertBlock
	if m.args.isFlag(a.Name) {
		convert = m.convertFlag
	}
	more := ax.fill(a.Expr.Range(), elems, convert)
	return ax, append(diags, more...)
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
	case slices.Contains(single, name):
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
	diags = append(diags, more...)
	if diags.HasErrors() {
		return nil, diags
	}
	ax := &axis{name: b.Labels[0], free: true, rng: b.DefRange()}
	_, ours := m.args.catalog.OwnedFlag(ax.name)
	if ours || slices.Contains(m.args.known, ax.name) || ax.name == "use_case" {
		return nil, append(diags, within(refuse(b.LabelRanges[0], "Axis block for an argument", "%q is a benchmark argument, and a free axis needs another name. To sweep the argument, write %s = […].", ax.name, ax.name), b.DefRange()))
	}
	values := c.byName["values"]
	elems, more := m.names.elements(values.Expr, "the axis "+ax.name)
	diags = append(diags, more...)
	if more.HasErrors() {
		return nil, diags
	}
	return ax, append(diags, ax.fill(values.Expr.Range(), elems, m.convertFree)...)
}

// A converter gives an element of an axis its final value and label. wrong ends
// a sentence that begins with the value; an empty label needs a name.
type converter func(axis string, v cty.Value) (out cty.Value, label, wrong string)

func (m *maker) convertBlock(axis string, v cty.Value) (cty.Value, string, string) {
	label, wrong := blockLabel(axis, v)
	return v, label, wrong
}

func (m *maker) convertFlag(axis string, v cty.Value) (cty.Value, string, string) {
	out, wrong := convertFlagType(m.args.flag(axis), v)
	if wrong != "" {
		return v, "", wrong
	}
	if axis == "concurrency" && !out.IsNull() && out.RawEquals(cty.NumberIntVal(-1)) {
		return out, "unlimited", ""
	}
	return out, valueLabel(out), ""
}

func (m *maker) convertFree(_ string, v cty.Value) (cty.Value, string, string) {
	out, ok := roundDeep(v)
	if !ok {
		return v, "", "holds too large a number"
	}
	return out, valueLabel(out), ""
}

// fill converts the elements of the axis at rng and refuses repetitions.
func (ax *axis) fill(rng hcl.Range, elems []element, convert converter) hcl.Diagnostics {
	if len(elems) == 0 {
		return hcl.Diagnostics{refuse(rng, "Empty axis", "The axis %q has no values, so nothing would be measured. Give it at least one.", ax.name)}
	}
	var diags hcl.Diagnostics
	for _, e := range elems {
		out, label, wrong := convert(ax.name, e.value)
		if wrong != "" {
			diags = append(diags, refuse(e.rng, "Unsuitable axis value", "A value of the axis %q %s", ax.name, sentence(wrong)))
			continue
		}
		if e.named {
			if slices.Contains(blockArguments, ax.name) {
				diags = append(diags, refuse(e.rng, "Name for a block", "Blocks are shown in addresses by their own labels. Write a list: %s = [%[1]s.%s, …].", ax.name, label))
				continue
			}
			label = e.name
		}
		if d := ax.refuseLabel(e, label, out); d != nil {
			diags = append(diags, d)
			continue
		}
		if d := ax.refuseRepetition(e, label, out); d != nil {
			diags = append(diags, d)
			continue
		}
		if ax.shown == nil {
			ax.shown = map[string]int{}
		}
		ax.shown[label] = len(ax.values)
		ax.values = append(ax.values, axisValue{value: out, label: label, origin: &Origin{FromMatrix, e.rng}})
	}
	return diags
}

func (ax *axis) refuseLabel(e element, label string, v cty.Value) *hcl.Diagnostic {
	if componentPattern.MatchString(label) {
		return nil
	}
	if e.named {
		return refuse(e.rng, "Invalid name of an axis value", "%q cannot be part of an address. Use letters, digits, underscores and dots.", label)
	}
	form := fmt.Sprintf("%s = { NAME = … }", ax.name)
	if ax.free {
		form = "values = { NAME = … }"
	}
	return refuse(e.rng, "Axis value needs a name", "Values become parts of addresses, which hold only letters, digits, underscores and dots; %s does not fit. Name the values of this axis: %s.", describe(v), form)
}

func (ax *axis) refuseRepetition(e element, label string, v cty.Value) *hcl.Diagnostic {
	first, taken := ax.shown[label]
	if !taken && !e.named {
		return nil // what is equal is shown alike
	}
	candidates := ax.values
	if taken {
		candidates = ax.values[first : first+1]
	}
	for _, before := range candidates {
		switch {
		case before.value.RawEquals(v):
			return refuse(e.rng, "Duplicate axis value", "The axis %q already has this value, as %q, so a run would be measured twice. Remove one; to measure a run twice, set samples = 2.", ax.name, before.label)
		case before.label == label:
			return refuse(e.rng, "Duplicate axis value", "Another value of the axis %q is shown as %q too, so their runs would share an address. Name the values: { NAME = …, OTHER = … }.", ax.name, label)
		}
	}
	return nil
}

// find returns the positions of the values of ax that v means: the value
// itself, the label of a block or the name of a value.
func (ax *axis) find(v cty.Value, convert converter) []int {
	var at []int
	out, label, wrong := convert(ax.name, v)
	name := ""
	if v.Type() == cty.String && !v.IsNull() && v.IsKnown() {
		name = v.AsString()
	}
	block := slices.Contains(blockArguments, ax.name)
	for i, have := range ax.values {
		switch {
		case wrong == "" && block && have.label == label,
			wrong == "" && !block && have.value.RawEquals(out),
			name != "" && have.label == name:
			at = append(at, i)
		}
	}
	return at
}

func (ax *axis) labels() string {
	var out []string
	for _, v := range ax.values {
		out = append(out, v.label)
	}
	return strings.Join(out, ", ")
}

// An element is one value of a list, or of an object that names its values.
type element struct {
	name  string
	named bool
	value cty.Value
	rng   hcl.Range
}

// elements evaluates a list or an object. Those that are written out keep their
// order and the place of each element; others are in the order of their keys
// and share the place of the expression.
func (n *names) elements(expr hclsyntax.Expression, what string) ([]element, hcl.Diagnostics) {
	switch expr := expr.(type) {
	case *hclsyntax.TupleConsExpr:
		var out []element
		var diags hcl.Diagnostics
		for _, e := range expr.Exprs {
			v, ok, more := n.known(e, what)
			diags = append(diags, more...)
			if ok {
				out = append(out, element{value: v, rng: e.Range()})
			}
		}
		return out, orFailed(diags, len(out) < len(expr.Exprs), expr.Range())
	case *hclsyntax.ObjectConsExpr:
		return n.namedElements(expr, what)
	}
	v, ok, diags := n.known(expr, what)
	if !ok {
		return nil, orFailed(diags, true, expr.Range())
	}
	ty := v.Type()
	if v.IsNull() || !v.CanIterateElements() {
		return nil, append(diags, refuse(expr.Range(), "Unsuitable value", "%s must be a list of values, or an object that names them, not %s.", capital(what), describe(v)))
	}
	var out []element
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		elem := element{value: e, rng: expr.Range()}
		if ty.IsObjectType() || ty.IsMapType() {
			elem.name, elem.named = k.AsString(), true
		}
		out = append(out, elem)
	}
	return out, diags
}

func (n *names) namedElements(expr *hclsyntax.ObjectConsExpr, what string) ([]element, hcl.Diagnostics) {
	var out []element
	var diags hcl.Diagnostics
	for _, item := range expr.Items {
		key, ok, more := n.known(item.KeyExpr, what)
		diags = append(diags, more...)
		if ok && (key.IsNull() || key.Type() != cty.String && key.Type() != cty.Number) {
			ok = false
			diags = append(diags, refuse(item.KeyExpr.Range(), "Unsuitable value", "The name of a value must be a string."))
		}
		v, known, more := n.known(item.ValueExpr, what)
		diags = append(diags, more...)
		if !ok || !known {
			continue
		}
		out = append(out, element{name: valueLabel(key), named: true, value: v, rng: hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())})
	}
	return out, orFailed(diags, len(out) < len(expr.Items), expr.Range())
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
	for _, ty := range []cty.Type{modelType, hardwareType, imageType, useCaseType} {
		if v.Type().Equals(ty) {
			return true
		}
	}
	return false
}
