package catalog

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Suffix ends the names of files in which users declare facts of their own.
const Suffix = ".catalog.hcl"

// Mark is what every output says of facts that a user declared.
const Mark = "declared by you, not supported"

// Parse reads the text of a file of facts.
func Parse(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}

// Extend returns the catalogue with what users' files add to it: versions, models,
// GPUs and cells, in the grammar of the embedded files. Nothing that is there can be
// declared again, and flags and options only for versions of the files' own. What is
// added says in its field From which file it is from. c stays as it is.
func (c *Catalog) Extend(files []*hcl.File) (*Catalog, hcl.Diagnostics) {
	x := &extension{Catalog: &Catalog{
		Models: slices.Clone(c.Models), GPUs: slices.Clone(c.GPUs), Versions: slices.Clone(c.Versions), Cells: slices.Clone(c.Cells),
		Output: slices.Clone(c.Output), flags: slices.Clone(c.flags),
	}}
	var docs []*document
	for _, f := range files {
		doc := &document{}
		if diags := gohcl.DecodeBody(f.Body, nil, doc); diags.HasErrors() {
			return c, diags
		}
		docs = append(docs, doc)
	}
	for i, doc := range docs {
		x.file = files[i]
		x.addBlocks(doc)
		x.text = append(x.text, files[i].Bytes...)
	}
	for i, doc := range docs {
		x.file = files[i]
		x.addFacts(doc)
	}
	if !x.diags.HasErrors() {
		for _, p := range x.problems() {
			x.refuse("", "", "Unsuitable fact", "%s.", p)
		}
	}
	if x.diags.HasErrors() {
		return c, x.diags
	}
	x.Declared = string(x.text)
	return x.Catalog, nil
}

// An extension adds one file after the other.
type extension struct {
	*Catalog
	file  *hcl.File
	text  []byte
	diags hcl.Diagnostics
}

// refuse reports a mistake at the block of a type and label, else at the file's
// beginning.
func (x *extension) refuse(block, label, summary, format string, args ...any) {
	body := x.file.Body.(*hclsyntax.Body)
	location := hcl.Range{Filename: body.SrcRange.Filename, Start: hcl.InitialPos, End: hcl.InitialPos}
	for _, b := range body.Blocks {
		if b.Type == block && (label == "" || len(b.Labels) > 0 && b.Labels[0] == label) {
			location = b.DefRange()
			break
		}
	}
	x.diags = append(x.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &location})
}

const adds = "A *.catalog.hcl file adds facts; it cannot redefine any."

// addBlocks adds all but flags and options.
func (x *extension) addBlocks(doc *document) {
	from := filepath.Base(x.file.Body.(*hclsyntax.Body).SrcRange.Filename)
	for _, b := range doc.Versions {
		x.addVersion(b, from)
	}
	for _, m := range doc.Models {
		m.From = from
		x.addModel(m)
	}
	for _, g := range doc.GPUs {
		if _, known := x.GPU(g.Name); known {
			x.refuse("gpu", g.Name, "GPU is known already", "The GPU %s is in the catalogue. %s", g.Name, adds)
			continue
		}
		g.From = from
		x.GPUs = append(x.GPUs, g)
	}
	for _, cell := range doc.Cells {
		if have, exact := x.NearestCell(cell.Checkpoint, cell.Quantization, cell.GPU, cell.GPUs, cell.GPUsPerNode); exact {
			x.refuse("cell", "", "Cell is known already", "The cell of %s in %s on %dx %s is in the catalogue. %s", have.Checkpoint, have.Quantization, have.GPUs, have.GPU, adds)
			continue
		}
		cell.From = from
		x.Cells = append(x.Cells, cell)
	}
}

func (x *extension) addModel(m *Model) {
	for _, have := range x.Models {
		if have.Label == m.Label {
			x.refuse("model", m.Label, "Model is known already", "The model %s is in the catalogue. %s", m.Label, adds)
			return
		}
	}
	for _, p := range m.Checkpoints {
		if have, _, known := x.Model(p.ID); known {
			x.refuse("model", m.Label, "Checkpoint is known already", "The checkpoint %s is in the catalogue, of the model %s. %s", p.ID, have.Label, adds)
			return
		}
	}
	x.Models = append(x.Models, m)
}

