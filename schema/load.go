// Package schema is the language of llmbench: HCL definitions in, checked
// definitions out, every mistake with its place.
//
//  1. Files are read in the order of their names (source.go), blocks collected (body.go).
//  2. Variables get their values (variable.go, input.go). One without a value is unknown
//     and marked; it is a mistake only where something that is used needs it. A
//     sensitive value is marked too, and the mark is refused everywhere but in env.
//  3. What blocks name is evaluated when something refers to it (names.go).
//  4. Each row of a benchmark is multiplied by its axes (matrix.go, axis.go) and its
//     arguments are resolved for each combination of axes that they need (resolver.go).
//
// The result is [Definitions] with one [Cell] a run. What a cell's numbers mean
// to TensorRT-LLM is proved by package plan. Package schema knows no executor:
// the specifications of their blocks are handed to [Load].
package schema

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema/catalog"
)

// Options are what definitions depend on besides their files.
type Options struct {
	// Vars are the values of -var, NAME=VALUE; a later one wins.
	Vars []string
	// VarFiles are the paths of -var-file; a later one wins.
	VarFiles []string
	// Environ is the environment in the form of os.Environ.
	Environ []string
	// Executors are the specifications of executor bodies by type.
	Executors map[string]hcldec.Spec
	// Version is llmbench's own, compared with required_version. One that is no
	// version suits every constraint.
	Version string
	Catalog *catalog.Catalog
}

// Load reads and checks the definitions in dir. The result is never nil and its
// Files are filled as far as files could be read. File names in ranges are the
// base names joined to dir as it was given.
func Load(dir string, opts Options) (*Definitions, hcl.Diagnostics) {
	src := &sources{files: map[string]*hcl.File{}, inputs: []Input{}}
	l := &loader{defs: &Definitions{Catalog: opts.Catalog, Dir: dir, Files: src.files, names: newNames(), opts: opts}, sources: src, opts: opts}
	diags := tidy(l.load())
	l.defs.Inputs = src.inputs
	return l.defs, diags
}

type loader struct {
	defs    *Definitions
	sources *sources
	opts    Options
	blocks  map[string][]*hclsyntax.Block
	// lost is a row of which a run is missing, nil if none is.
	lost *hcl.Range
}

func (l *loader) load() hcl.Diagnostics {
	bodies, diags := l.sources.directory(l.defs.Dir)
	if diags.HasErrors() {
		return diags // the rest would be guesswork
	}
	shared, more := l.included(bodies)
	if more.HasErrors() {
		return append(diags, more...)
	}
	bodies = append(bodies, shared...)
	facts, more := l.sources.facts(l.defs.Dir, l.opts.Catalog)
	if more.HasErrors() {
		return append(diags, more...)
	}
	l.opts.Catalog, l.defs.Catalog = facts, facts
	blocks, more := collectBlocks(bodies)
	diags = append(diags, more...)
	l.blocks = blocks
	if more := checkRequiredVersion(blocks["llmbench"], l.opts.Version); more.HasErrors() {
		return more
	}
	diags = append(diags, checkObjectKeys(bodies)...)
	diags = append(diags, l.variables()...)
	diags = append(diags, l.defs.names.defineLocals(blocks["locals"])...)
	diags = append(diags, l.executors()...)
	diags = append(diags, l.values()...)
	diags = append(diags, l.defs.names.all()...)
	diags = append(diags, l.singletons()...)
	diags = append(diags, l.benchmarks()...)
	if l.lost != nil && !diags.HasErrors() {
		diags = append(diags, refuse(*l.lost, "Run cannot be evaluated", "A run of this row cannot be evaluated, and llmbench does not know why. This is a bug in llmbench; please report it with the definitions."))
	}
	return diags
}

func (l *loader) variables() hcl.Diagnostics {
	diags := unique(l.blocks["variable"], 1)
	for _, b := range l.blocks["variable"] {
		v, more := readVariable(b)
		diags = append(diags, more...)
		if v != nil && l.defs.names.variable(v.Name) == nil {
			l.defs.names.variables = append(l.defs.names.variables, v)
		}
	}
	l.defs.Variables = l.defs.names.variables
	diags = append(diags, l.sources.giveValues(l.defs.Dir, l.defs.Variables, l.opts)...)
	for _, v := range l.defs.Variables {
		l.defs.names.roots["var"].set(v.Name, v.marked)
	}
	return diags
}

func (l *loader) executors() hcl.Diagnostics {
	diags := unique(l.blocks["executor"], 2)
	types := slices.Sorted(maps.Keys(l.opts.Executors))
	for _, b := range l.blocks["executor"] {
		e, more := readExecutor(b, types)
		diags = append(diags, more...)
		if e != nil {
			l.defs.Executors = append(l.defs.Executors, e)
			diags = append(diags, checkExecutorNames(e.body, l.opts.Executors[e.Type], e.Type+" executor")...)
		}
	}
	l.defs.names.defineExecutors(l.defs.Executors)
	return diags
}

// values reads the blocks that expressions can refer to.
func (l *loader) values() hcl.Diagnostics {
	d, n := l.defs, l.defs.names
	useCase := useCaseShape
	useCase.required, useCase.check = nil, checkTraffic // which are required depends on the others
	for word, ty := range blockTypes {
		n.roots[word].attrs = attributeNames(ty)
	}
	diags := readLabelled(l, modelShape, &d.Models)
	diags = append(diags, readLabelled(l, hardwareShape, &d.Hardware)...)
	diags = append(diags, readLabelled(l, imageShape, &d.Images)...)
	return append(diags, readLabelled(l, useCase, &d.UseCases)...)
}

