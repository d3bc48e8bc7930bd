package schema_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/llmbench/llmbench/schema"
)

var update = flag.Bool("update", false, "write the want files of testdata/load")

// TestLoad loads the files of each archive and compares diagnostics and cells
// with its file "want". The file "setup" has a line each of
//
//	nobase                 leave testdata/base.hcl out
//	var NAME=VALUE         as -var
//	env NAME=VALUE         an environment variable
//	varfile PATH           as -var-file
//	show ARGUMENT …        values to print behind addresses
//	decode [OVERRIDE]      choose an executor for the first cell and decode it
func TestLoad(t *testing.T) {
	archives, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	base, err := os.ReadFile("testdata/base.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			path, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := runArchive(t, ar, base)
			want := ""
			for i, f := range ar.Files {
				if f.Name == "want" {
					want = string(f.Data)
					ar.Files[i].Data = []byte(got)
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

type setup struct {
	nobase bool
	opts   schema.Options
	show   []string
	decode *string
}

func readSetup(t *testing.T, ar *txtar.Archive) setup {
	s := setup{opts: options()}
	for _, f := range ar.Files {
		if f.Name != "setup" {
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch verb {
			case "nobase":
				s.nobase = true
			case "var":
				s.opts.Vars = append(s.opts.Vars, arg)
			case "env":
				s.opts.Environ = append(s.opts.Environ, arg)
			case "varfile":
				s.opts.VarFiles = append(s.opts.VarFiles, arg)
			case "show":
				s.show = strings.Fields(arg)
			case "decode":
				s.decode = &arg
			default:
				t.Fatalf("setup: %q", line)
			}
		}
	}
	return s
}

func runArchive(t *testing.T, ar *txtar.Archive, base []byte) string {
	s := readSetup(t, ar)
	t.Chdir(t.TempDir())
	if !s.nobase {
		writeFile(t, "base.hcl", base)
	}
	for _, f := range ar.Files {
		if strings.HasSuffix(f.Name, ".hcl") || strings.HasSuffix(f.Name, ".vars") {
			writeFile(t, f.Name, f.Data)
		}
	}
	defs, diags := schema.Load(".", s.opts)
	var out strings.Builder
	out.WriteString(render(defs, diags))
	if diags.HasErrors() {
		return out.String()
	}
	for _, c := range defs.Cells {
		out.WriteString(c.Address)
		for _, name := range s.show {
			fmt.Fprintf(&out, " %s=%s", name, shown(c, name))
		}
		out.WriteString("\n")
	}
	if defs.Excluded > 0 {
		fmt.Fprintf(&out, "excluded %d\n", defs.Excluded)
	}
	if s.decode != nil {
		out.WriteString(decoded(defs, *s.decode))
	}
	return out.String()
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// shown is a value of a cell as the want files have it, with where it comes
// from.
func shown(c *schema.Cell, name string) string {
	from := ""
	if o := c.Origin(name); o != nil {
		from = fmt.Sprintf("(%s:%d)", o.From, o.Range.Start.Line)
	}
	switch {
	case name == "llm_api_options":
		return asJSON(c.Options.Value)
	case name == "env":
		return fmt.Sprint(c.Env.Vars)
	case name == "limits":
		return fmt.Sprintf("%d/%d/%g/%s", c.Samples, c.MaxSamples, c.Precision, c.TimeLimit)
	case name == "executor":
		return c.Executor + from
	case name == "image":
		return fmt.Sprintf("%s@%s(%s)", c.Image.Name, c.Image.Digest, c.Image.TRTLLMVersion)
	case strings.Contains(name, "."):
		return from
	}
	v := c.Args.Get(name)
	if v == cty.NilVal {
		return "absent"
	}
	return asJSON(v) + from
}

func asJSON(v cty.Value) string {
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func decoded(defs *schema.Definitions, override string) string {
	var out strings.Builder
	e, diags := defs.ChooseExecutor(defs.Cells[0], override)
	out.WriteString(render(defs, diags))
	if e == nil {
		return out.String()
	}
	v, missing, diags := defs.DecodeExecutor(e)
	out.WriteString(render(defs, diags))
	if diags.HasErrors() {
		return out.String()
	}
	fmt.Fprintf(&out, "%s %s\n", e.Ref(), asJSON(v))
	for _, m := range missing {
		fmt.Fprintf(&out, "missing %s for %s at %s: %q\n", m.Variable, m.Argument, m.Range, defs.WaysToSet(m.Variable))
	}
	return out.String()
}
