package catalog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// The texts in testdata/probe have the form of click's help with click-option-group and
// the options of tensorrt_llm/commands/bench.py and bench/benchmark/throughput.py: at
// 000a01de for 1.0.0rc4, 56851033 for 1.1.0, 0c9a37db for 1.2.0 and of the published page
// of 1.3.0rc26. Descriptions are our own, and of the LLM API's arguments there are a few.
// What is written of an image must be what the catalogue says of that version.
func TestProbe(t *testing.T) {
	for _, name := range []string{"1.0.0rc4", "1.1.0", "1.2.0", "1.3.0rc26"} {
		out, err := os.ReadFile(filepath.Join("testdata", "probe", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		const own = "1.9.0" // as if it were not catalogued
		out = []byte(strings.Replace(string(out), "== version\n"+name, "== version\n"+own, 1))
		p, err := ReadProbe(out)
		if err != nil {
			t.Fatal(err)
		}
		src := p.Facts(Load(), "reg/image:"+own)
		file, diags := Parse(src, "probed"+Suffix)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, src)
		}
		c, diags := Load().Extend([]*hcl.File{file})
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, src)
		}
		got, _ := c.Version(own)
		want := version(t, name)
		for _, f := range want.Flags {
			g, ok := got.Flag(f.Name)
			if !ok || g.Type != f.Type || g.Off != f.Off && f.Name != "telemetry" || g.Global != f.Global || g.Ours != f.Ours || g.AliasOf != f.AliasOf || !slices.Equal(g.Values, f.Values) {
				t.Errorf("%s: --%s is %+v, want %+v", name, f.Name, g, f)
			}
		}
		if len(got.Flags) != len(want.Flags) {
			t.Errorf("%s: %d flags, want %d", name, len(got.Flags), len(want.Flags))
		}
		if o, ok := got.Option("scheduler_config.capacity_scheduler_policy"); !ok || o.Overrides != "scheduler_policy" || len(o.Values) != 3 {
			t.Errorf("%s: %+v", name, o)
		}
		if o, ok := got.Option("cuda_graph_config.batch_sizes"); !ok || o.Type != "list(int)" {
			t.Errorf("%s: %+v", name, o)
		}
		if _, ok := got.Option("enable_energy_metrics"); ok != (name == "1.3.0rc26") {
			t.Errorf("%s: energy metrics %v", name, ok)
		}
	}
}

func TestProbeThatFails(t *testing.T) {
	for text, want := range map[string]string{
		"== version\n1.1.0\n== trtllm-bench --help\nImportError: libcuda.so.1": "libcuda.so.1",
		"bash: python3: command not found":                                     "command not found",
		"== version\nmain\n== end\n":                                           `"main"`,
		"== version\n1.1.0\n== trtllm-bench --help\n== end\n":                  "names no flag",
	} {
		if _, err := ReadProbe([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
