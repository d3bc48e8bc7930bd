package schema_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/schema"
)

// A product is a benchmark as the properties know it.
type product struct {
	rows    []string
	axes    map[string][]int
	names   []string
	exclude map[string]int // one term an axis
}

func genProduct(t *rapid.T) product {
	p := product{axes: map[string][]int{}, exclude: map[string]int{}}
	p.rows = rapid.SampledFrom([][]string{{"chat"}, {"chat", "reasoning"}, {"reasoning", "chat"}}).Draw(t, "rows")
	p.names = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"tp", "pp", "concurrency", "max_batch_size", "warmup", "own", "other"}), 1, 4, rapid.ID).Draw(t, "axes")
	for _, name := range p.names {
		p.axes[name] = rapid.SliceOfNDistinct(rapid.IntRange(1, 50), 1, 4, rapid.ID).Draw(t, name)
		if rapid.Bool().Draw(t, "exclude "+name) {
			p.exclude[name] = rapid.SampledFrom(p.axes[name]).Draw(t, "excluded "+name)
		}
	}
	return p
}

// blocks are the blocks of a file, one a string.
func (p product) blocks() []string {
	var b strings.Builder
	b.WriteString("benchmark \"b\" {\n  model = model.maverick\n  hardware = hardware.gb200x8\n  image = image.rc1\n  num_requests = local.twice\n")
	b.WriteString("  env = {\n")
	for _, name := range p.names {
		if name == "own" || name == "other" {
			fmt.Fprintf(&b, "    %s = each.%s\n", strings.ToUpper(name), name)
		}
	}
	b.WriteString("  }\n")
	for _, r := range p.rows {
		fmt.Fprintf(&b, "  use_case %q {}\n", r)
	}
	b.WriteString("  matrix {\n")
	for _, name := range p.names {
		list := strings.ReplaceAll(fmt.Sprint(p.axes[name]), " ", ", ")
		if name == "own" || name == "other" {
			fmt.Fprintf(&b, "    axis %q {\n      values = %s\n    }\n", name, list)
		} else {
			fmt.Fprintf(&b, "    %s = %s\n", name, list)
		}
	}
	if len(p.exclude) > 0 {
		b.WriteString("    exclude {\n")
		for _, name := range p.names {
			if v, ok := p.exclude[name]; ok {
				fmt.Fprintf(&b, "      %s = %d\n", name, v)
			}
		}
		b.WriteString("    }\n")
	}
	b.WriteString("  }\n}\n")
	return []string{b.String(), "locals {\n  twice = 2 * local.once\n}\n", "locals {\n  once = 500\n}\n", "variable \"unused\" {}\n"}
}

func (p product) size() (all, excluded int) {
	all, excluded = len(p.rows), 0
	for _, values := range p.axes {
		all *= len(values)
	}
	if len(p.exclude) > 0 {
		excluded = all
		for name := range p.exclude {
			excluded /= len(p.axes[name])
		}
	}
	return all, excluded
}

func load(t *rapid.T, base []byte, files map[string]string) (*schema.Definitions, bool) {
	dir, err := os.MkdirTemp("", "schema")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files["base.hcl"] = string(base)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	defs, diags := schema.Load(dir, options())
	if diags.HasErrors() {
		t.Logf("%s", render(defs, diags))
	}
	return defs, !diags.HasErrors()
}

func TestProduct(t *testing.T) {
	base, err := os.ReadFile("testdata/base.hcl")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := genProduct(t)
		all, excluded := p.size()
		blocks := p.blocks()
		defs, ok := load(t, base, map[string]string{"main.hcl": strings.Join(blocks, "")})
		if ok != (excluded < all) {
			t.Fatalf("ok = %v, %d of %d excluded", ok, excluded, all)
		}
		if !ok {
			return
		}
		if len(defs.Cells) != all-excluded || defs.Excluded != excluded {
			t.Fatalf("%d cells and %d excluded of %d - %d", len(defs.Cells), defs.Excluded, all, excluded)
		}
		addresses := map[string]bool{}
		for _, c := range defs.Cells {
			addresses[c.Address] = true
		}
		if len(addresses) != len(defs.Cells) {
			t.Fatal("an address twice")
		}
		split := map[string]string{}
		for i, at := range rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "order") {
			split[fmt.Sprintf("part%d.hcl", i)] = blocks[at]
		}
		other, ok := load(t, base, split)
		if !ok {
			t.Fatal("the split definitions have errors")
		}
		if d := cmp.Diff(essence(defs), essence(other)); d != "" {
			t.Fatalf("splitting over files changes cells:\n%s", d)
		}
	})
}

// essence is the cells without places.
func essence(defs *schema.Definitions) []string {
	var out []string
	for _, c := range defs.Cells {
		line := c.Address + asJSON(c.Options.Value) + fmt.Sprint(c.Env.Vars, c.Samples, c.TimeLimit)
		for _, f := range c.Version.Flags {
			if v := c.Args.Get(f.Name); v != cty.NilVal {
				line += " " + f.Name + "=" + asJSON(v)
				if o := c.Origin(f.Name); o != nil {
					line += o.From
				}
			}
		}
		out = append(out, line)
	}
	return out
}
