package catalog

import (
	"slices"
	"strings"
	"sync"
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
