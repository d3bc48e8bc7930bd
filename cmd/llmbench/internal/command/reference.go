package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

func helpCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "explain a command, block, argument, flag, function, metric or failure code", ArgsUsage: "[NAME]",
		Description: description([]string{"llmbench help plan", "llmbench help max_num_tokens", "llmbench help avg_ttft_ms", "llmbench help gpu_oom"},
			"0  the entry was printed", "1  error, or no such name"),
		Action: func(_ context.Context, c *cli.Command) error {
			switch c.NArg() {
			case 0:
				return cli.ShowRootCommandHelp(c.Root())
			case 1:
				return e.runHelp(c.Root(), c.Args().First())
			}
			return errors.New("llmbench help takes one name")
		},
	}
}

// runHelp prints the help of the command of a name and the entries that the
// reference has of it.
func (e *env) runHelp(root *cli.Command, name string) error {
	cmd := root.Command(name)
	if cmd != nil {
		cli.HelpPrinter(e.streams.Out, cmd.CustomHelpTemplate, cmd)
	}
	cat := catalog.Load()
	found, err := view.Reference(e.streams.Out, cat, name)
	if err != nil || found || cmd != nil {
		return err
	}
	names := view.ReferenceNames(cat)
	for _, c := range root.VisibleCommands() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return fmt.Errorf("no command, block, argument, flag, function, metric or code is called %q.%s", name, schema.DidYouMean(name, names))
}
