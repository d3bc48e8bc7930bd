package catalog

import (
	"math/big"
	"slices"
	"strings"
	"sync"

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

	flags []*Flag
}

// Load returns the embedded catalogue, decoded and checked once. It panics on a
// mistake in the data.
func Load() *Catalog { return load() }

var load = sync.OnceValue(func() *Catalog {
	c, diags := decode(files)
	if diags.HasErrors() {
		panic("catalog: " + diags.Error())
	}
	if problems := c.problems(); len(problems) > 0 {
		panic("catalog: " + strings.Join(problems, "; "))
	}
	return c
})

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
	i := slices.IndexFunc(c.GPUs, func(g *GPU) bool { return g.Name == name })
	if i < 0 {
		return nil, false
	}
	return c.GPUs[i], true
}

// Version finds a catalogued version of TensorRT-LLM. 1.0.0 is 1.0, and 1.0.0rc1 is
// only itself.
func (c *Catalog) Version(name string) (*Version, bool) {
	want, ok := parseRelease(name)
	i := slices.IndexFunc(c.Versions, func(v *Version) bool { return ok && v.release.compare(want) == 0 })
	if i < 0 {
		return nil, false
	}
	return c.Versions[i], true
}

// Flags returns the flags of all versions, each once, in the order in which they
// are passed, as the newest version that has one describes it.
func (c *Catalog) Flags() []*Flag { return c.flags }

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

	From string // the user's file that declares it, "" for a built-in one
}

// A Cell is a combination of weights and hardware that is supported.
type Cell struct {
	Checkpoint   string `hcl:"checkpoint"`
	Quantization string `hcl:"quantization"`
	GPU          string `hcl:"gpu"`
	GPUs         int    `hcl:"gpus"`
	GPUsPerNode  int    `hcl:"gpus_per_node"`

	From string // the user's file that declares it, "" for one that is supported
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
	return cell, cell.shares(wanted) == wanted.shares(wanted)
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

// Is reports whether v is of the option's type. null is of every type.
func (o *Option) Is(v cty.Value) bool {
	if o.Type == "any" || v.IsNull() {
		return true
	}
	switch o.Type {
	case "bool":
		return v.Type() == cty.Bool
	case "float":
		return v.Type() == cty.Number
	case "int":
		return isWhole(v)
	case "object":
		return v.Type().IsObjectType() || v.Type().IsMapType()
	case "string":
		return v.Type() == cty.String
	case "list(int)":
		return isListOf(v, isWhole)
	case "list(string)":
		return isListOf(v, func(e cty.Value) bool { return e.Type() == cty.String })
	}
	panic("catalog: option " + o.Path + " has the unknown type " + o.Type)
}

// Suits reports whether the option may have the value v.
func (o *Option) Suits(v cty.Value) bool {
	switch {
	case !o.Is(v):
		return false
	case v.IsNull() || o.Type == "any":
		return true
	case v.Type() == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		return o.Outside(f) == ""
	case v.Type() == cty.String:
		return len(o.Values) == 0 || slices.Contains(o.Values, v.AsString())
	}
	return true
}

func isWhole(v cty.Value) bool {
	if v.Type() != cty.Number || v.IsNull() {
		return false
	}
	_, accuracy := v.AsBigFloat().Int64()
	return accuracy == big.Exact
}

func isListOf(v cty.Value, is func(cty.Value) bool) bool {
	if !v.Type().IsTupleType() && !v.Type().IsListType() {
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.IsNull() || !is(e) {
			return false
		}
	}
	return true
}
