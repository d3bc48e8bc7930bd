package command

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/plan"
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
		Action: inDir(func(_ context.Context, c *cli.Command, f definitionFlags) error {
			return e.runValidate(f, c.Bool("json"))
		}),
	}
}

func (e *env) runValidate(f definitionFlags, asJSON bool) error {
	s := e.load(f)
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

// check proves the definitions without looking at the store.
func (s *session) check() (*plan.Plan, hcl.Diagnostics) {
	if s.diags.HasErrors() {
		return nil, s.diags
	}
	p, diags := plan.Build(plan.Request{
		Definitions: s.defs, Catalog: s.defs.Catalog, Place: s.place, ReadDataset: s.store.ReadDataset,
		Store: s.storeName, Version: Version,
	})
	return p, append(append(hcl.Diagnostics{}, s.diags...), diags...)
}
