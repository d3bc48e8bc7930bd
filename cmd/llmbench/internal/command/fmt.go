package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/regular"
)

func fmtCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "fmt", Usage: "rewrite definitions in canonical layout", ArgsUsage: "[PATH…]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "change nothing; exit 3 when a file differs"},
			&cli.BoolFlag{Name: "diff", Usage: "print what differs"},
			&cli.BoolFlag{Name: "recursive", Usage: "descend into directories"},
		},
		Description: description([]string{"llmbench fmt -check examples/llama4-maverick", "llmbench fmt -diff -check -recursive examples"},
			"0  all files are in canonical layout, or were rewritten", "1  error", "3  with -check: files differ"),
		Action: func(_ context.Context, c *cli.Command) error {
			paths := c.Args().Slice()
			if len(paths) == 0 {
				paths = []string{"."}
			}
			return e.runFmt(paths, c.Bool("check"), c.Bool("diff"), c.Bool("recursive"))
		},
	}
}

func (e *env) runFmt(paths []string, check, diff, recursive bool) error {
	if len(paths) == 1 && paths[0] == "-" {
		return e.formatStdin()
	}
	files, err := filesIn(paths,
		func(name string) bool { return recursive && !strings.HasPrefix(name, ".") },
		func(path string, _ fs.DirEntry) bool { return filepath.Ext(path) == ".hcl" })
	if err != nil {
		return err
	}
	differ := 0
	for _, path := range files {
		changed, err := e.formatFile(path, check, diff)
		if err != nil {
			return err
		}
		if changed {
			differ++
			fmt.Fprintln(e.streams.Out, path)
		}
	}
	if check && differ > 0 {
		return exitStatus(exitFailed)
	}
	return nil
}

func (e *env) formatStdin() error {
	src, err := io.ReadAll(e.streams.In)
	if err != nil {
		return err
	}
	if err := e.parses("<stdin>", src); err != nil {
		return err
	}
	out, _ := e.streams.Raw() // an editor reads it
	_, err = out.Write(schema.Format(src))
	return err
}

// formatFile brings one file into canonical layout and reports whether it
// differed. A file that does not parse is left alone.
func (e *env) formatFile(path string, check, diff bool) (bool, error) {
	src, err := regular.Read(path, regular.MaxText)
	if err != nil {
		return false, err
	}
	if err := e.parses(path, src); err != nil {
		return false, err
	}
	want := schema.Format(src)
	if bytes.Equal(src, want) {
		return false, nil
	}
	if diff {
		if err := view.Diff(e.streams.Out, path, src, want); err != nil {
			return true, err
		}
	}
	if check {
		return true, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return true, err
	}
	return true, renameio.WriteFile(path, want, info.Mode().Perm())
}

func (e *env) parses(path string, src []byte) error {
	file, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	e.streams.Diagnostics(map[string]*hcl.File{path: file}, diags)
	if diags.HasErrors() {
		return errReported
	}
	return nil
}

// filesIn lists the files among paths, and the files that are wanted in the folders among
// them, in order. enter says which of the folders below are looked into.
func filesIn(paths []string, enter func(name string) bool, wanted func(path string, d fs.DirEntry) bool) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && at != path && !enter(d.Name()):
				return filepath.SkipDir
			case !d.IsDir() && wanted(at, d):
				files = append(files, at)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
