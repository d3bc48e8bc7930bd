package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
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

// Place is where an argument of the block stands, the last of path, in the blocks
// before it; the block itself where the argument is not written or path is empty.
func (e *Executor) Place(path ...string) hcl.Range {
	place, body := e.Range, e.body
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
		place, body = body.Blocks[i].DefRange(), body.Blocks[i].Body
	}
	return place
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
			"No executor is declared, so nothing says where the runs go. Declare one, such as executor \"slurm\" \"NAME\" { … }, or rehearse with -executor=simulate, which needs no cluster and no GPU and marks its results as simulated. It is never chosen silently.")}
	}
	return nil, hcl.Diagnostics{refuse(c.Range, "Ambiguous executor", "Several executors are declared: %s. Choose with executor = executor.%s in the benchmark, its row or the llmbench block, with -executor=%[2]s, or with LLMBENCH_EXECUTOR=%[2]s.", strings.Join(d.executorRefs(), ", "), d.Executors[0].Ref())}
}

// undeclaredSimulate is the same executor each time.
func (d *Definitions) undeclaredSimulate() *Executor {
	if d.simulate == nil {
		d.simulate = &Executor{Type: Simulate}
	}
	return d.simulate
}

func (d *Definitions) executorRefs() []string {
	var refs []string
	for _, e := range d.Executors {
		refs = append(refs, e.Ref())
	}
	return refs
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
		return d.undeclaredSimulate(), ""
	}
	known := append(d.executorRefs(), Simulate)
	if s := DidYouMean(ref, known); s != "" {
		return nil, "no such executor is declared." + s
	}
	return nil, "no such executor is declared. The executors are " + strings.Join(known, ", ") + "."
}
