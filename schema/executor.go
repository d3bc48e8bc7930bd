package schema

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Simulate is the type of the executor that exists without being declared.
const Simulate = "simulate"

// Executor is an executor block, or the undeclared simulate, which has no name
// and no range.
type Executor struct {
	Type, Name string
	Range      hcl.Range

	body *hclsyntax.Body // nil if undeclared
}

// Ref is how `executor =` and -executor name it: TYPE.NAME, or TYPE alone for
// one that is not declared.
func (e *Executor) Ref() string {
	if e.Name == "" {
		return e.Type
	}
	return e.Type + "." + e.Name
}

// Location is where an argument of the block stands, the last of path, in the blocks
// before it; the block itself where the argument is not written or path is empty.
func (e *Executor) Location(path ...string) hcl.Range {
	location, body := e.Range, e.body
	for _, name := range path {
		if body == nil {
			break
		}
		if a := body.Attributes[name]; a != nil {
			return a.Range()
		}
		i := slices.IndexFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == name })
		if i < 0 {
			break
		}
		location, body = body.Blocks[i].DefRange(), body.Blocks[i].Body
	}
	return location
}

// readExecutor reads the header of an executor block. Its body is decoded when
// the executor is chosen.
func readExecutor(b *hclsyntax.Block, types []string) (*Executor, hcl.Diagnostics) {
	diags := checkLabels(b, "TYPE", "NAME")
	if diags.HasErrors() {
		return nil, diags
	}
	e := &Executor{Type: b.Labels[0], Name: b.Labels[1], Range: b.DefRange(), body: b.Body}
	if !slices.Contains(types, e.Type) {
		return nil, append(diags, within(refuse(b.LabelRanges[0], "Unknown executor type", "There is no executor type %q.%s",
			e.Type, orList(e.Type, types, "The types are")), b.DefRange()))
	}
	return e, diags
}

// defineExecutors adds executor.TYPE.NAME, whose value is the text TYPE.NAME.
func (n *names) defineExecutors(executors []*Executor) {
	byType := map[string]map[string]cty.Value{}
	var order []string
	for _, e := range executors {
		if byType[e.Type] == nil {
			byType[e.Type] = map[string]cty.Value{}
			order = append(order, e.Type)
		}
		byType[e.Type][e.Name] = cty.StringVal(e.Ref())
	}
	for _, ty := range order {
		n.roots["executor"].set(ty, cty.ObjectVal(byType[ty]))
	}
	if byType[Simulate] == nil {
		n.roots["executor"].set(Simulate, cty.StringVal(Simulate))
	}
}

// ChooseExecutor returns what runs the cell: override if it is not "" (TYPE or
// TYPE.NAME), else what the cell chose, else the llmbench block, else the only one
// declared. Equal choices are the same pointer.
func (d *Definitions) ChooseExecutor(c *Cell, override string) (*Executor, hcl.Diagnostics) {
	if override != "" {
		e, why := d.findExecutor(override)
		if e == nil {
			return nil, hcl.Diagnostics{refuseAll("Unknown executor", "-executor=%s, or LLMBENCH_EXECUTOR: %s", override, why)}
		}
		return e, nil
	}
	if c.Executor != "" {
		if e, _ := d.findExecutor(c.Executor); e != nil {
			return e, nil
		}
	}
	if s := d.Settings; s.Executor != "" || len(s.executorProblems) > 0 {
		if len(s.executorProblems) > 0 {
			return nil, s.executorProblems
		}
		e, why := d.findExecutor(s.Executor)
		if e == nil {
			return nil, hcl.Diagnostics{refuse(s.executorRange, "Unknown executor", "The argument \"executor\" is %q, and %s", s.Executor, why)}
		}
		return e, nil
	}
	switch len(d.Executors) {
	case 1:
		return d.Executors[0], nil
	case 0:
		return nil, hcl.Diagnostics{refuseAll("No executor",
			"No executor is declared. Declare one, such as executor \"slurm\" \"NAME\" { … }, or rehearse with -executor=simulate, which needs neither a cluster nor a GPU and marks its results as simulated.")}
	}
	return nil, hcl.Diagnostics{refuse(c.Range, "Ambiguous executor", "Several executors are declared: %s. Choose with executor = executor.%s in the benchmark, its row or the llmbench block, with -executor=%[2]s, or with LLMBENCH_EXECUTOR=%[2]s.", strings.Join(d.executorRefs(), ", "), d.Executors[0].Ref())}
}

func (d *Definitions) executorRefs() []string {
	return list(d.Executors, (*Executor).Ref)
}

