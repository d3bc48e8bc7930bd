package plan_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A fixedRenderer submits what names the run.
type fixedRenderer struct{}

func (fixedRenderer) Identity() plan.ExecutorIdentity {
	return plan.ExecutorIdentity{Launcher: []string{"srun", "trtllm-bench"}, MPI: "pmix"}
}

func (fixedRenderer) Packing() *plan.Packing { return nil }

func (fixedRenderer) Job(runs ...*plan.Run) *plan.Job {
	r := runs[0]
	return &plan.Job{Name: r.Fingerprint[:12], Runs: []string{r.Address}, Argv: []string{"sbatch", r.Command().Argv[0]}, Script: "# " + r.Address}
}

func (fixedRenderer) Describe() string { return "fixed" }

const matrixBase = `
executor "fixed" "here" {}
model "m" {
  checkpoint   = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8"
  quantization = "FP8"
}
hardware "h" {
  gpu           = "GB200"
  gpus          = 8
  gpus_per_node = 4
}
image "a" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc1"
  llm_api_options = { enable_attention_dp = true, cuda_graph_batch_sizes = [1, 8, 64, 896], cuda_graph_padding_enabled = true }
}
image "b" {
  name = "nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4"
}
use_case "even" {
  isl = 1000
  osl = 100
}
use_case "uneven" {
  isl       = 300
  osl       = 50
  isl_stdev = 40
}
benchmark "load" {
  model        = model.m
  hardware     = hardware.h
  time_limit   = "4h"
  tp           = 8
  ep           = 8
  num_requests = max(100, 2 * each.concurrency)
  env          = { LEVEL = each.level, NCCL_MNNVL_ENABLE = each.level == "INFO" ? "0" : "1" }
  llm_api_options = { stream_interval = each.interval }
  use_case "even" {}
  use_case "uneven" {
    warmup = 10
  }
  matrix {
%s  }
}
`

// matrices draws a matrix in which arguments, options and environment differ.
func matrices(t *rapid.T) string {
	left := 3 // axes with several values
	axis := func(name string, values ...string) string {
		n := 1
		if left > 0 {
			n = rapid.IntRange(1, len(values)).Draw(t, name)
		}
		if n > 1 {
			left--
		}
		list := rapid.Permutation(values).Draw(t, name+" values")[:n]
		text := ""
		for i, v := range list {
			if i > 0 {
				text += ", "
			}
			text += v
		}
		return "[" + text + "]"
	}
	arguments := ""
	for _, ax := range [][]string{
		{"image", "image.a", "image.b"}, {"concurrency", "-1", "8", "64"}, {"streaming", "true", "false"},
		{"max_batch_size", "16", "896"}, {"max_num_tokens", "4096", "8192"}, {"kv_cache_free_gpu_mem_fraction", "0.5", "0.9"},
	} {
		arguments += "    " + ax[0] + " = " + axis(ax[0], ax[1:]...) + "\n"
	}
	return fmt.Sprintf(matrixBase, arguments+
		"    axis \"interval\" {\n      values = "+axis("interval", "1", "4")+"\n    }\n"+
		"    axis \"level\" {\n      values = "+axis("level", `"INFO"`, `"WARN"`)+"\n    }\n")
}

