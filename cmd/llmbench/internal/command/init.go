package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/urfave/cli/v3"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/examples"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/schema/regular"
)

func initCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "create definitions from a recipe", ArgsUsage: "[DIR]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Value: "llama4-maverick", Usage: "start from the recipe `NAME`, which may end in its hardware: llama4-maverick-gb200x8"},
			&cli.BoolFlag{Name: "list", Usage: "list the recipes"},
			&cli.StringFlag{Name: "account", Usage: "charge Slurm account `NAME`"},
			&cli.StringFlag{Name: "partition", Usage: "run in Slurm partition `NAME`"},
			&cli.StringFlag{Name: "prepare-partition", Usage: "download weights and images in jobs of partition `NAME`, which needs no GPU"},
			&cli.StringFlag{Name: "install-dir", Usage: "find weights and images below `DIR`"},
		},
		Description: description([]string{"llmbench init -list", "llmbench init -from=llama4-maverick-gb200x8 -account=perf -install-dir=/lustre/llmb my-benchmark"},
			"0  the directory is ready", "1  error; nothing was overwritten"),
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.Bool("list") {
				return view.Recipes(e.streams.Out, examples.Recipes())
			}
			dir := "."
			if c.Args().Len() > 1 {
				return tooMany(c)
			}
			if c.Args().Len() == 1 {
				dir = c.Args().First()
			}
			given := siteValues{}
			for _, name := range []string{"account", "partition", "prepare-partition", "install-dir"} {
				given[name] = c.String(name)
			}
			return e.runInit(ctx, dir, c.String("from"), given)
		},
	}
}

const gitignore = `.llmbench/

*.plan

report.html

*.auto.vars

`

func (e *env) runInit(ctx context.Context, dir, recipe string, given siteValues) error {
	files, err := examples.Files(recipe)
	if err != nil {
		return fmt.Errorf("%w; `llmbench init -list` lists the recipes", err)
	}
	if err := refuseExisting(dir); err != nil {
		return err
	}
	values, notes, err := e.siteValues(ctx, given)
	if err != nil {
		return err
	}
	if err := values.into(files); err != nil {
		return err
	}
	files[".gitignore"] = []byte(gitignore)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	written, err := writeNew(dir, files)
	if err != nil {
		return err
	}
	return view.Initialised(e.streams.Out, dir, recipe, notes, written)
}

// refuseExisting keeps init from mixing two sets of definitions.
func refuseExisting(dir string) error {
	have, _ := filepath.Glob(filepath.Join(dir, "*.hcl")) // the pattern is well formed
	if len(have) > 0 {
		return fmt.Errorf("%s has definitions already (%s); init writes into a directory without any", dir, filepath.Base(have[0]))
	}
	return nil
}

// writeNew writes the files that are not there yet and returns their names.
func writeNew(dir string, files map[string][]byte) ([]string, error) {
	var written []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return written, err
		}
		if _, err := f.Write(files[name]); err != nil {
			f.Close()
			return written, err
		}
		if err := f.Close(); err != nil {
			return written, err
		}
		written = append(written, name)
	}
	return written, nil
}

// siteValues are what differs from site to site, by the flag of each; "" is not known.
type siteValues map[string]string

// or fills in what is not known.
func (v siteValues) or(otherwise siteValues) siteValues {
	out := maps.Clone(otherwise)
	for name, value := range v {
		out[name] = cmp.Or(value, out[name])
	}
	return out
}

// siteValues are what the flags give, else what an llmb installation says; on a
// terminal the user is asked for the rest, with what Slurm says to choose from.
// notes say what the installation gave.
func (e *env) siteValues(ctx context.Context, given siteValues) (values siteValues, notes []string, err error) {
	found, notes, err := e.installation()
	if err != nil || !e.streams.Interactive {
		return given.or(found), notes, err
	}
	account, partition := slurm.Offered(ctx)
	found = found.or(siteValues{"account": account, "partition": partition})
	for _, ask := range [][2]string{
		{"account", "Slurm account to charge"},
		{"partition", "Slurm partition with the GPUs"},
		{"install-dir", "Folder with weights and images, on a file system that all nodes share"},
	} {
		if name := ask[0]; given[name] == "" {
			given[name] = e.streams.Ask(ask[1], found[name])
		}
	}
	return given.or(siteValues{"prepare-partition": found["prepare-partition"]}), notes, nil
}

