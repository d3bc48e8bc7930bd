package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
			given := siteValues{
				Account: c.String("account"), Partition: c.String("partition"),
				PreparePartition: c.String("prepare-partition"), InstallDir: c.String("install-dir"),
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
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	written, err := writeNew(dir, names, files)
	if err != nil {
		return err
	}
	return view.Initialised(e.streams.Out, dir, recipe, notes, written)
}

// refuseExisting keeps init from mixing two sets of definitions.
func refuseExisting(dir string) error {
	have, err := filepath.Glob(filepath.Join(dir, "*.hcl"))
	if err != nil {
		return err
	}
	if len(have) > 0 {
		return fmt.Errorf("%s has definitions already (%s); init writes into a directory without any", dir, filepath.Base(have[0]))
	}
	return nil
}

// writeNew writes the files that are not there yet and returns their names.
func writeNew(dir string, names []string, files map[string][]byte) ([]string, error) {
	var written []string
	for _, name := range slices.Sorted(slices.Values(names)) {
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

// siteValues are what differs from site to site; "" is not known.
type siteValues struct {
	Account, Partition, PreparePartition, InstallDir string
}

// or fills in what is not known.
func (v siteValues) or(otherwise siteValues) siteValues {
	fill := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	fill(&v.Account, otherwise.Account)
	fill(&v.Partition, otherwise.Partition)
	fill(&v.PreparePartition, otherwise.PreparePartition)
	fill(&v.InstallDir, otherwise.InstallDir)
	return v
}

// siteValues are what the flags give, else what an llmb installation says; on a
// terminal the user is asked for the rest, with what Slurm says to choose from.
// notes say what the installation gave.
func (e *env) siteValues(ctx context.Context, given siteValues) (values siteValues, notes []string, err error) {
	in, err := e.installation()
	if err != nil {
		return siteValues{}, nil, err
	}
	if !e.streams.Interactive {
		return given.or(in.siteValues), in.notes, nil
	}
	account, partition := slurm.Offered(ctx)
	found := in.or(siteValues{Account: account, Partition: partition})
	ask := func(have *string, question, otherwise string) {
		if *have == "" {
			*have = e.streams.Ask(question, otherwise)
		}
	}
	ask(&given.Account, "Slurm account to charge", found.Account)
	ask(&given.Partition, "Slurm partition with the GPUs", found.Partition)
	ask(&given.InstallDir, "Folder with weights and images, on a file system that all nodes share", found.InstallDir)
	return given.or(siteValues{PreparePartition: found.PreparePartition}), in.notes, nil
}

// into writes the values into a recipe's files: into the file that is not shared, and
// a partition for downloads into the executor.
func (v siteValues) into(files map[string][]byte) error {
	files["site.auto.vars"] = []byte(v.vars())
	for name, src := range files {
		if filepath.Ext(name) != ".hcl" {
			continue
		}
		f, diags := hclwrite.ParseConfig(src, name, hcl.InitialPos)
		if diags.HasErrors() {
			return diags
		}
		for _, b := range f.Body().Blocks() {
			if b.Type() == "executor" && len(b.Labels()) > 0 && b.Labels()[0] == slurm.Type {
				v.intoExecutor(b.Body())
			}
		}
		files[name] = hclwrite.Format(f.Bytes())
	}
	return nil
}

func (v siteValues) intoExecutor(body *hclwrite.Body) {
	if v.PreparePartition != "" {
		body.AppendNewline()
		body.AppendNewBlock("prepare", nil).Body().SetAttributeValue("partition", cty.StringVal(v.PreparePartition))
	}
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
		line("account", v.Account, "my-account", "SBATCH_ACCOUNT") +
		line("partition", v.Partition, "batch", "SBATCH_PARTITION") +
		line("executor", "", "simulate", "LLMBENCH_EXECUTOR") +
		line("install_dir", v.InstallDir, "/lustre/llmb", "LLMB_INSTALL")
	return string(hclwrite.Format([]byte(text)))
}

// installationFile is what the recipes' own installer leaves, in its folder.
const installationFile = "cluster_config.yaml"

// An installation is what an existing llmb installation says: that of
// LLMB_INSTALL, or of the working directory. There may be none.
type installation struct {
	siteValues
	// notes say what was read, and where it stands.
	notes []string
}

func (e *env) installation() (installation, error) {
	var in installation
	for _, pair := range e.environ {
		if dir, ok := strings.CutPrefix(pair, "LLMB_INSTALL="); ok {
			in.InstallDir = dir
		}
	}
	path := filepath.Join(in.InstallDir, installationFile)
	text, err := regular.Read(path, regular.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return in, nil
	}
	if err != nil {
		return in, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return in, fmt.Errorf("%s: %w", path, err)
	}
	in.notes = append(in.notes, fmt.Sprintf("Read %s:", path))
	if in.InstallDir != "" {
		in.note("install_dir = %q (LLMB_INSTALL)", in.InstallDir)
	} else {
		in.InstallDir = in.first(&doc, "install_dir", "llmb_install", "launcher.llmb_install")
	}
	in.siteValues = in.or(siteValues{
		Account:          in.first(&doc, "account", "slurm.gpu.account", "slurm.common.account", "slurm.account", "launcher.account"),
		Partition:        in.first(&doc, "partition", "slurm.gpu.partition", "slurm.common.partition", "slurm.gpu_partition", "launcher.gpu_partition"),
		PreparePartition: in.first(&doc, "prepare partition", "slurm.cpu.partition", "slurm.cpu_partition", "launcher.cpu_partition"),
	})
	return in, nil
}

// first is the first of several dotted names that has a value, as it is written:
// an account may look like a number. It notes the place, or that there is none.
func (in *installation) first(doc *yaml.Node, what string, names ...string) string {
	for _, name := range names {
		at := doc
		for key := range strings.SplitSeq(name, ".") {
			at = child(at, key)
		}
		switch {
		case at == nil || at.ShortTag() == "!!null" || at.Kind == yaml.ScalarNode && at.Value == "":
		case at.Kind != yaml.ScalarNode || !strings.HasPrefix(at.ShortTag(), "!!"):
			in.note("%s is not a plain value (line %d); left out", name, at.Line)
		default:
			in.note("%s = %q (%s, line %d)", what, at.Value, name, at.Line)
			return at.Value
		}
	}
	in.note("no %s there", what)
	return ""
}

func (in *installation) note(format string, args ...any) {
	in.notes = append(in.notes, "  "+fmt.Sprintf(format, args...))
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
