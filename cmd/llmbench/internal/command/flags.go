package command

import (
	"cmp"
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/plan"
)

// definitionFlags are what every command that reads definitions takes.
type definitionFlags struct {
	Dir      string
	Vars     []string
	VarFiles []string
	Store    string
	Executor string // TYPE[.NAME], "" for what the definitions say
}

// on is f for another executor.
func (f definitionFlags) on(executor string) definitionFlags {
	f.Executor = executor
	return f
}

func definitionFlagSet() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "var", Usage: "set a variable: `NAME=VALUE`; may be repeated"},
		&cli.StringSliceFlag{Name: "var-file", Usage: "read variables from `FILE`; may be repeated"},
		&cli.StringFlag{Name: "store", Usage: "keep results in `DIR` (default: the llmbench block's store, else .llmbench beside the definitions)"},
	}
}

// definitionsIn reads the flags of a command for definitions in dir.
func definitionsIn(dir string, c *cli.Command) definitionFlags {
	return definitionFlags{
		Dir: cmp.Or(dir, "."), Vars: c.StringSlice("var"), VarFiles: c.StringSlice("var-file"), Store: c.String("store"), Executor: c.String("executor"),
	}
}

// inDir is the action of a command whose one argument is a directory of definitions.
func inDir(run func(context.Context, *cli.Command, definitionFlags) error) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		if c.NArg() > 1 {
			return tooMany(c)
		}
		return run(ctx, c, definitionsIn(c.Args().First(), c))
	}
}

func tooMany(c *cli.Command) error {
	return fmt.Errorf("llmbench %s takes one directory, not %d arguments; flags are written -flag=value", c.Name, c.Args().Len())
}

func selectionFlagSet() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "target", Usage: "only runs at `ADDR`, such as max_throughput/chat, chat or */concurrency=64; may be repeated"},
		&cli.StringSliceFlag{Name: "replace", Usage: "measure the runs at `ADDR` again; may be repeated"},
		&cli.BoolFlag{Name: "retry", Usage: "retry runs that are blocked by a failure that would repeat"},
		&cli.StringFlag{Name: "executor", Usage: "run on executor `TYPE[.NAME]`; simulate needs no declaration"},
	}
}

func readSelection(c *cli.Command) plan.Selection {
	return plan.Selection{Addresses: c.StringSlice("target"), Replaces: c.StringSlice("replace"), Retry: c.Bool("retry")}
}

// addressesAndDir splits arguments: a last one that is a directory is that of the
// definitions, else they are here.
func addressesAndDir(args []string) (addresses []string, dir string) {
	if n := len(args); n > 0 {
		if isFolder(args[n-1]) {
			return args[:n-1], args[n-1]
		}
	}
	return args, "."
}
