package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A NamedFile is a file or folder that a flag or an option of a run names.
type NamedFile struct {
	Argument string // "llm_api_options.moe_config.load_balancer"
	Path     string
}

// Files are the files and folders that flags and options of the run name, beside its
// weights and its data set: they must be there, and seen inside the container.
func (r *Run) Files() []NamedFile {
	var out []NamedFile
	add := func(argument string, value any) {
		switch v := value.(type) {
		case string:
			out = append(out, NamedFile{argument, v})
		case []string:
			for _, p := range v {
				out = append(out, NamedFile{argument, p})
			}
		case []any:
			for _, p := range v {
				out = append(out, NamedFile{argument, fmt.Sprint(p)})
			}
		}
	}
	v := r.version()
	for _, f := range v.Flags {
		if f.File && f.Ours == "" && f.Name != "workspace" { // which trtllm-bench makes
			add(f.Name, r.Arguments[f.Name])
		}
	}
	options := map[string]any{}
	leaves(options, "llm_api_options", r.LLMAPIOptions)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if o, ok := v.Option(strings.TrimPrefix(name, "llm_api_options.")); ok && o.File {
			add(name, options[name])
		}
	}
	return out
}

// version has the facts of the run's version of TensorRT-LLM, the declared ones among
// them.
func (r *Run) version() *catalog.Version {
	return versionOf(declaredCatalog(r.Facts), r.Image.TRTLLMVersion)
}

// declaredCatalogs caches extended catalogues by the source of their facts.
var declaredCatalogs sync.Map

// declaredCatalog is llmbench's catalogue extended by facts that were checked.
func declaredCatalog(text string) *catalog.Catalog {
	if text == "" {
		return catalog.Load()
	}
	if c, ok := declaredCatalogs.Load(text); ok {
		return c.(*catalog.Catalog)
	}
	file, _ := catalog.Parse([]byte(text), FactsFile)
	c, _ := catalog.Load().Extend([]*hcl.File{file})
	declaredCatalogs.Store(text, c)
	return c
}

// checkFiles refuses names of files that a job would not find: it runs in the attempt's
// folder, without a network.
func checkFiles(run *Run, cell *schema.Cell) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, f := range run.Files() {
		switch {
		case !path.IsAbs(f.Path):
			diags = append(diags, cellError(cell, f.Argument, "Path is not absolute", fmt.Sprintf(
				"%s is %q. Jobs run in their own folder and without a network, so relative paths and names on a hub do not work there. Give the absolute path of a file or downloaded folder on a file system that all nodes share.", f.Argument, f.Path)))
		case strings.ContainsAny(f.Path, ",:"):
			diags = append(diags, cellError(cell, f.Argument, "Path cannot be mounted", fmt.Sprintf(
				"%s is %q. Container mounts use commas and colons as separators, so the path must not contain them.", f.Argument, f.Path)))
		}
	}
	return diags
}
