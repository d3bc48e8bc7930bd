package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// planRows plan matrices.
func planRows() []*row {
	sizes := []int{1000, 10_000, 100_000}
	plan := func(name, work string, counts int, targets []target, args ...string) *row {
		return &row{
			name: name, work: work, unit: "runs", sizes: sizes, counts: counts, growing: true,
			prepare:   prepareMatrix,
			do:        func(l *lab, size int) (sample, error) { return l.llmbench(append(args, matrixDir(l, size))...) },
			floorName: "hcl and cty alone",
			floor:     func(l *lab, size int) (sample, error) { return l.child("hcl", size) },
			targets:   targets,
		}
	}
	tenth := plan("Plan10k", "plan of a 10,000-run matrix", 10_000, []target{seconds(1)}, "plan")
	tenth.sizes = sizes[:2]
	document := plan("PlanJSON", "the same as JSON", 100_000, []target{memory(512)}, "plan", "-json")
	document.rounds = 2
	return []*row{
		tenth,
		plan("Plan", "plan of a 100,000-run matrix", 100_000, []target{seconds(10), memory(512)}, "plan"),
		document,
		sweepRow(),
	}
}

// sweepRow plans 1,000 cells of which each loads the machine in its own way.
func sweepRow() *row {
	return &row{
		name: "Sweep", work: "sweep of 1,000 loads, all simulated", unit: "runs", sizes: []int{250, 500, 1000}, counts: 1000, growing: true,
		prepare: func(l *lab, size int) error {
			return writeMatrix(l.path(fmt.Sprint("sweep-", size)), fmt.Sprintf(`
    concurrency = [for i in range(1, %d) : 8 * i]
    max_batch_size = [512, 896]
`, size/4+1))
		},
		do:      func(l *lab, size int) (sample, error) { return l.llmbench("plan", l.path(fmt.Sprint("sweep-", size))) },
		targets: []target{seconds(30)},
	}
}

func matrixDir(l *lab, size int) string { return l.path(fmt.Sprint("matrix-", size)) }

// prepareMatrix writes a matrix of as many runs: two use cases, concurrency,
// streaming and batch size as arguments, and an option swept through an axis of
// its own.
func prepareMatrix(l *lab, size int) error {
	return writeMatrix(matrixDir(l, size), matrixAxes(size))
}

func matrixAxes(size int) string {
	return fmt.Sprintf(`
    concurrency    = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
    streaming      = [true, false]
    max_batch_size = [128, 256, 512, 768, 896]
    axis "interval" {
      values = range(1, %d)
    }
`, size/200+1)
}

func writeMatrix(dir, axes string) error {
	example, err := os.ReadFile("examples/sweep/main.hcl")
	if err != nil {
		return err
	}
	base, _, _ := strings.Cut(string(example), "\nbenchmark ")
	interval := ""
	if strings.Contains(axes, `axis "interval"`) {
		interval = "\n  llm_api_options = {\n    stream_interval = each.interval\n  }\n"
	}
	text := base + `
benchmark "load" {
  model      = model.llama4_maverick
  hardware   = hardware.gb200x8
  image      = image.rc4
  time_limit = "4h"

  tp             = 8
  ep             = 8
  max_num_tokens = 8192
  warmup         = 10
  num_requests   = max(4000, 4 * each.concurrency)
` + interval + `
  use_case "reasoning" {}
  use_case "chat" {}

  matrix {` + axes + `  }
}
`
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return os.WriteFile(dir+"/main.hcl", []byte(text), 0o666)
}

func init() {
	// The floor: the expressions of a benchmark evaluated for each run, and no
	// more.
	children["hcl"] = func(size int, _ []string) (sample, error) {
		expr, diags := hclsyntax.ParseExpression([]byte(
			`{ num_requests = each.concurrency > 1000 ? 4 * each.concurrency : 4000, concurrency = each.concurrency, streaming = each.streaming, tp = 8, ep = 8, max_num_tokens = 8192, llm_api_options = { stream_interval = each.concurrency } }`,
		), "bench.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			return sample{}, diags
		}
		for i := range size {
			ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{
				"concurrency": cty.NumberIntVal(int64(i)), "streaming": cty.BoolVal(i%2 == 0),
			})}}
			if _, diags := expr.Value(ctx); diags.HasErrors() {
				return sample{}, diags
			}
		}
		return sample{}, nil
	}
}
