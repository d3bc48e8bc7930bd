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
		Name: "init", Usage: "start a directory of definitions from a recipe", ArgsUsage: "[DIR]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Value: "llama4-maverick", Usage: "start from the recipe `NAME`"},
			&cli.BoolFlag{Name: "list", Usage: "list the recipes"},
		},
		Description: description([]string{"llmbench init -list", "llmbench init -from=llama4-maverick my-benchmark"},
			"0  the directory is ready", "1  error; nothing was written over"),
		Action: func(_ context.Context, c *cli.Command) error {
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
			return e.runInit(dir, c.String("from"))
		},
	}
}

// siteVars is what init writes for the values that are the site's own.
const siteVars = `# What differs from site to site. This file is in .gitignore: definitions are
# shared, accounts and paths are yours. Environment variables work as well.

# account     = "my-account"        # or SBATCH_ACCOUNT
# install_dir = "/lustre/llmb"      # or LLMB_INSTALL
`

const gitignore = `.llmbench/
*.auto.vars
`

func (e *env) runInit(dir, recipe string) error {
	files, err := examples.Files(recipe)
	if err != nil {
		return fmt.Errorf("%w; `llmbench init -list` lists the recipes", err)
	}
	files["site.auto.vars"] = []byte(siteVars)
	files[".gitignore"] = []byte(gitignore)
	if err := refuseExisting(dir); err != nil {
		return err
	}
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
	return view.Initialised(e.streams.Out, dir, recipe, written)
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
