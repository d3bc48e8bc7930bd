// Package catalog holds what llmbench knows of the world as data: models, GPUs,
// versions of TensorRT-LLM with their flags and option keys, and the cells that
// are supported. The facts are HCL files embedded in the program, so that adding
// one is a reviewed change of data and not of code.
//
// A fact that differs between versions is written once, with the versions that
// it holds for; [Load] resolves it into a list for each version. Where a fact
// comes from is said beside it in the HCL.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// A Catalog is all facts, in the order in which they are written. It is shared
// and must not be changed.
type Catalog struct {
	Models []*Model
	GPUs   []*GPU
	// Versions are from the oldest to the newest.
	Versions []*Version
	// Cells are the supported cells; there is at least one.
	Cells []*Cell
	// Output are the flags, the options by their dotted paths, and the other facts of a
	// run that can change the generated text.
	Output []string

	// Declared is the text of the users' files that added facts, "" for none.
	Declared string

	flags []*Fact
}

// Model finds a model, and its checkpoint, by the checkpoint's Hugging Face id.
func (c *Catalog) Model(checkpoint string) (*Model, *Checkpoint, bool) {
	for _, m := range c.Models {
		for _, p := range m.Checkpoints {
			if p.ID == checkpoint {
				return m, p, true
			}
		}
	}
	return nil, nil, false
}

// GPU finds a GPU by its name, such as "GB200".
func (c *Catalog) GPU(name string) (*GPU, bool) {
	return first(c.GPUs, func(g *GPU) bool { return g.Name == name })
}

// first is the first of list that is so, nil and false for none.
func first[T any](list []*T, is func(*T) bool) (*T, bool) {
	i := slices.IndexFunc(list, is)
	if i < 0 {
		return nil, false
	}
	return list[i], true
}

// Version finds a catalogued version of TensorRT-LLM. 1.0.0 is 1.0, and 1.0.0rc1 is
// only itself.
func (c *Catalog) Version(name string) (*Version, bool) {
	want, ok := parseRelease(name)
	return first(c.Versions, func(v *Version) bool { return ok && v.release.compare(want) == 0 })
}

// Flags returns the flags of all versions, each once, in the order in which they
// are passed, as the newest version that has one describes it.
func (c *Catalog) Flags() []*Fact { return c.flags }

// KnownFlags returns the names of Flags.
func (c *Catalog) KnownFlags() []string {
	names := make([]string, len(c.flags))
	for i, f := range c.flags {
		names[i] = f.Name
	}
	return names
}

// FlagVersions returns the names of the versions that have a flag, the oldest
// first.
func (c *Catalog) FlagVersions(name string) []string {
	var versions []string
	for _, v := range c.Versions {
		if _, ok := v.Flag(name); ok {
			versions = append(versions, v.Name)
		}
	}
	return versions
}

// A GPU is a kind of GPU as it stands in a node. Rates are peaks, dense; a rate
// that the GPU lacks is 0.
type GPU struct {
	Name         string `hcl:"name,label"`
	Architecture string `hcl:"architecture"` // hopper or blackwell
	// CPU is the architecture of the processors of its nodes as uname names it,
	// "" where nodes differ.
	CPU string `hcl:"cpu,optional"`
	// Domain says that NVLink joins the GPUs of several nodes.
	Domain bool `hcl:"domain,optional"`
	// MemoryBytes is what the driver reports, which is below what is marketed.
	MemoryBytes        int64   `hcl:"memory_bytes"`
	BandwidthBytesPerS float64 `hcl:"bandwidth_bytes_per_s"`
	// BF16, FP8 and FP4 are in FLOP/s.
	BF16 float64 `hcl:"bf16"`
	FP8  float64 `hcl:"fp8"`
	FP4  float64 `hcl:"fp4,optional"`
	// NVLinkBytesPerS is each way.
	NVLinkBytesPerS float64 `hcl:"nvlink_bytes_per_s"`
	TDPWatts        int     `hcl:"tdp_watts"`
	GPUsPerNode     int     `hcl:"gpus_per_node"`

	From  string    // the user's file that declares it, "" for a built-in one
	Range hcl.Range `hcl:",def_range"`
}

// A Cell is a combination of weights and hardware that is supported.
type Cell struct {
	Checkpoint   string `hcl:"checkpoint"`
	Quantization string `hcl:"quantization"`
	GPU          string `hcl:"gpu"`
	GPUs         int    `hcl:"gpus"`
	GPUsPerNode  int    `hcl:"gpus_per_node"`

	From  string    // the user's file that declares it, "" for one that is supported
	Range hcl.Range `hcl:",def_range"`
}

// NearestCell returns the supported cell that shares most with the wanted one,
// weights before GPU before counts, and whether it is the same.
func (c *Catalog) NearestCell(checkpoint, quantization, gpu string, gpus, gpusPerNode int) (cell *Cell, exact bool) {
	wanted := Cell{Checkpoint: checkpoint, Quantization: quantization, GPU: gpu, GPUs: gpus, GPUsPerNode: gpusPerNode}
	best := -1
	for _, have := range c.Cells {
		if have.shares(wanted) > best {
			cell, best = have, have.shares(wanted)
		}
	}
	return cell, best == wanted.shares(wanted)
}

// shares weighs what two cells have in common; each fact outweighs all after it.
func (c *Cell) shares(d Cell) int {
	weight := 0
	for _, same := range []bool{
		c.Checkpoint == d.Checkpoint, c.Quantization == d.Quantization, c.GPU == d.GPU,
		c.GPUs == d.GPUs, c.GPUsPerNode == d.GPUsPerNode,
	} {
		weight *= 2
		if same {
			weight++
		}
	}
	return weight
}

// OwnedFlag says why llmbench sets a flag of trtllm-bench itself, in one
// sentence, and whether it does.
func (c *Catalog) OwnedFlag(name string) (reason string, ok bool) {
	for _, v := range c.Versions {
		if f, has := v.Flag(name); has {
			return f.Ours, f.Ours != ""
		}
	}
	return "", false
}

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
		if i > 0 && c.Versions[i-1].release.compare(v.known) >= 0 {
			add("version %s is out of order", v.Name)
		}
		for _, f := range v.Flags {
			if f.Values != nil && f.Default.Type() == cty.String && !f.Default.IsNull() && !slices.Contains(f.Values, f.Default.AsString()) {
				add("version %s: flag %s has a default that it does not allow", v.Name, f.Name)
			}
		}
		for _, o := range v.Options {
			if i := strings.LastIndexByte(o.Name, '.'); i >= 0 {
				if parent, ok := v.Option(o.Name[:i]); !ok || parent.Type != "object" {
					add("version %s: option %s is in no object", v.Name, o.Name)
				}
			}
		}
		for old, to := range v.renames {
			if _, ok := v.Option(to); !ok {
				add("version %s: %s is renamed to %s, which it lacks", v.Name, old, to)
			}
			if _, ok := v.Option(old); ok {
				add("version %s: %s is renamed and still has its old name", v.Name, old)
			}
		}
	}
	slices.Sort(out)
	return out
}