// labelled is a type of block that runs refer to. set takes the values of its fields
// once they are needed, and completes them.
type labelled[T any] interface {
	*T
	block() *Block
	set(c contents, values map[string]cty.Value, cat *catalog.Catalog) hcl.Diagnostics
}

// readLabelled reads the blocks of one shape into list and defines their names.
func readLabelled[T any, B labelled[T]](l *loader, s shape, list *[]*T) hcl.Diagnostics {
	diags := unique(l.blocks[s.noun], 1)
	for _, b := range l.blocks[s.noun] {
		diags = append(diags, checkLabels(b, "NAME")...)
		if len(b.Labels) != 1 {
			continue
		}
		item := B(new(T))
		own := item.block()
		own.Label, own.Range = b.Labels[0], b.DefRange()
		c, wrong := s.read(b.Body, own.Range)
		own.Ranges, own.broken = c.ranges(), wrong.HasErrors()
		diags = append(diags, wrong...)
		*list = append(*list, item)
		l.defs.names.roots[s.noun].define(own.Label, func() (cty.Value, hcl.Diagnostics) {
			v, diags := l.defs.names.fields(c, s.fields, &own.use)
			diags = append(diags, item.set(c, v, l.opts.Catalog)...)
			v["label"] = cty.StringVal(own.Label)
			return cty.ObjectVal(v), diags
		})
		l.defs.names.roots[s.noun].entries[own.Label].block = item
	}
	return diags
}

func (l *loader) singletons() hcl.Diagnostics {
	diags := append(atMostOne(l.blocks["llmbench"]), atMostOne(l.blocks["policy"])...)
	if all := l.blocks["llmbench"]; len(all) > 0 {
		s, more := l.defs.names.readSettings(all[0])
		l.defs.Settings, diags = s, append(diags, more...)
	}
	if all := l.blocks["policy"]; len(all) > 0 {
		p, more := l.defs.names.readPolicy(all[0])
		l.defs.Policy, diags = p, append(diags, more...)
	}
	return diags
}

func attributeNames(ty cty.Type) []string { return slices.Sorted(maps.Keys(ty.AttributeTypes())) }

// shareable are the blocks that an included directory may hold.
var shareable = []string{"variable", "locals", "executor", "model", "hardware", "image", "use_case"}

// included parses the files of the directories that llmbench blocks of bodies
// include.
func (l *loader) included(bodies []*hclsyntax.Body) ([]*hclsyntax.Body, hcl.Diagnostics) {
	var out []*hclsyntax.Body
	var diags hcl.Diagnostics
	for _, body := range bodies {
		for _, b := range body.Blocks {
			if a := b.Body.Attributes["include"]; b.Type == "llmbench" && a != nil {
				more, wrong := l.include(a)
				out, diags = append(out, more...), append(diags, wrong...)
			}
		}
	}
	return out, diags
}

func (l *loader) include(a *hclsyntax.Attribute) ([]*hclsyntax.Body, hcl.Diagnostics) {
	v, diags := literal(a.Expr, "include")
	if diags.HasErrors() {
		return nil, diags
	}
	refused := func(format string, args ...any) hcl.Diagnostics {
		return hcl.Diagnostics{refuse(a.Expr.Range(), "Unsuitable include", format, args...)}
	}
	if !v.Type().IsTupleType() {
		return nil, refused(`include must be a list of directories, such as ["../common"], not %s.`, describe(v))
	}
	var out []*hclsyntax.Body
	var seen []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() || e.Type() != cty.String {
			return nil, refused(`include must be a list of directories, such as ["../common"], and it holds %s.`, describe(e))
		}
		dir := filepath.Join(l.defs.Dir, filepath.FromSlash(e.AsString()))
		switch wrong := outsideWorkTree(l.defs.Dir, dir); {
		case filepath.IsAbs(e.AsString()):
			return nil, refused("The path %q is absolute. Write it relative to these definitions, so that it means the same in every clone.", e.AsString())
		case wrong != "":
			return nil, refused("The directory %q %s.", e.AsString(), wrong)
		case slices.Contains(seen, dir):
			return nil, refused("The directory %q is included twice.", e.AsString())
		}
		seen = append(seen, dir)
		bodies, more := l.sources.directory(dir)
		diags = append(diags, more...)
		out = append(out, bodies...)
	}
	return out, append(diags, refuseUnshared(out)...)
}

// refuseUnshared refuses blocks that belong to one set of definitions.
func refuseUnshared(bodies []*hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, body := range bodies {
		for _, b := range body.Blocks {
			if slices.Contains(fileShape.blocks, b.Type) && !slices.Contains(shareable, b.Type) {
				diags = append(diags, refuse(b.DefRange(), "Block in an included directory",
					"%s block cannot be included; a directory that others include holds %s. Move it to the definitions that it belongs to.", capital(article(b.Type)), strings.Join(shareable, ", ")))
			}
		}
	}
	return diags
}

// outsideWorkTree says why dir is not beside from in one git work tree, "" if it is:
// what a plan depends on is reviewed together.
func outsideWorkTree(from, dir string) string {
	here, err := realPath(from)
	if err != nil {
		return "cannot be looked at: " + err.Error()
	}
	there, err := realPath(dir)
	switch {
	case err != nil:
		return "does not exist"
	case here == there:
		return "is that of these definitions, whose files are read anyway"
	}
	root := here
	for ; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return "is included by definitions that are in no git work tree; what is included must be reviewed with them"
		}
	}
	if rel, err := filepath.Rel(root, there); err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "is outside the git work tree of these definitions"
	}
	return ""
}

func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}
