package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/examples"
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