// addVersion puts a version at its place, with the facts of its base.
func (x *extension) addVersion(b *versionBlock, from string) {
	r, ok := parseRelease(b.Name)
	if !ok {
		x.refuse("version", b.Name, "Not a version", "%q is not a version of TensorRT-LLM, such as 1.4.0 or 1.4.0rc2.", b.Name)
		return
	}
	if have, known := x.Version(b.Name); known {
		x.refuse("version", b.Name, "Version is known already", "Version %s is in the catalogue, as %s. %s", b.Name, have.Name, adds)
		return
	}
	v := b.version()
	v.From, v.release, v.from = from, r, r
	if b.Base != "" {
		base, ok := x.Version(b.Base)
		if !ok {
			x.refuse("version", b.Name, "Unknown base", "Version %s is based on %s, which is not in the catalogue.", b.Name, b.Base)
			return
		}
		if own := (versionBlock{Name: b.Name, Base: b.Base, Sources: b.Sources}); !reflect.DeepEqual(*b, own) {
			x.refuse("version", b.Name, "Version with two origins", "Version %s takes all facts from its base, %s, so it can set only base and sources. Remove base to declare other facts.", b.Name, b.Base)
			return
		}
		v = base.renamed(v)
	}
	i, _ := slices.BinarySearchFunc(x.Versions, r, func(have *Version, want release) int { return have.release.compare(want) })
	x.Versions = slices.Insert(x.Versions, i, v)
}

// renamed is a copy of v under the name of another version.
func (v *Version) renamed(as *Version) *Version {
	c := *v
	c.Name, c.From, c.Sources, c.release, c.from = as.Name, as.From, append(slices.Clone(v.Sources), as.Sources...), as.release, as.from
	c.Flags, c.Options, c.Renames = slices.Clone(v.Flags), slices.Clone(v.Options), slices.Clone(v.Renames)
	c.flags, c.options, c.renames = maps.Clone(v.flags), maps.Clone(v.options), maps.Clone(v.renames)
	return &c
}

// addFacts adds flags, options and renames.
func (x *extension) addFacts(doc *document) {
	for _, b := range doc.Flags {
		x.facts("flags", "", b.Since, b.Until, b.Source, b.Facts, func(v *Version, f fact) bool {
			if v.flags[f.name] != nil {
				return false
			}
			x.keepFlag(v.addFlag(f))
			return true
		})
	}
	option := func(parent string) func(*Version, fact) bool {
		return func(v *Version, f fact) bool {
			if v.options[strings.TrimPrefix(parent+"."+f.name, ".")] != nil {
				return false
			}
			v.addOption(parent, f)
			return true
		}
	}
	for _, b := range doc.Options {
		x.facts("options", "", b.Since, b.Until, b.Source, b.Facts, option(""))
	}
	for _, b := range doc.Objects {
		for _, v := range x.own("object", b.Path, b.Since, b.Until) {
			if o := v.options[b.Path]; o != nil && o.Type != "object" {
				x.refuse("object", b.Path, "Option is known already", "Version %s has the option %s, which is not an object. %s", v.Name, b.Path, adds)
				return
			}
			v.addObject(b.Path)
		}
		x.facts("object", b.Path, b.Since, b.Until, b.Source, b.Facts, option(b.Path))
	}
	for _, b := range doc.Outputs {
		x.Output = append(x.Output, b.ChangedBy...)
	}
	for _, b := range doc.Renames {
		for _, v := range x.own("renames", "", b.Since, b.Until) {
			for _, r := range b.Renames {
				if _, known := v.renames[r.Old]; !known {
					v.addRename(r.Old, r.New)
				}
			}
		}
	}
}

func (x *extension) facts(block, label, since, until, source string, attrs hcl.Attributes, add func(*Version, fact) bool) {
	facts, diags := readFacts(attrs, source)
	x.diags = append(x.diags, diags...)
	for _, v := range x.own(block, label, since, until) {
		for _, f := range facts {
			if !add(v, f) {
				location := attrs[f.name].NameRange
				x.diags = append(x.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Fact is known already",
					Detail: fmt.Sprintf("Version %s has %s already. %s", v.Name, f.name, adds), Subject: &location})
			}
		}
	}
}

// own are the versions from since to until, which users' files must have declared.
func (x *extension) own(block, label, since, until string) []*Version {
	for _, name := range []string{since, until} {
		if v, ok := x.Version(name); !ok || v.From == "" {
			x.refuse(block, label, "Facts of another version",
				"Flags and options are declared for versions of your own: set since and until to the first and the last of them. %s", adds)
			return nil
		}
	}
	var out []*Version
	first, _ := x.Version(since)
	last, _ := x.Version(until)
	for _, v := range x.Versions {
		if v.From != "" && first.release.compare(v.release) <= 0 && v.release.compare(last.release) <= 0 {
			out = append(out, v)
		}
	}
	return out
}
