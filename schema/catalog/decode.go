package catalog

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

//go:embed *.hcl
var files embed.FS

// Suffix ends the names of files in which users declare facts of their own.
const Suffix = ".catalog.hcl"

// Mark is what every output says of facts that a user declared.
const Mark = "declared by you, not supported"

// Parse reads the text of a file of facts.
func Parse(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}

// Load returns the embedded catalogue, decoded and checked once. It panics on a
// mistake in the data.
func Load() *Catalog { return load() }

var load = sync.OnceValue(func() *Catalog {
	c, diags := decode(files)
	if diags.HasErrors() {
		panic("catalog: " + diags.Error())
	}
	return c
})

// decode reads the HCL files of a folder, which are one document.
func decode(fsys fs.FS) (*Catalog, hcl.Diagnostics) {
	names, err := fs.Glob(fsys, "*.hcl")
	var parsed []*hcl.File
	for _, name := range names {
		src, failed := fs.ReadFile(fsys, name)
		file, diags := Parse(src, name)
		if diags.HasErrors() {
			return nil, diags
		}
		parsed, err = append(parsed, file), errors.Join(err, failed)
	}
	if err != nil {
		panic("catalog: " + err.Error())
	}
	r := &reader{Catalog: &Catalog{}}
	r.read(parsed)
	return r.Catalog, r.diags
}

// Extend returns the catalogue with what users' files add to it: versions, models,
// GPUs and cells, in the grammar of the embedded files. Nothing that is there can be
// declared again, and flags and options only for versions of the files' own. What is
// added says in its field From which file it is from. c stays as it is.
func (c *Catalog) Extend(files []*hcl.File) (*Catalog, hcl.Diagnostics) {
	r := &reader{user: true, Catalog: &Catalog{
		Models: slices.Clone(c.Models), GPUs: slices.Clone(c.GPUs), Versions: slices.Clone(c.Versions), Cells: slices.Clone(c.Cells),
		Output: slices.Clone(c.Output), flags: slices.Clone(c.flags),
	}}
	r.read(files)
	if r.diags.HasErrors() {
		return c, r.diags
	}
	for _, f := range files {
		r.Declared += string(f.Bytes)
	}
	return r.Catalog, nil
}

// document is files of facts together.
type document struct {
	Models   []*Model        `hcl:"model,block"`
	GPUs     []*GPU          `hcl:"gpu,block"`
	Cells    []*Cell         `hcl:"cell,block"`
	Versions []*Version      `hcl:"version,block"`
	Flags    []*factsBlock   `hcl:"flags,block"`
	Options  []*factsBlock   `hcl:"options,block"`
	Objects  []*objectBlock  `hcl:"object,block"`
	Renames  []*renamesBlock `hcl:"renames,block"`
	Outputs  []*struct {
		ChangedBy []string `hcl:"changed_by"`
	} `hcl:"output,block"`
}

// A factsBlock holds attributes, one a flag or option, each an object.
type factsBlock struct {
	Since  string         `hcl:"since,optional"`  // the first version that has them
	Until  string         `hcl:"until,optional"`  // the last version that has them
	Source string         `hcl:"source,optional"` // of those that do not say their own
	Facts  hcl.Attributes `hcl:",remain"`
	Range  hcl.Range      `hcl:",def_range"`
}

// An objectBlock holds the keys of an option that is an object, as a factsBlock.
type objectBlock struct {
	Path  string    `hcl:"path,label"`
	Body  hcl.Body  `hcl:",remain"`
	Range hcl.Range `hcl:",def_range"`
}

type renamesBlock struct {
	Since   string `hcl:"since,optional"`
	Until   string `hcl:"until,optional"`
	Renames []struct {
		Old string `hcl:"old,label"`
		New string `hcl:"to"`
	} `hcl:"rename,block"`
	Range hcl.Range `hcl:",def_range"`
}

// A reader adds facts to a catalogue.
type reader struct {
	*Catalog
	user  bool // files are a user's
	diags hcl.Diagnostics
}

func (r *reader) refuse(rng hcl.Range, summary, format string, args ...any) {
	r.diags = append(r.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng})
}

// refuseKnown refuses what is in the catalogue already.
func (r *reader) refuseKnown(rng hcl.Range, kind, format string, args ...any) {
	r.refuse(rng, kind+" is known already", format+" is in the catalogue. "+adds, args...)
}

const adds = "A *.catalog.hcl file adds facts; it cannot redefine any."

