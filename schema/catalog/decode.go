package catalog

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
)

//go:embed *.hcl
var files embed.FS

// document is the embedded files together.
type document struct {
	Models   []*Model        `hcl:"model,block"`
	GPUs     []*GPU          `hcl:"gpu,block"`
	Cells    []*Cell         `hcl:"cell,block"`
	Versions []*versionBlock `hcl:"version,block"`
	Flags    []*factsBlock   `hcl:"flags,block"`
	Options  []*factsBlock   `hcl:"options,block"`
	Objects  []*objectBlock  `hcl:"object,block"`
	Renames  []*renamesBlock `hcl:"renames,block"`
	Outputs  []*outputBlock  `hcl:"output,block"`
}

type versionBlock struct {
	Name                 string   `hcl:"name,label"`
	Since                string   `hcl:"from,optional"` // the first version that is known to have the same facts
	Base                 string   `hcl:"base,optional"` // whose facts a version of the user's own begins with
	FlagsSource          string   `hcl:"flags_source,optional"`
	OptionsSource        string   `hcl:"options_source,optional"`
	Sources              []string `hcl:"sources,optional"`
	SharedSamplingParams bool     `hcl:"shared_sampling_params,optional"`
	ChunkedDefault       bool     `hcl:"chunked_default,optional"`
	ShallowKVMerge       bool     `hcl:"shallow_kv_merge,optional"`
	GraphSizesExcludeMax bool     `hcl:"graph_sizes_exclude_max,optional"`
	GraphDefaultMax      int      `hcl:"graph_default_max,optional"`
	GraphPowersBelow     bool     `hcl:"graph_powers_below,optional"`
	GraphStep            int      `hcl:"graph_step,optional"`
	NestedKeysIgnored    bool     `hcl:"nested_keys_ignored,optional"`
}

// factsBlock is a block of attributes, one a flag or option, each an object.
type factsBlock struct {
	Since string `hcl:"since,optional"` // the first version that has them
	Until string `hcl:"until,optional"` // the last version that has them
	// Source is where those were read that do not say it themselves.
	Source string         `hcl:"source,optional"`
	Facts  hcl.Attributes `hcl:",remain"`
}

// objectBlock holds the keys of an option that is an object.
type objectBlock struct {
	Path   string         `hcl:"path,label"`
	Since  string         `hcl:"since,optional"`
	Until  string         `hcl:"until,optional"`
	Source string         `hcl:"source,optional"`
	Facts  hcl.Attributes `hcl:",remain"`
}

type renamesBlock struct {
	Since   string         `hcl:"since,optional"`
	Until   string         `hcl:"until,optional"`
	Renames []*renameBlock `hcl:"rename,block"`
}

type renameBlock struct {
	Old string `hcl:"old,label"`
	New string `hcl:"to"`
}

type outputBlock struct {
	ChangedBy []string `hcl:"changed_by"`
}

// decode reads the HCL files of a folder, which are one document.
func decode(fsys fs.FS) (*Catalog, hcl.Diagnostics) {
	names, err := fs.Glob(fsys, "*.hcl")
	if err != nil {
		panic("catalog: " + err.Error())
	}
	parser := hclparse.NewParser()
	var parsed []*hcl.File
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			panic("catalog: " + err.Error())
		}
		file, diags := parser.ParseHCL(src, name)
		if diags.HasErrors() {
			return nil, diags
		}
		parsed = append(parsed, file)
	}
	var doc document
	if diags := gohcl.DecodeBody(hcl.MergeFiles(parsed), nil, &doc); diags.HasErrors() {
		return nil, diags
	}
	c := &Catalog{Models: doc.Models, GPUs: doc.GPUs, Cells: doc.Cells}
	diags := doc.resolve(c)
	return c, diags
}

// The types that facts may have.
var (
	flagTypes   = []string{"int", "float", "bool", "string", "list(string)"}
	optionTypes = []string{"bool", "int", "float", "string", "list(int)", "list(string)", "object", "any"}
)

// problems lists what is wrong with the data as a whole.
func (c *Catalog) problems() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(c.Cells) == 0 {
		add("no cell is supported")
	}
	for _, cell := range c.Cells {
		if _, p, ok := c.Model(cell.Checkpoint); !ok || p.Quantization != cell.Quantization {
			add("cell of the unknown checkpoint %s in %s", cell.Checkpoint, cell.Quantization)
		}
		if _, ok := c.GPU(cell.GPU); !ok {
			add("cell of the unknown GPU %s", cell.GPU)
		}
	}
	for _, m := range c.Models {
		if m.DenseLayers+m.MoELayers != m.Layers {
			add("model %s: dense and MoE layers are not all layers", m.Label)
		}
	}
	for i, v := range c.Versions {
		if i > 0 && c.Versions[i-1].release.compare(v.from) >= 0 {
			add("version %s is out of order", v.Name)
		}
		out = append(out, v.problems()...)
	}
	return out
}

func (v *Version) problems() []string {
	var out []string
	add := func(format string, args ...any) {
		out = append(out, "version "+v.Name+": "+fmt.Sprintf(format, args...))
	}
	for _, f := range v.Flags {
		if !slices.Contains(flagTypes, f.Type) {
			add("flag %s has the unknown type %q", f.Name, f.Type)
		}
		if f.Values != nil && f.Default.Type() == cty.String && !f.Default.IsNull() && !slices.Contains(f.Values, f.Default.AsString()) {
			add("flag %s has a default that it does not allow", f.Name)
		}
	}
	for _, o := range v.Options {
		if !slices.Contains(optionTypes, o.Type) {
			add("option %s has the unknown type %q", o.Path, o.Type)
		}
		if parent, _, ok := cutLast(o.Path); ok && (v.options[parent] == nil || v.options[parent].Type != "object") {
			add("option %s is in no object", o.Path)
		}
	}
	for _, r := range v.Renames {
		if v.options[r.New] == nil {
			add("%s is renamed to %s, which it lacks", r.Old, r.New)
		}
		if v.options[r.Old] != nil {
			add("%s is renamed and still has its old name", r.Old)
		}
	}
	return out
}
