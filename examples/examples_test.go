package examples_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/examples"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// load reads a recipe. Bodies of executors are not of interest here.
func load(t *testing.T, name string) *schema.Definitions {
	t.Helper()
	body := &hcldec.LiteralSpec{Value: cty.EmptyObjectVal}
	defs, diags := schema.Load(name, schema.Options{
		Version: "0.1.0", Catalog: catalog.Load(), Executors: map[string]hcldec.Spec{"slurm": body, "simulate": body},
	})
	if len(diags) > 0 {
		t.Fatalf("%s: %v", name, diags)
	}
	return defs
}

func TestRecipes(t *testing.T) {
	var names []string
	for _, r := range examples.Recipes() {
		names = append(names, r.Name)
		if !strings.HasSuffix(r.About, ".") || len(r.About) < 20 {
			t.Errorf("%s is about %q, want a sentence", r.Name, r.About)
		}
		sources, err := examples.Files(r.Name)
		if err != nil {
			t.Error(err)
		}
		for name, src := range sources {
			if !bytes.Equal(src, schema.Format(src)) {
				t.Errorf("%s is not in canonical layout", filepath.Join(r.Name, name))
			}
		}
	}
	if want := []string{"declared-cells", "llama4-maverick", "llama4-maverick-25.08", "search", "sweep"}; !slices.Equal(names, want) {
		t.Errorf("recipes are %v, want %v", names, want)
	}
}

// number is an argument that is a number; null is -2.
func number(c *schema.Cell, name string) float64 {
	v := c.Args.Get(name)
	if v.IsNull() {
		return -2
	}
	f, _ := v.AsBigFloat().Float64()
	return f
}

func TestPublishedTables(t *testing.T) {
	type row struct {
		useCase                                 string
		isl, osl                                int
		tokens, concurrency, requests, fraction float64
		limit                                   time.Duration
	}
	for recipe, data := range map[string][]row{
		"llama4-maverick": {
			{"reasoning", 1000, 1000, 8192, -1, 4000, 0.9, 30 * time.Minute},
			{"chat", 128, 128, 8192, -1, 4000, 0.9, 30 * time.Minute},
			{"summarization", 8000, 512, 22528, -1, 4000, 0.9, 30 * time.Minute},
			{"generation", 512, 8000, 2048, -1, 4000, 0.9, 40 * time.Minute},
		},
		"llama4-maverick-25.08": {
			{"reasoning", 1000, 1000, 8192, 4096, 16384, 0.9, 30 * time.Minute},
			{"chat", 128, 128, 8192, 4096, 16384, 0.9, 30 * time.Minute},
			{"summarization", 8000, 512, 22528, 1024, 4096, 0.85, 30 * time.Minute},
			{"generation", 512, 8000, 2048, 1024, 2048, 0.9, 40 * time.Minute},
		},
	} {
		cells := load(t, recipe).Cells
		if len(cells) != len(data) {
			t.Fatalf("%s has %d runs", recipe, len(cells))
		}
		for i, c := range cells {
			want := data[i]
			got := row{
				c.UseCase.Label, c.UseCase.ISL, c.UseCase.OSL, number(c, "max_num_tokens"), number(c, "concurrency"),
				number(c, "num_requests"), number(c, "kv_cache_free_gpu_mem_fraction"), c.TimeLimit,
			}
			if got != want || c.Address != "max_throughput/use_case="+want.useCase {
				t.Errorf("%s: %s is %+v, want %+v", recipe, c.Address, got, want)
			}
			for name, want := range map[string]float64{"tp": 8, "pp": 1, "ep": 8, "max_batch_size": 896, "warmup": 0} {
				if got := number(c, name); got != want {
					t.Errorf("%s: %s: %s is %g, want %g", recipe, c.Address, name, got, want)
				}
			}
			if c.Args.Get("streaming").False() || c.Options.Value.GetAttr("enable_attention_dp").False() {
				t.Errorf("%s: %s: streaming or attention data parallelism is off", recipe, c.Address)
			}
			hw, m := c.Hardware, c.Model
			if _, exact := catalog.Load().NearestCell(m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode); !exact {
				t.Errorf("%s: %s is not a supported cell", recipe, c.Address)
			}
		}
	}
}

// The cells are declared beside the definitions: none is supported.
func TestDeclaredCells(t *testing.T) {
	defs := load(t, "declared-cells")
	if len(defs.Cells) != 13 {
		t.Errorf("%d runs, want 13", len(defs.Cells))
	}
	for _, c := range defs.Cells {
		hw, m := c.Hardware, c.Model
		cell, exact := defs.Catalog.NearestCell(m.Checkpoint, m.Quantization, hw.GPU, hw.GPUs, hw.GPUsPerNode)
		if !exact || cell.From != "facts.catalog.hcl" {
			t.Errorf("%s: its cell is from %q, exactly %v", c.Address, cell.From, exact)
		}
	}
}

func TestSweep(t *testing.T) {
	defs := load(t, "sweep")
	if len(defs.Cells) != 20 || defs.Excluded != 4 {
		t.Errorf("%d runs and %d excluded, want 20 and 4", len(defs.Cells), defs.Excluded)
	}
	for _, c := range defs.Cells {
		concurrency, requests := number(c, "concurrency"), number(c, "num_requests")
		if requests != max(4000, 4*concurrency) {
			t.Errorf("%s sends %g requests", c.Address, requests)
		}
		backend := c.Options.Value.GetAttr("moe_config").GetAttr("backend").AsString()
		if !strings.HasSuffix(c.Address, "/moe_backend="+backend) {
			t.Errorf("%s runs the backend %s", c.Address, backend)
		}
	}
}
