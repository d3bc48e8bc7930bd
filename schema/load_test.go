package schema_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// specs are executor bodies that are as much like real ones as tests need.
var specs = map[string]hcldec.Spec{
	"slurm": hcldec.ObjectSpec{
		"account":   &hcldec.AttrSpec{Name: "account", Type: cty.String},
		"partition": &hcldec.AttrSpec{Name: "partition", Type: cty.String, Required: true},
		"retries":   &hcldec.AttrSpec{Name: "retries", Type: cty.Number},
		"container": &hcldec.BlockSpec{TypeName: "container", Nested: hcldec.ObjectSpec{
			"image_dir": &hcldec.AttrSpec{Name: "image_dir", Type: cty.String},
		}},
	},
	"simulate": hcldec.ObjectSpec{
		"speed": &hcldec.AttrSpec{Name: "speed", Type: cty.Number},
	},
}

func options() schema.Options {
	return schema.Options{Executors: specs, Version: "0.1.0-dev", Catalog: catalog.Load()}
}

// render writes diags as people see them.
func render(defs *schema.Definitions, diags hcl.Diagnostics) string {
	var b bytes.Buffer
	if err := hcl.NewDiagnosticTextWriter(&b, defs.Files, 0, false).WriteDiagnostics(diags); err != nil {
		panic(err)
	}
	return b.String()
}

// TestRecipe reads the recipe of the language document.
func TestRecipe(t *testing.T) {
	defs, diags := schema.Load("testdata/recipe", options())
	if len(diags) > 0 {
		t.Fatal(render(defs, diags))
	}
	for i, want := range []struct {
		address string
		tokens  string
		limit   time.Duration
	}{
		{"max_throughput/use_case=reasoning", "8192", 30 * time.Minute},
		{"max_throughput/use_case=chat", "8192", 30 * time.Minute},
		{"max_throughput/use_case=summarization", "22528", 30 * time.Minute},
		{"max_throughput/use_case=generation", "2048", 40 * time.Minute},
	} {
		c := defs.Cells[i]
		if c.Address != want.address || asJSON(c.Args.Get("max_num_tokens")) != want.tokens || c.TimeLimit != want.limit {
			t.Errorf("%s: %s, %s", c.Address, asJSON(c.Args.Get("max_num_tokens")), c.TimeLimit)
		}
		if c.Model.Label != "llama4_maverick" || c.Hardware.GPUsPerNode != 4 || c.Version.Name != "1.0.0rc1" {
			t.Errorf("%s: wrong blocks", c.Address)
		}
		if got := asJSON(c.Options.Value.GetAttr("enable_attention_dp")); got != "true" {
			t.Errorf("%s: enable_attention_dp is %s", c.Address, got)
		}
	}
	if e, diags := defs.ChooseExecutor(defs.Cells[0], ""); diags.HasErrors() || e.Ref() != "slurm.gb200" {
		t.Error(e, diags)
	}
	first, _ := defs.ChooseExecutor(defs.Cells[0], "simulate")
	second, _ := defs.ChooseExecutor(defs.Cells[1], "simulate")
	if first == nil || first != second || first.Ref() != "simulate" {
		t.Error("simulate is not one executor")
	}
}

func TestInputs(t *testing.T) {
	dir := t.TempDir()
	files := []struct{ name, data, sha string }{
		{"a.hcl", "variable \"x\" {}\nvariable \"token\" {\n  sensitive = true\n}\n", ""},
		{"b.hcl", "locals {}\n", ""},
		{"plain.auto.vars", "x = 1\n", ""},
		{"secret.auto.vars", "token = \"hunter2\"\n", "secret"},
		{".hidden.hcl", "nonsense", ""},
		{"notes.txt", "nonsense", ""},
	}
	want := map[string]string{}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		writeFile(t, path, []byte(f.data))
		sum := sha256.Sum256([]byte(f.data))
		want[path] = hex.EncodeToString(sum[:])
		if f.sha != "" {
			want[path] = ""
		}
	}
	defs, diags := schema.Load(dir, options())
	if len(diags) > 0 {
		t.Fatal(render(defs, diags))
	}
	if len(defs.Inputs) != 4 {
		t.Fatal(defs.Inputs)
	}
	for _, in := range defs.Inputs {
		if want[in.Path] != in.SHA256 {
			t.Errorf("%s: %q, want %q", in.Path, in.SHA256, want[in.Path])
		}
	}
	for _, v := range defs.Variables {
		if v.Sensitive && !v.Value.IsNull() {
			t.Errorf("%s shows its value", v.Name)
		}
	}
}

func TestLoadNothing(t *testing.T) {
	empty := t.TempDir()
	for dir, want := range map[string]string{empty: "No definitions", filepath.Join(empty, "absent"): "Definitions cannot be read"} {
		defs, diags := schema.Load(dir, options())
		if defs == nil || defs.Files == nil || len(diags) != 1 || diags[0].Summary != want {
			t.Errorf("%s: %v", dir, diags)
		}
	}
}

// TestSecretsStayInside loads definitions with mistakes at each place of a
// secret and looks for it in all that is printed.
func TestSecretsStayInside(t *testing.T) {
	const secret = "hunter2"
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "main.hcl"), []byte(`
variable "token" {
  type      = string
  sensitive = true

  validation {
    condition     = var.token == "other"
    error_message = "The token is ${var.token}."
  }
}
variable "count" {
  type      = number
  sensitive = true
}
locals {
  a = var.token + 1
  b = { x = var.token }.y
  c = [var.token][3]
  d = tonumber(var.token)
  e = "${var.token}" ? 1 : 2
  f = { for x in ["a", "b"] : var.token => x }
  g = lookup({ a = 1 }, var.token, 2)[0]
  h = format("%d", var.token)
  i = local.j[var.token]
  j = { "x${var.token}" = 1 }
}
model "m" {
  checkpoint   = var.token
  quantization = local.a
}
`))
	writeFile(t, filepath.Join(dir, "x.auto.vars"), []byte("token = \"hunter2\"\ncount = \"hunter2\"\n"))
	defs, diags := schema.Load(dir, options())
	if !diags.HasErrors() {
		t.Fatal("no errors")
	}
	if out := render(defs, diags); strings.Contains(out, secret) {
		t.Error(out)
	}
}

func TestFormat(t *testing.T) {
	const src = "model \"x\" {\ncheckpoint=\"a/b\"\n  quantization  = \"FP8\" # why\n}\n"
	const want = "model \"x\" {\n  checkpoint   = \"a/b\"\n  quantization = \"FP8\" # why\n}\n"
	if got := string(schema.Format([]byte(src))); got != want {
		t.Errorf("got\n%s", got)
	}
	recipe, err := os.ReadFile("testdata/recipe/main.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(schema.Format(recipe), recipe) {
		t.Error("the recipe is not in canonical layout")
	}
}

// A file in UTF-16, as editors on Windows save it, is one error that says so.
func TestLoadUTF16(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte("\xff\xfel\x00o\x00c\x00a\x00l\x00s\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, diags := schema.Load(dir, schema.Options{Catalog: catalog.Load()}); len(diags) != 1 || !strings.Contains(diags[0].Detail, "such as UTF-16. Save it as UTF-8.") {
		t.Error(diags)
	}
}
