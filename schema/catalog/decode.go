package catalog

import (
	"embed"
	"io/fs"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
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