// planOf plans the definitions in dir, or their run at one address as if it were
// the only one.
func planOf(t *rapid.T, dir string, only string) []*plan.Run {
	defs, diags := schema.Load(dir, schema.Options{
		Executors: map[string]hcldec.Spec{"fixed": hcldec.ObjectSpec{}}, Version: "1", Catalog: catalog.Load(),
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if only != "" {
		defs.Cells = slices.DeleteFunc(defs.Cells, func(c *schema.Cell) bool { return c.Address != only })
	}
	p, diags := plan.Build(plan.Request{
		Definitions: defs, Catalog: catalog.Load(),
		Place: func(*schema.Cell) (plan.Placement, hcl.Diagnostics) {
			return plan.Placement{Ref: plan.ExecutorRef{Type: "fixed", Name: "here"}, Renderer: fixedRenderer{}, Cluster: "c"}, nil
		},
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p.Runs
}

func documentOf(t *rapid.T, runs ...*plan.Run) string {
	p := plan.Empty("1")
	p.Runs = runs
	var b bytes.Buffer
	if err := document.Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A run is the same whether it is planned among others, with which it shares
// parts, or alone.
func TestSharedPartsChangeNoRun(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(matrices(t)), 0o644); err != nil {
			t.Fatal(err)
		}
		all := planOf(t, dir, "")
		for _, r := range all {
			for name, v := range r.Arguments {
				hasOrigin(t, r, name, v)
			}
			hasOrigin(t, r, "llm_api_options", r.LLMAPIOptions)
		}
		for range min(len(all), 4) {
			r := all[rapid.IntRange(0, len(all)-1).Draw(t, "run")]
			alone := planOf(t, dir, r.Address)
			if len(alone) != 1 {
				t.Fatalf("%d runs at %s", len(alone), r.Address)
			}
			asAlone(r)
			asAlone(alone[0])
			if d := cmp.Diff(documentOf(t, alone...), documentOf(t, r)); d != "" {
				t.Fatalf("%s alone and among others:\n%s", r.Address, d)
			}
			if got := plan.NewIdentity(r, fixedRenderer{}.Identity()).Fingerprint(); got != r.Fingerprint {
				t.Fatalf("%s: the fingerprint is %s, its identity's %s", r.Address, r.Fingerprint, got)
			}
		}
	})
}

// asAlone takes away that other runs set what this one does not.
func asAlone(r *plan.Run) {
	e := *r.Estimate
	e.NotModelled = maps.Clone(e.NotModelled)
	maps.DeleteFunc(e.NotModelled, func(_ string, v any) bool { return v == nil })
	if len(e.NotModelled) == 0 {
		e.NotModelled = nil
		r.Notes = slices.DeleteFunc(slices.Clone(r.Notes), func(n plan.Note) bool { return n.Code == failure.NotModelled })
	}
	r.Estimate = &e
}

// hasOrigin wants every value that is passed to say where it was set.
func hasOrigin(t *rapid.T, r *plan.Run, name string, v any) {
	if obj, ok := v.(map[string]any); ok {
		for k, e := range obj {
			hasOrigin(t, r, name+"."+k, e)
		}
		return
	}
	if r.Origins.At(name).From == "" && v != nil {
		t.Fatalf("%s: %s = %v has no origin", r.Address, name, v)
	}
}

// BenchmarkBuild plans 10,000 runs of 100 loads.
func BenchmarkBuild(b *testing.B) {
	build := manyRuns(b)
	b.ReportAllocs()
	for b.Loop() {
		build()
	}
}

// BenchmarkWrite writes the document of 10,000 runs.
func BenchmarkWrite(b *testing.B) {
	p := manyRuns(b)()
	b.ReportAllocs()
	for b.Loop() {
		if err := document.Write(io.Discard, p); err != nil {
			b.Fatal(err)
		}
	}
}

// manyRuns returns what plans 10,000 runs of 100 loads.
func manyRuns(b *testing.B) func() *plan.Plan {
	dir := b.TempDir()
	text := fmt.Sprintf(matrixBase, `
    image          = [image.b]
    max_num_tokens = [8192]
    concurrency    = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
    max_batch_size = [128, 256, 512, 768, 896]
    axis "interval" {
      values = range(1, 51)
    }
    axis "level" {
      values = ["INFO", "WARN"]
    }
`)
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	defs, diags := schema.Load(dir, schema.Options{
		Executors: map[string]hcldec.Spec{"fixed": hcldec.ObjectSpec{}}, Version: "1", Catalog: catalog.Load(),
	})
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	return func() *plan.Plan {
		p, diags := plan.Build(plan.Request{
			Definitions: defs, Catalog: catalog.Load(),
			Place: func(*schema.Cell) (plan.Placement, hcl.Diagnostics) {
				return plan.Placement{Ref: plan.ExecutorRef{Type: "fixed", Name: "here"}, Renderer: fixedRenderer{}, Cluster: "c"}, nil
			},
		})
		if diags.HasErrors() || len(p.Runs) != 10_000 {
			b.Fatal(len(p.Runs), diags)
		}
		return p
	}
}