// from is the user's file that rng is in, "" for an embedded one.
func (r *reader) from(rng hcl.Range) string {
	if r.user {
		return filepath.Base(rng.Filename)
	}
	return ""
}

func (r *reader) read(files []*hcl.File) {
	var doc document
	body := hcl.MergeFiles(files)
	if r.diags = gohcl.DecodeBody(body, nil, &doc); r.diags.HasErrors() {
		return
	}
	for _, v := range doc.Versions {
		r.addVersion(v)
	}
	for _, m := range doc.Models {
		r.addModel(m)
	}
	for _, g := range doc.GPUs {
		if _, known := r.GPU(g.Name); known {
			r.refuseKnown(g.Range, "GPU", "The GPU %s", g.Name)
		}
		g.From = r.from(g.Range)
		r.GPUs = append(r.GPUs, g)
	}
	for _, c := range doc.Cells {
		if _, exact := r.NearestCell(c.Checkpoint, c.Quantization, c.GPU, c.GPUs, c.GPUsPerNode); exact {
			r.refuseKnown(c.Range, "Cell", "The cell of %s in %s on %dx %s", c.Checkpoint, c.Quantization, c.GPUs, c.GPU)
		}
		c.From = r.from(c.Range)
		r.Cells = append(r.Cells, c)
	}
	r.addFacts(&doc)
	for _, b := range doc.Outputs {
		r.Output = append(r.Output, b.ChangedBy...)
	}
	if !r.diags.HasErrors() {
		for _, p := range r.problems() {
			r.refuse(body.MissingItemRange(), "Unsuitable fact", "%s.", p)
		}
	}
}

func (r *reader) addModel(m *Model) {
	if slices.ContainsFunc(r.Models, func(have *Model) bool { return have.Label == m.Label }) {
		r.refuseKnown(m.Range, "Model", "The model %s", m.Label)
	}
	for _, p := range m.Checkpoints {
		if have, _, known := r.Model(p.ID); known {
			r.refuseKnown(m.Range, "Checkpoint", "The checkpoint %s of the model %s", p.ID, have.Label)
		}
	}
	m.From = r.from(m.Range)
	r.Models = append(r.Models, m)
}

// addVersion puts a version at its place, with the facts of its base.
func (r *reader) addVersion(v *Version) {
	own, ok := parseRelease(v.Name)
	if !ok {
		r.refuse(v.Range, "Not a version", "%q is not a version of TensorRT-LLM, such as 1.4.0 or 1.4.0rc2.", v.Name)
		return
	}
	if _, known := r.Version(v.Name); known {
		r.refuseKnown(v.Range, "Version", "Version %s", v.Name)
		return
	}
	if v.Base != "" {
		base, ok := r.Version(v.Base)
		if !ok {
			r.refuse(v.Range, "Unknown base", "Version %s is based on %s, which is not in the catalogue.", v.Name, v.Base)
			return
		}
		if only := (Version{Name: v.Name, Base: v.Base, Sources: v.Sources, Range: v.Range}); !reflect.DeepEqual(*v, only) {
			r.refuse(v.Range, "Version with two origins", "Version %s takes all facts from its base, %s, so it can set only base and sources. Remove base to declare other facts.", v.Name, v.Base)
			return
		}
		derived := *base
		derived.Name, derived.Range, derived.KnownFrom = v.Name, v.Range, ""
		derived.Flags, derived.Options, derived.renames = slices.Clone(base.Flags), slices.Clone(base.Options), maps.Clone(base.renames)
		derived.Sources = slices.Concat(base.Sources, v.Sources)
		v = &derived
	} else {
		var sources []string
		for _, s := range append([]string{v.FlagsSource, v.OptionsSource}, v.Sources...) {
			if s != "" && !slices.Contains(sources, s) {
				sources = append(sources, s)
			}
		}
		v.Sources, v.renames = sources, map[string]string{}
	}
	v.From, v.release, v.known = r.from(v.Range), own, own
	if known, ok := parseRelease(v.KnownFrom); ok {
		v.known = known
	}
	i, _ := slices.BinarySearchFunc(r.Versions, own, func(have *Version, want release) int { return have.release.compare(want) })
	r.Versions = slices.Insert(r.Versions, i, v)
}

