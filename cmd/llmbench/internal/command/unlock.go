package command

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
)

func unlockCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "unlock", Usage: "force-release the lock left by a dead apply", ArgsUsage: "[DIR]",
		Flags:       append(definitionFlagSet(), &cli.BoolFlag{Name: "auto-approve", Usage: "skip the confirmation prompt"}),
		Description: description([]string{"llmbench unlock -auto-approve examples/llama4-maverick"}, "0  nobody holds the lock", "1  error, or not approved"),
		Action: inDir(func(_ context.Context, c *cli.Command, f definitionFlags) error {
			return e.runUnlock(f, c.Bool("auto-approve"))
		}),
	}
}

func (e *env) runUnlock(f definitionFlags, approved bool) error {
	s := e.load(f)
	if err := s.complain(s.diags); err != nil {
		return err
	}
	holder, err := s.store.Holder()
	if err != nil {
		return err
	}
	if holder == nil {
		return view.Nothing(e.streams.Out, "Nobody holds the lock.")
	}
	fmt.Fprintf(e.streams.Err, "%v\n", holder)
	if !approved {
		if err := e.confirm("Is that apply certainly dead? Two at once would measure everything twice. Unlock?", "unlocks", "changed"); err != nil {
			return err
		}
	}
	if _, err := s.store.Unlock(); err != nil {
		return err
	}
	return view.Nothing(e.streams.Out, "Unlocked.")
}
