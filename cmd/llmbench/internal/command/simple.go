package command

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
)

func validateCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "validate", Usage: "check the definitions without touching anything", ArgsUsage: "[DIR]",
		Flags: append(definitionFlagSet(),
			&cli.BoolFlag{Name: "json", Usage: "print the diagnostics as JSON"},
			&cli.StringFlag{Name: "executor", Usage: "check for executor `TYPE[.NAME]`"},
		),
		Description: description([]string{"llmbench validate examples/llama4-maverick"},
			"0  the definitions are valid", "1  they are not"),
		Action: func(_ context.Context, c *cli.Command) error {
			f, err := readDefinitionFlags(c)
			if err != nil {
				return err
			}
			return e.runValidate(f, c.String("executor"), c.Bool("json"))
		},
	}
}

func (e *env) runValidate(f definitionFlags, executor string, asJSON bool) error {
	s := e.load(f, executor)
	_, diags := s.check()
	if asJSON {
		if err := view.ValidateJSON(e.streams.Out, diags); err != nil {
			return err
		}
		if diags.HasErrors() {
			return errReported
		}
		return nil
	}
	if err := s.complain(diags); err != nil {
		return err
	}
	fmt.Fprintf(e.streams.Out, "The definitions are valid: %s.\n", view.Plural(len(s.defs.Cells), "run"))
	return nil
}

func versionCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Description: description([]string{"llmbench version"}, "0  always"),
		Action: func(_ context.Context, c *cli.Command) error {
			return view.Version(e.streams.Out, Version, buildRevision(), c.Bool("json"))
		},
	}
}
