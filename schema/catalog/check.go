package catalog

import (
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"
)

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
			add("version %s does not stand in order", v.Name)
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
