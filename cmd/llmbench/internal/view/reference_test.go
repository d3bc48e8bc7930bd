package view

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

func TestReferenceMarkdown(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{
		"reference.md": func(w io.Writer) error { return ReferenceMarkdown(w, catalog.Load()) },
		"metrics.md":   MetricsMarkdown,
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		file := "../../../../docs/" + name
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(have), b.String()); diff != "" {
			t.Errorf("docs/%s is not what the code says; run this test with -update:\n%s", name, diff)
		}
	}
}

// The reference has every argument, flag, function and metric that the code has,
// and no other.
func TestReferenceIsComplete(t *testing.T) {
	r, cat := loadReference(), catalog.Load()
	language := schema.Language()
	spec := func(name string, s hcldec.Spec) {
		for _, a := range hcldec.ImpliedSchema(s).Attributes {
			if a.Name != "side_by_side" { // read only to say that it was removed
				language[name] = append(language[name], a.Name)
			}
		}
	}
	spec("slurm", slurm.Spec())
	for name, inner := range hcldec.ChildBlockTypes(slurm.Spec()) {
		spec(name, inner)
	}
	for _, b := range append(slices.Clone(r.Blocks), r.Executors...) {
		var names []string
		for _, a := range b.Arguments {
			names = append(names, a.Name)
		}
		same(t, b.Name, names, language[b.Name])
		delete(language, b.Name)
	}
	for name := range language {
		t.Errorf("the block %s is not in the reference", name)
	}
	var flags, functions, metrics, want []string
	for _, f := range r.Flags {
		flags = append(flags, f.Name)
	}
	for _, name := range cat.KnownFlags() {
		if _, ours := cat.OwnedFlag(name); !ours {
			want = append(want, name)
		}
	}
	same(t, "flags", flags, want)
	for _, f := range r.Functions {
		functions = append(functions, f.Name)
	}
	same(t, "functions", functions, schema.FunctionNames())
	want = nil
	for _, m := range slices.Concat(trtllm.Metrics, trtllm.RecordMetrics) {
		want = append(want, m.Name)
	}
	for _, m := range r.Metrics {
		metrics = append(metrics, m.Name)
	}
	same(t, "metrics", metrics, want)
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (- code, + reference):\n%s", what, diff)
	}
}

// Writing out the default of an argument of a slurm executor changes nothing.
func TestReferenceDefaults(t *testing.T) {
	r := loadReference()
	location := func(...string) hcl.Range { return hcl.Range{} }
	configure := func(block, name, value string) *slurm.Config {
		body := ""
		if name != "" {
			body = name + " = " + value + "\n"
		}
		switch block {
		case "container":
			body = "container {\n" + strings.Replace("image_dir = \"/images\"\n"+body, "image_dir = \"/images\"\nimage_dir", "image_dir", 1) + "}\n"
		case "pack", "prepare":
			body = block + " {\n" + body + "}\n"
		}
		f, diags := hclsyntax.ParseConfig([]byte(body), "x.hcl", hcl.InitialPos)
		var v cty.Value
		if !diags.HasErrors() {
			v, diags = hcldec.Decode(f.Body, slurm.Spec(), nil)
		}
		if diags.HasErrors() {
			t.Fatalf("%s: %v", body, diags)
		}
		c, diags := slurm.Configure(v, location)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", body, diags)
		}
		return c
	}
	n := 0
	for _, b := range append(slices.Clone(r.Executors), r.Blocks...) {
		if b.Name != "slurm" && b.Parent != "slurm" {
			continue
		}
		for _, a := range b.Arguments {
			if a.Default == "" {
				continue
			}
			n++
			if diff := cmp.Diff(configure(b.Name, "", ""), configure(b.Name, a.Name, a.Default), cmp.AllowUnexported(slurm.Config{})); diff != "" {
				t.Errorf("%s.%s: the default is not %s:\n%s", b.Name, a.Name, a.Default, diff)
			}
		}
	}
	if n < 15 {
		t.Errorf("%d defaults were tried", n)
	}
}

func TestReference(t *testing.T) {
	var b bytes.Buffer
	found, err := Reference(&b, catalog.Load(), "enable_chunked_context")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	want := `argument enable_chunked_context of benchmark (flag of trtllm-bench)

  Split prompts over several iterations.

  type:         bool
  default:      true
`
	if b.String() != want {
		t.Errorf("got %s", b.String())
	}
	if found, _ := Reference(&b, catalog.Load(), "nothing"); found {
		t.Error("found nothing")
	}
}