// findExecutor returns the executor that ref names, else a sentence that says
// why there is none.
func (d *Definitions) findExecutor(ref string) (*Executor, string) {
	var ofType []*Executor
	for _, e := range d.Executors {
		if e.Ref() == ref {
			return e, ""
		}
		if e.Type == ref {
			ofType = append(ofType, e)
		}
	}
	switch {
	case len(ofType) == 1:
		return ofType[0], ""
	case len(ofType) > 1:
		return nil, fmt.Sprintf("several executors of type %s are declared. Name one: %s.", ref, strings.Join(d.executorRefs(), ", "))
	case ref == Simulate:
		if d.simulate == nil {
			d.simulate = &Executor{Type: Simulate}
		}
		return d.simulate, ""
	}
	known := append(d.executorRefs(), Simulate)
	return nil, "no such executor is declared." + orList(ref, known, "The executors are")
}

// MissingVariable is a variable without a value that an argument of an executor
// needs.
type MissingVariable struct {
	Variable string
	Argument string // with its blocks: "container.image_dir"
	Range    hcl.Range
}

// WaysToSet names the ways to give variable a value, joined for a sentence.
func (d *Definitions) WaysToSet(variable string) string { return either(d.names.ways(variable)) }

// DecodeExecutor evaluates the body of e by the specification of its type.
// Arguments that need a variable without a value are null and listed in missing:
// a plan can be made without them, a job cannot.
func (d *Definitions) DecodeExecutor(e *Executor) (val cty.Value, missing []*MissingVariable, diags hcl.Diagnostics) {
	spec := d.opts.Executors[e.Type]
	if spec == nil {
		spec = hcldec.ObjectSpec{}
	}
	if e.body == nil {
		val, diags = hcldec.Decode(hcl.EmptyBody(), spec, nil)
		return val, nil, diags
	}
	// Specifications see plain values only.
	body := valuesIn(e.body, "", func(a *hclsyntax.Attribute, path string) cty.Value {
		v, more := d.names.value(a.Expr)
		diags = append(diags, more...)
		j := judge(v)
		switch {
		case more.HasErrors():
		case j.ok && j.sensitive:
			diags = append(diags, sensitiveOutside(a.Expr.Range(), a.Name))
		case j.ok:
			return j.value
		case len(j.missing) == 0:
			diags = append(diags, orFailed(nil, true, a.Expr.Range())...)
		}
		for _, name := range j.missing {
			missing = append(missing, &MissingVariable{Variable: name, Argument: path, Range: a.Expr.Range()})
		}
		return cty.NullVal(cty.DynamicPseudoType)
	})
	if diags.HasErrors() {
		return cty.DynamicVal, missing, diags
	}
	val, more := hcldec.Decode(body, spec, nil)
	for _, d := range more {
		// hcldec says "Inappropriate value for attribute \"partition\": string required, but have tuple."
		if m := inappropriate.FindStringSubmatch(d.Detail); m != nil {
			d.Summary = "Unsuitable value"
			d.Detail = fmt.Sprintf("The argument %q must be %s, not %s.", m[1], article(m[2]), article(collectionNames.Replace(m[3])))
		}
	}
	return val, missing, tidy(append(diags, more...))
}

var (
	inappropriate   = regexp.MustCompile(`^Inappropriate value for attribute "([^"]+)": (.+) required, but have (.+)\.$`)
	collectionNames = strings.NewReplacer("tuple", "list", "object", "map")
)

// valuesIn is a body with every argument replaced by its value. path begins the names of
// arguments: those of the blocks that the body is in.
func valuesIn(in *hclsyntax.Body, path string, value func(a *hclsyntax.Attribute, path string) cty.Value) *hclsyntax.Body {
	out := *in
	out.Attributes = make(hclsyntax.Attributes, len(in.Attributes))
	for _, a := range split(in).attrs {
		evaluated := *a
		evaluated.Expr = &hclsyntax.LiteralValueExpr{Val: value(a, path+a.Name), SrcRange: a.Expr.Range()}
		out.Attributes[a.Name] = &evaluated
	}
	out.Blocks = slices.Clone(in.Blocks)
	for i, block := range in.Blocks {
		evaluated := *block
		evaluated.Body = valuesIn(block.Body, path+block.Type+".", value)
		out.Blocks[i] = &evaluated
	}
	return &out
}

// checkExecutorNames refuses arguments and blocks that the specification does
// not have. Nothing is evaluated, so that it holds for executors that are not
// chosen too.
func checkExecutorNames(body *hclsyntax.Body, spec hcldec.Spec, noun string) hcl.Diagnostics {
	if _, blind := spec.(*hcldec.LiteralSpec); blind || spec == nil {
		return nil // it looks at nothing, so it says nothing about names
	}
	s := shape{noun: noun}
	for _, a := range hcldec.ImpliedSchema(spec).Attributes {
		s.args = append(s.args, a.Name)
	}
	inner := hcldec.ChildBlockTypes(spec)
	s.blocks = slices.Sorted(maps.Keys(inner))
	slices.Sort(s.args)
	c, diags := s.read(body, body.SrcRange)
	for _, b := range c.blocks {
		diags = append(diags, checkExecutorNames(b.Body, inner[b.Type], b.Type)...)
	}
	return diags
}