// addFacts adds flags, options and renames.
func (r *reader) addFacts(doc *document) {
	for _, b := range doc.Flags {
		r.add(b, "", flagTypes)
	}
	for _, b := range doc.Options {
		r.add(b, "", optionTypes)
	}
	for _, o := range doc.Objects {
		b := &factsBlock{Range: o.Range}
		r.diags = append(r.diags, gohcl.DecodeBody(o.Body, nil, b)...)
		r.add(b, o.Path, optionTypes)
	}
	for _, b := range doc.Renames {
		for _, v := range r.own(b.Range, b.Since, b.Until) {
			for _, to := range b.Renames {
				if have := v.renames[to.Old]; have != "" && have != to.New {
					r.refuse(b.Range, "Fact is known already", "Version %s renames %s already, to %s. %s", v.Name, to.Old, have, adds)
				}
				v.renames[to.Old] = to.New
			}
		}
	}
}

// The types that facts may have.
var (
	flagTypes   = []string{"int", "float", "bool", "string", "list(string)"}
	optionTypes = slices.Sorted(maps.Keys(types))
)

// add adds the facts of a block of one of the types, in source order, to the versions
// that they hold for: flags, options, or the keys of the option called object.
func (r *reader) add(b *factsBlock, object string, types []string) {
	versions := r.own(b.Range, b.Since, b.Until)
	for _, v := range versions {
		if o, has := v.Option(object); object != "" && !has {
			v.Options = append(v.Options, &Fact{Name: object, Type: "object", Source: cmp.Or(b.Source, v.OptionsSource)})
		} else if has && o.Type != "object" {
			r.refuse(b.Range, "Option is known already", "Version %s has the option %s, which is not an object. %s", v.Name, object, adds)
		}
	}
	for _, a := range slices.SortedFunc(maps.Values(b.Facts), func(a, b *hcl.Attribute) int { return a.Range.Start.Byte - b.Range.Start.Byte }) {
		value, diags := a.Expr.Value(nil)
		r.diags = append(r.diags, diags...)
		f, err := newFact(value)
		if err == nil && !slices.Contains(types, f.Type) {
			err = fmt.Errorf("it has the unknown type %q", f.Type)
		}
		if err != nil {
			r.refuse(a.Range, "Unsuitable fact", "%s: %v.", a.Name, err)
			continue
		}
		f.Name = strings.TrimPrefix(object+"."+a.Name, ".")
		for _, v := range r.span(versions, a.Range, f.Since, f.Until) {
			own, list := f, &v.Options
			own.Source = cmp.Or(f.Source, b.Source, v.OptionsSource)
			if len(types) == len(flagTypes) {
				list, own.Source = &v.Flags, cmp.Or(f.Source, b.Source, v.FlagsSource)
				r.keepFlag(&own)
			}
			if _, known := find(*list, own.Name); known {
				r.refuse(a.NameRange, "Fact is known already", "Version %s has %s already. %s", v.Name, own.Name, adds)
			}
			*list = append(*list, &own)
		}
	}
}

// keepFlag puts a flag of a version among those of all.
func (c *Catalog) keepFlag(flag *Fact) {
	i := slices.IndexFunc(c.flags, func(f *Fact) bool { return f.Name == flag.Name })
	if i < 0 {
		c.flags = append(c.flags, flag)
		return
	}
	c.flags[i] = flag
}

// own are the versions from since to until, which a user's files must have declared.
func (r *reader) own(rng hcl.Range, since, until string) []*Version {
	if !r.user {
		return r.span(r.Versions, rng, since, until)
	}
	for _, name := range []string{since, until} {
		if v, ok := r.Version(name); !ok || v.From == "" {
			r.refuse(rng, "Facts of another version",
				"Flags and options are declared for versions of your own: set since and until to the first and the last of them. %s", adds)
			return nil
		}
	}
	return slices.DeleteFunc(r.span(r.Versions, rng, since, until), func(v *Version) bool { return v.From == "" })
}

// span are those of versions from since to until, both included; "" is no bound.
func (r *reader) span(versions []*Version, rng hcl.Range, since, until string) []*Version {
	out := slices.Clone(versions)
	outside := func(name string, sign int) {
		bound, ok := r.Version(name)
		if name != "" && !ok {
			r.refuse(rng, "Unknown version", "Version %s is not in the catalogue.", name)
		}
		out = slices.DeleteFunc(out, func(v *Version) bool { return ok && sign*v.release.compare(bound.release) < 0 })
	}
	outside(since, 1)
	outside(until, -1)
	return out
}
