package schema_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/llmbench/llmbench/schema"
)

// FuzzLoad loads anything beside the base definitions: no panic, diagnostics
// that can be printed, addresses that are unique.
func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range archives {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if strings.HasSuffix(file.Name, ".hcl") && !strings.Contains(string(file.Data), "range(") {
				f.Add(string(file.Data))
			}
		}
	}
	base, err := os.ReadFile("testdata/base.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Contains(src, "range") {
			t.Skip("runs by the thousand are slow, not wrong")
		}
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "base.hcl"), base)
		writeFile(t, filepath.Join(dir, "main.hcl"), []byte(src))
		opts := options()
		opts.Environ = []string{"LLMBENCH_VAR_size=5", "LLMBENCH_VAR_token=abc"}
		defs, diags := schema.Load(dir, opts)
		render(defs, diags)
		if diags.HasErrors() {
			return
		}
		seen := map[string]bool{}
		for _, c := range defs.Cells {
			if seen[c.Address] {
				t.Errorf("address twice: %s", c.Address)
			}
			seen[c.Address] = true
			if e, _ := defs.ChooseExecutor(c, ""); e != nil {
				_, _, diags := defs.DecodeExecutor(e)
				render(defs, diags)
			}
		}
	})
}

// FuzzFormat formats anything: what could be parsed still can.
func FuzzFormat(f *testing.F) {
	f.Add("a=1\nb   =  2 // x\n")
	recipe, err := os.ReadFile("testdata/recipe/main.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(recipe))
	f.Fuzz(func(t *testing.T, src string) {
		out := schema.Format([]byte(src))
		if _, diags := hclsyntax.ParseConfig([]byte(src), "x.hcl", hcl.InitialPos); diags.HasErrors() {
			return
		}
		if _, diags := hclsyntax.ParseConfig(out, "x.hcl", hcl.InitialPos); diags.HasErrors() {
			t.Errorf("%v\nbefore %q\nafter %q", diags, src, out)
		}
	})
}
