package view

import (
	"io"

	"github.com/llmbench/llmbench/schema/catalog"
)

// A catalogEntry is one fact of the catalogue.
type catalogEntry struct {
	Kind    string   `json:"kind"` // version, model, gpu or cell
	Name    string   `json:"name"`
	From    string   `json:"from"` // built in, or the user's file
	Sources []string `json:"sources"`
}

func catalogEntries(c *catalog.Catalog) []catalogEntry {
	out := []catalogEntry{}
	add := func(kind, name, from string, sources []string) {
		if from == "" {
			from = "llmbench"
		}
		out = append(out, catalogEntry{kind, name, from, append([]string{}, sources...)})
	}
	for _, v := range c.Versions {
		add("version", catalog.FullVersion(v.Name), v.From, v.Sources)
	}
	for _, m := range c.Models {
		for _, p := range m.Checkpoints {
			add("model", p.ID+" ("+p.Quantization+")", m.From, nil)
		}
	}
	for _, g := range c.GPUs {
		add("gpu", g.Name, g.From, nil)
	}
	for _, cell := range c.Cells {
		add("cell", cellName(cell), cell.From, nil)
	}
	return out
}

func cellName(c *catalog.Cell) string {
	return count(int64(c.GPUs)) + "x " + c.GPU + ", " + count(int64(c.GPUsPerNode)) + " per node: " + c.Checkpoint + ", " + c.Quantization
}

// Catalog prints what is known and from where.
func Catalog(w io.Writer, c *catalog.Catalog) error {
	p := &printer{w: w}
	t := &table{header: []string{"kind", "name", "from"}}
	for _, e := range catalogEntries(c) {
		from := e.From
		if from != "llmbench" {
			from += ": " + catalog.Mark
		}
		t.add(e.Kind, e.Name, from)
	}
	p.table(t)
	return p.err
}

// CatalogJSON is Catalog as JSON.
func CatalogJSON(w io.Writer, c *catalog.Catalog) error {
	return writeJSON(w, map[string]any{"entries": catalogEntries(c)})
}
