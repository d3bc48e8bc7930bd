package view

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/examples"
	"github.com/llmbench/llmbench/plan"
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
	p.line("")
	p.line("Next:")
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
