package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/schema/regular"
)

func showCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print a saved plan", ArgsUsage: "PLAN",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print the plan document"}},
		Description: description([]string{"llmbench show saved.plan"}, "0  the plan was printed", "1  error"),
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 {
				return errors.New("llmbench show takes one saved plan, which `llmbench plan -out=FILE` writes")
			}
			p, err := readPlan(c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.Write(e.streams.Out)
			}
			return view.PlanView{Plan: p.Plan.Plan, Source: p.source()}.Text(e.streams.Out)
		},
	}
}

// against prints what differs between a plan and an earlier one, or the runs
// that results were measured from.
func (s *session) against(v view.PlanView, f planFlags) error {
	base, err := baseRuns(f.Against)
	if err != nil {
		return err
	}
	if f.Format == "markdown" {
		return v.Markdown(s.env.streams.Out, base, filepath.Base(f.Against))
	}
	return view.Against(s.env.streams.Out, v.Plan, base, f.Against)
}

// baseRuns reads the runs of a plan document or of a results document.
func baseRuns(path string) ([]*plan.Run, error) {
	b, err := regular.Read(path, regular.MaxDocument)
	if err != nil {
		return nil, err
	}
	var kind struct {
		Results []*results.Result `json:"results"`
		Runs    []json.RawMessage `json:"runs"`
		Version string            `json:"format_version"`
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&kind); err != nil {
		return nil, fmt.Errorf("%s: neither a plan nor results: %w", path, err)
	}
	if kind.Version != document.SavedVersion && (kind.Version != plan.FormatVersion || kind.Runs == nil) {
		return nil, fmt.Errorf("%s: neither a plan nor results of format version %s", path, plan.FormatVersion)
	}
	if kind.Results == nil {
		p, err := document.Read(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for i, r := range p.Runs {
			if r.FingerprintVersion == 1 {
				old, err := p.Run(i)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", path, err)
				}
				old.Upgrade(r.Executor.Type == simulate.Type, old.Job.Argv)
				p.Runs[i] = old.Run
			}
		}
		return p.Runs, nil
	}
	var out []*plan.Run
	for _, r := range kind.Results {
		out = append(out, &plan.Run{
			Estimate: r.Estimate,
			Address:  r.Address, Fingerprint: r.Fingerprint, Model: r.Model, Hardware: r.Hardware,
			Image: r.Image, UseCase: r.UseCase, Arguments: r.Arguments,
		})
	}
	return out, nil
}