// into writes the values into a recipe's files: into the file that is not shared, and
// a partition for downloads into the executor.
func (v siteValues) into(files map[string][]byte) error {
	files["site.auto.vars"] = []byte(v.vars())
	partition := v["prepare-partition"]
	for name, src := range files {
		if filepath.Ext(name) != ".hcl" {
			continue
		}
		f, diags := hclwrite.ParseConfig(src, name, hcl.InitialPos)
		if diags.HasErrors() {
			return diags
		}
		for _, b := range f.Body().Blocks() {
			if partition != "" && b.Type() == "executor" && len(b.Labels()) > 0 && b.Labels()[0] == slurm.Type {
				b.Body().AppendNewline()
				b.Body().AppendNewBlock("prepare", nil).Body().SetAttributeValue("partition", cty.StringVal(partition))
			}
		}
		files[name] = hclwrite.Format(f.Bytes())
	}
	return nil
}

// vars is the file of the values that are not shared; what is not known stands
// in a comment.
func (v siteValues) vars() string {
	line := func(name, value, example, variable string) string {
		if value == "" {
			return fmt.Sprintf("# %-11s = %-18q # or %s\n", name, example, variable)
		}
		f := hclwrite.NewEmptyFile()
		f.Body().SetAttributeValue(name, cty.StringVal(value))
		return string(f.Bytes())
	}
	text := "# What differs from site to site. This file is in .gitignore: definitions are\n" +
		"# shared, accounts and paths are yours. Environment variables work as well.\n\n" +
		line("account", v["account"], "my-account", "SBATCH_ACCOUNT") +
		line("partition", v["partition"], "batch", "SBATCH_PARTITION") +
		line("executor", "", "simulate", "LLMBENCH_EXECUTOR") +
		line("install_dir", v["install-dir"], "/lustre/llmb", "LLMB_INSTALL")
	return string(hclwrite.Format([]byte(text)))
}

// installationFile is what the recipes' own installer leaves, in its folder.
const installationFile = "cluster_config.yaml"

// installation is what an existing llmb installation says: that of LLMB_INSTALL, or of
// the working directory. There may be none. notes say what was read, and where it stands:
// an account may look like a number, and is taken as it is written.
func (e *env) installation() (in siteValues, notes []string, err error) {
	in = siteValues{"install-dir": e.getenv("LLMB_INSTALL")}
	path := filepath.Join(in["install-dir"], installationFile)
	text, err := regular.Read(path, regular.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return in, nil, nil
	}
	if err != nil {
		return in, nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return in, nil, fmt.Errorf("%s: %w", path, err)
	}
	note := func(format string, args ...any) { notes = append(notes, "  "+fmt.Sprintf(format, args...)) }
	first := func(flag, what string, names ...string) {
		for _, name := range names {
			at := &doc
			for key := range strings.SplitSeq(name, ".") {
				at = child(at, key)
			}
			switch {
			case at == nil || at.ShortTag() == "!!null" || at.Kind == yaml.ScalarNode && at.Value == "":
			case at.Kind != yaml.ScalarNode || !strings.HasPrefix(at.ShortTag(), "!!"):
				note("%s is not a plain value (line %d); left out", name, at.Line)
			default:
				note("%s = %q (%s, line %d)", what, at.Value, name, at.Line)
				in[flag] = at.Value
				return
			}
		}
		note("no %s there", what)
	}
	notes = []string{fmt.Sprintf("Read %s:", path)}
	if dir := in["install-dir"]; dir != "" {
		note("install_dir = %q (LLMB_INSTALL)", dir)
	} else {
		first("install-dir", "install_dir", "llmb_install", "launcher.llmb_install")
	}
	first("account", "account", "slurm.gpu.account", "slurm.common.account", "slurm.account", "launcher.account")
	first("partition", "partition", "slurm.gpu.partition", "slurm.common.partition", "slurm.gpu_partition", "launcher.gpu_partition")
	first("prepare-partition", "prepare partition", "slurm.cpu.partition", "slurm.cpu_partition", "launcher.cpu_partition")
	return in, notes, nil
}

// child is the value of a key, nil where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n != nil && n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		if v := n.Content[i+1]; v.Kind != yaml.AliasNode {
			return v
		}
		return n.Content[i+1].Alias
	}
	return nil
}
