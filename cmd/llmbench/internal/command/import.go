package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
)

func importCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "take over results that llmbench did not measure", ArgsUsage: "DIR PATH…",
		Flags: definitionFlagSet(),
		Description: description([]string{"llmbench import my-benchmark experiments/", "llmbench import my-benchmark run1.log report.json"},
			"0  all whole reports were taken over", "1  error, or no report was found") +
			"\n\nDIR holds the definitions, whose store keeps the results. A PATH is a log or a JSON report of trtllm-bench, or a folder of these, such as the recipe's experiments. " +
			"`results -executor=imported` shows them, `compare -executor=imported` takes them as a side; they are suspect and satisfy no run.",
		Action: func(_ context.Context, c *cli.Command) error {
			if c.NArg() < 2 {
				return errors.New("import takes the directory of definitions and what to import: llmbench import DIR PATH…")
			}
			f := definitionFlags{Dir: c.Args().First(), Vars: c.StringSlice("var"), VarFiles: c.StringSlice("var-file"), Store: c.String("store")}
			return e.runImport(f, c.Args().Tail())
		},
	}
}

func (e *env) runImport(f definitionFlags, paths []string) error {
	s := e.load(f, simulate.Type) // addresses are the same on any executor
	p, diags := s.plan(plan.Selection{})
	if err := s.complainOfErrors(diags); err != nil {
		return err
	}
	files, err := logsIn(paths)
	if err != nil {
		return err
	}
	if err := s.store.Create(); err != nil {
		return err
	}
	found, added := 0, 0
	for _, path := range files {
		text, report, why := readAnyReport(path)
		if report == nil {
			fmt.Fprintf(e.streams.Err, "%s: left out: %s\n", path, why)
			continue
		}
		found++
		r := results.Import(path, report, p.Runs)
		isNew, err := s.store.Import(text, r)
		if err != nil {
			return err
		}
		if isNew {
			added++
		}
		fmt.Fprintf(e.streams.Out, "%s  %s\n", r.Address, path)
	}
	if found == 0 {
		return errors.New("no whole report was found; nothing is imported")
	}
	fmt.Fprintf(e.streams.Out, "%d imported, %d were there already. `llmbench results -executor=imported %s` shows them.\n", added, found-added, f.Dir)
	return nil
}

// logsIn lists files, and below folders those that may be logs or reports, in
// the order of their names.
func logsIn(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, path)
			continue
		}
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			switch strings.ToLower(filepath.Ext(p)) {
			case ".out", ".log", ".txt", ".json":
				if d.Type().IsRegular() {
					out = append(out, p)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mostLog bounds what is read of a log: a report stands in far less.
const mostLog = 256 << 20

// readAnyReport reads a JSON report or a log; why says what is wrong with one
// that holds no whole report.
func readAnyReport(path string) (text []byte, report *trtllm.Report, why string) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err.Error()
	}
	if info.Size() > mostLog {
		return nil, nil, "it is larger than 256 MiB; import the end of it, which holds the report"
	}
	if text, err = os.ReadFile(path); err != nil {
		return nil, nil, err.Error()
	}
	if strings.EqualFold(filepath.Ext(path), ".json") {
		if report, err = trtllm.ReadReport(bytes.NewReader(text)); err != nil {
			return nil, nil, err.Error()
		}
		return text, report, ""
	}
	log, err := trtllm.NewClassifier(slurm.Words).ReadLog(bytes.NewReader(text))
	switch {
	case err != nil:
		return nil, nil, err.Error()
	case log.Report != nil && log.Report.World.TP > 0:
		log.Report.Simulated = log.Report.Simulated || log.Simulated
		return text, log.Report, ""
	case log.Failure != nil:
		return nil, nil, string(log.Failure.Code) + ": " + log.Failure.Line
	case len(log.Lacks) > 0:
		return nil, nil, "its report lacks " + strings.Join(log.Lacks, ", ")
	}
	return nil, nil, "it holds no report"
}
