package catalog

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/versions.md")

// docs/versions.md is what the catalogue says, so that it cannot fall behind.
func TestVersionsPage(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "versions.md")
	want := versionsPage(Load())
	if *update {
		if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("go test ./schema/catalog -update writes it again:\n%s", diff)
	}
}

func versionsPage(c *Catalog) string {
	var b strings.Builder
	b.WriteString("# Versions of TensorRT-LLM\n\n" +
		"Generated from `schema/catalog`; do not edit. A version that is not listed is checked\n" +
		"against the nearest one of its minor, else against the newest of the nearest earlier minor;\n" +
		"a plan says which and names the options in use that changed. `llmbench catalog probe IMAGE`\n" +
		"asks an image for its own flags and options.\n\n## Where the facts come from\n\n" +
		"Paths are those of NVIDIA/TensorRT-LLM, `file@commit`; pages are those of its documentation.\n\n")
	sources := sourcesOf(c)
	for i, s := range sources {
		fmt.Fprintf(&b, "%d. %s\n", i+1, s)
	}
	note := func(source string) string { return fmt.Sprintf("<sup>%d</sup>", slices.Index(sources, source)+1) }
	b.WriteString("\n| | sources |\n|---|---|\n")
	for _, v := range c.Versions {
		fmt.Fprintf(&b, "| %s |", FullVersion(v.Name))
		for _, s := range v.Sources {
			fmt.Fprintf(&b, " %d", slices.Index(sources, s)+1)
		}
		b.WriteString(" |\n")
	}
	b.WriteString("\n## Flags\n\n`llmbench` marks the flags that llmbench sets itself. The small number is the source;\n" +
		"= is as in the version before.\n\n")
	flags := newGrid(c)
	for _, f := range c.flags {
		name := "`--" + f.Name + "`"
		if f.Ours != "" {
			name += " (llmbench)"
		}
		flags.row(name, func(v *Version) string {
			g, ok := v.Flag(f.Name)
			if !ok {
				return ""
			}
			return kind(g.Type, g.Values) + note(g.Source)
		})
	}
	b.WriteString(flags.String())
	b.WriteString("\n## Options\n\nKeys of `llm_api_options`. An option of type `any` is passed on as it is.\n\n")
	options := newGrid(c)
	for _, path := range optionPaths(c) {
		options.row("`"+path+"`", func(v *Version) string {
			if o, ok := v.Option(path); ok {
				return kind(o.Type, o.Values) + note(o.Source)
			}
			if to, ok := v.Renamed(path); ok {
				return "`" + to + "`"
			}
			return ""
		})
	}
	b.WriteString(options.String())
	return b.String()
}

// sourcesOf are all sources, those of versions first.
func sourcesOf(c *Catalog) []string {
	var all []string
	for _, v := range c.Versions {
		all = append(all, v.Sources...)
	}
	for _, v := range c.Versions {
		for _, f := range v.Flags {
			all = append(all, f.Source)
		}
		for _, o := range v.Options {
			all = append(all, o.Source)
		}
	}
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func optionPaths(c *Catalog) []string {
	var paths []string
	for _, v := range c.Versions {
		for _, o := range v.Options {
			if !slices.Contains(paths, o.Name) {
				paths = append(paths, o.Name)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

func kind(typ string, values []string) string {
	if len(values) == 0 {
		return typ
	}
	return strings.Join(values, ", ")
}

// A grid is a table with a column for each version.
type grid struct {
	strings.Builder
	versions []*Version
}

func newGrid(c *Catalog) *grid {
	g := &grid{versions: c.Versions}
	g.WriteString("| |")
	for _, v := range g.versions {
		g.WriteString(" " + FullVersion(v.Name) + " |")
	}
	g.WriteString("\n|---|" + strings.Repeat("---|", len(g.versions)) + "\n")
	return g
}

// row writes a cell that is as the one before as a ditto.
func (g *grid) row(name string, cell func(*Version) string) {
	g.WriteString("| " + name + " |")
	before := "-"
	for _, v := range g.versions {
		text := cell(v)
		value, _, _ := strings.Cut(text, "<sup>")
		switch {
		case text == "":
			g.WriteString(" – |")
		case value == before:
			g.WriteString(" =" + strings.TrimPrefix(text, value) + " |")
		default:
			g.WriteString(" " + text + " |")
		}
		before = value
	}
	g.WriteString("\n")
}

// A fact without a source would be hearsay.
func TestFactsHaveSources(t *testing.T) {
	for _, v := range Load().Versions {
		for _, f := range v.Flags {
			if f.Source == "" {
				t.Errorf("%s does not say where --%s comes from", v.Name, f.Name)
			}
		}
		for _, o := range v.Options {
			if o.Source == "" {
				t.Errorf("%s does not say where %s comes from", v.Name, o.Name)
			}
		}
	}
}
