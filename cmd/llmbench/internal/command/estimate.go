package command

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema/catalog"
	"github.com/llmbench/llmbench/schema/regular"
)

func estimateCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "estimate", Usage: "predict the runs in a CSV file, for any catalogued model and GPU", ArgsUsage: "FILE.csv",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "table", Usage: "print as `FORMAT`: table, csv or json"},
		},
		Description: description([]string{
			"llmbench estimate cases.csv",
			"llmbench estimate -format=csv cases.csv",
		}, "0  the predictions were printed", "1  error") + "\n\nThe first line of FILE.csv names the columns: " +
			strings.Join(plan.CaseColumns, ", ") + ". model, quantization, gpu, gpus, isl and osl are needed; anything else that is absent or empty is what trtllm-bench would choose.\n\n" + estimate.Calibrated().Sentence(),
		Action: func(_ context.Context, c *cli.Command) error {
			if c.NArg() != 1 {
				return errors.New("estimate takes one FILE.csv")
			}
			write, ok := view.EstimateFormats[c.String("format")]
			if !ok {
				return fmt.Errorf("-format=%s: predictions are printed as table, csv or json", c.String("format"))
			}
			runs, err := e.readCases(c.Args().First())
			if err != nil {
				return err
			}
			if err := jobdir.AtOnce(len(runs), func(i int) (err error) {
				runs[i].Prediction, err = runs[i].Case.Predict(catalog.Load())
				return err
			}); err != nil {
				return err
			}
			return write(e.streams.Out, runs)
		},
	}
}

// readCases reads a table of cases. All mistakes are in the error, each with its
// line.
func (e *env) readCases(path string) ([]view.EstimatedRun, error) {
	text, err := regular.Read(path, regular.MaxText)
	if err != nil {
		return nil, err
	}
	in := csv.NewReader(bytes.NewReader(text))
	in.Comment = '#'
	in.TrimLeadingSpace = true
	in.FieldsPerRecord = -1
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty; its first line names the columns: %s", path, strings.Join(plan.CaseColumns, ","))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i, name := range head {
		head[i] = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
	}
	if err := e.checkColumns(path, head); err != nil {
		return nil, err
	}
	var runs []view.EstimatedRun
	var wrong []error
	for {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return runs, errors.Join(wrong...)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		number, _ := in.FieldPos(0)
		if len(line) != len(head) {
			wrong = append(wrong, fmt.Errorf("%s:%d: the line has %d cells and the first line names %d columns", path, number, len(line), len(head)))
			continue
		}
		run := view.EstimatedRun{Cells: map[string]string{}}
		for i, name := range head {
			run.Cells[name] = line[i]
		}
		if run.Case, err = plan.NewCase(run.Cells); err == nil {
			_, err = run.Case.Scenario(catalog.Load())
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", path, number, err))
			continue
		}
		runs = append(runs, run)
	}
}

func (e *env) checkColumns(path string, head []string) error {
	var others []string
	have := map[string]bool{}
	for _, name := range head {
		if have[name] {
			return fmt.Errorf("%s:1: column %q appears twice", path, name)
		}
		have[name] = true
		if !slices.Contains(plan.CaseColumns, name) {
			others = append(others, name)
		}
	}
	for _, name := range []string{"model", "quantization", "gpu", "gpus", "isl", "osl"} {
		if !have[name] {
			return fmt.Errorf("%s:1: there is no column %q; the columns are %s", path, name, strings.Join(plan.CaseColumns, ","))
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(e.streams.Err, "Warning: %s:1: not used: %s\n", path, strings.Join(others, ", "))
	}
	return nil
}
