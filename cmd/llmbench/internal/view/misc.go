package view

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/examples"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema/catalog"
)

// ValidateJSON prints what validate found as JSON.
func ValidateJSON(w io.Writer, diags hcl.Diagnostics) error {
	return writeJSON(w, struct {
		Valid       bool              `json:"valid"`
		Diagnostics []plan.Diagnostic `json:"diagnostics"`
	}{!diags.HasErrors(), plan.NewDiagnostics(diags)})
}

// Version prints the version and the commit it was built from, if known.
func Version(w io.Writer, version, revision string, asJSON bool) error {
	if asJSON {
		return writeJSON(w, struct {
			Version  string    `json:"version"`
			Revision plan.Text `json:"revision"`
		}{version, plan.Text(revision)})
	}
	if revision != "" {
		version += fmt.Sprintf(" (%.12s)", revision)
	}
	_, err := fmt.Fprintf(w, "llmbench %s\n", version)
	return err
}

// Recipes lists what init can start from.
func Recipes(w io.Writer, recipes []examples.Recipe) error {
	t := &table{}
	for _, r := range recipes {
		t.add(r.Name, r.About)
	}
	return t.plain(w)
}

// Initialised says what init found and wrote and what to do next.
func Initialised(w io.Writer, dir, recipe string, notes, written []string) error {
	p := &printer{w: w}
	for _, note := range notes {
		p.line("%s", note)
	}
	p.line("Started from %s:", recipe)
	for _, name := range written {
		p.line("  %s", filepath.Join(dir, name))
	}
	p.line("\nNext:")
	p.line("  llmbench plan -executor=simulate %s", dir)
	p.line("  llmbench apply -executor=simulate %s", dir)
	p.line("Then, on your cluster, with %s filled in:", filepath.Join(dir, "site.auto.vars"))
	p.line("  llmbench prepare %s", dir)
	p.line("  llmbench plan %s", dir)
	return p.err
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Prune lists what may be removed from a store.
func Prune(w io.Writer, root string, list []store.Removable) error {
	p := &printer{w: w}
	p.line("May be removed from %s:", root)
	for i := 0; i < len(list); {
		head := list[i]
		p.line("")
		p.wrapped("", 2, fmt.Sprintf("%ss: %s", head.Kind, head.Reason))
		t := &table{right: []bool{true}, indent: "  "}
		for ; i < len(list) && list[i].Kind == head.Kind && list[i].Reason == head.Reason; i++ {
			t.add(Volume(list[i].Bytes), within(root, list[i].Path))
		}
		p.table(t)
	}
	p.line("")
	p.wrapped("", 0, fmt.Sprintf("%s in all. Valid, suspect and invalid results and jobs in flight stay. Containers that jobs left on nodes are removed by the next job there and by `llmbench doctor -nodes`.", Volume(totalBytes(list))))
	return p.err
}

// Pruned says what was removed.
func Pruned(w io.Writer, list []store.Removable) error {
	if len(list) == 0 {
		return Nothing(w, "Nothing to remove.")
	}
	return Nothing(w, fmt.Sprintf("Removed %s: %s.", Plural(len(list), "item"), Volume(totalBytes(list))))
}

// PruneJSON prints what may be removed, or was, as JSON.
func PruneJSON(w io.Writer, root string, list []store.Removable, removed bool) error {
	type entry struct {
		Kind   string `json:"kind"`
		Path   string `json:"path"`
		Reason string `json:"reason"`
		Bytes  int64  `json:"bytes"`
	}
	entries := []entry{}
	for _, r := range list {
		entries = append(entries, entry(r))
	}
	return writeJSON(w, struct {
		FormatVersion string  `json:"format_version"`
		Store         string  `json:"store"`
		Entries       []entry `json:"entries"`
		Bytes         int64   `json:"bytes"`
		Removed       bool    `json:"removed"`
	}{"1", root, entries, totalBytes(list), removed})
}

func totalBytes(list []store.Removable) (bytes int64) {
	for _, r := range list {
		bytes += r.Bytes
	}
	return bytes
}

// within is path as it is below dir, the checksum that names a data set shortened.
func within(dir, path string) string {
	rel := below(dir, path)
	if name := filepath.Base(rel); len(name) > 64 {
		rel = filepath.Join(filepath.Dir(rel), name[:12]+"…"+filepath.Ext(name))
	}
	return rel
}

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
		name := fmt.Sprintf("%sx %s, %s per node: %s, %s", count(int64(cell.GPUs)), cell.GPU, count(int64(cell.GPUsPerNode)), cell.Checkpoint, cell.Quantization)
		add("cell", name, cell.From, nil)
	}
	return out
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
