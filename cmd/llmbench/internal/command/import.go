package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/regular"
)

func importCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "import results that llmbench did not measure", ArgsUsage: "DIR PATH…",
		Flags: definitionFlagSet(),
		Description: description([]string{"llmbench import my-benchmark experiments/", "llmbench import my-benchmark run1.log report.json"},
			"0  all reports and failed runs that were found were imported", "1  error, or none was found") +
			"\n\nDIR holds the definitions, whose store keeps the results. A PATH is a log or a JSON report of trtllm-bench, or a folder of these, such as the recipe's experiments; or a bundle (export), which is checked first. " +
			"Every report in a log is imported, and the log of a failed run is imported as failed, with its cause. The .err beside a .out is read too. `results -executor=imported` shows them, `compare -executor=imported` compares them; they satisfy no run. What comes from a log is suspect; results of a bundle keep their verdicts, addresses and logs.",
		Action: func(_ context.Context, c *cli.Command) error {
			dir, paths := c.Args().First(), c.Args().Tail()
			if c.NArg() == 1 && strings.HasSuffix(dir, store.BundleSuffix) {
				dir, paths = ".", c.Args().Slice()
			}
			if len(paths) == 0 {
				return errors.New("import takes the directory of definitions and what to import: llmbench import DIR PATH…")
			}
			return e.runImport(definitionsIn(dir, c), paths)
		},
	}
}

func (e *env) runImport(f definitionFlags, paths []string) error {
	s, p, err := e.declared(f.on(simulate.Type)) // addresses are the same on any executor
	if err != nil {
		return err
	}
	files, err := filesIn(paths, func(string) bool { return true }, maybeLog)
	if err != nil {
		return err
	}
	bundles := map[string][]incoming{}
	for _, path := range files { // a bundle that was changed stops all
		if strings.HasSuffix(path, store.BundleSuffix) {
			if bundles[path], err = readBundled(path); err != nil {
				return fmt.Errorf("nothing is imported: %w", err)
			}
		}
	}
	if err := s.store.Create(); err != nil {
		return err
	}
	all, added := 0, 0
	for _, path := range files {
		list, isBundle := bundles[path]
		if !isBundle {
			var why string
			if list, why = readForeign(path, p.Runs); why != "" {
				fmt.Fprintf(e.streams.Err, "%s: left out: %s\n", path, why)
			}
		}
		for _, in := range list {
			all++
			isNew, err := s.store.Import(in.stdout, in.stderr, in.of, in.number, in.result)
			if err != nil {
				return err
			}
			if isNew {
				added++
			}
			fmt.Fprintf(e.streams.Out, "%s  %s%s%s\n", in.result.Address, path, in.within, view.ImportedVerdict(in.result))
		}
	}
	if all == 0 {
		return errors.New("no report and no failed run was found; nothing is imported")
	}
	fmt.Fprintf(e.streams.Out, "%d imported, %d were there already. `llmbench results -executor=imported %s` shows them.\n", added, all-added, f.Dir)
	return nil
}

// An incoming result is the number-th that was found in a log, from 1, or one of a bundle
// with what its attempt wrote.
type incoming struct {
	result         *results.Result
	stdout, stderr []byte
	number         int
	of             string // tells the result of a bundle from those with the same log
	within         string // its place in a log with several reports
}

func readBundled(file string) ([]incoming, error) {
	set, members, err := readBundle(file, true)
	if err != nil {
		return nil, err
	}
	var out []incoming
	for _, r := range set.Results {
		folder := attemptFolder(r.Address, r.Sample, r.Attempt)
		in := incoming{result: r, number: 1, stdout: members[folder+"/"+jobdir.StdoutFile], stderr: members[folder+"/"+jobdir.StderrFile]}
		in.of = fmt.Sprintln(folder, r.Fingerprint, r.Cluster)
		if at := r.Job.Submitted; at != nil {
			in.of += at.UTC().String()
		}
		out = append(out, in)
	}
	return out, nil
}

// maybeLog reports whether a file in a folder may be a log or a report.
func maybeLog(path string, d fs.DirEntry) bool {
	return d.Type().IsRegular() && slices.Contains([]string{".out", ".log", ".txt", ".json"}, strings.ToLower(filepath.Ext(path)))
}

// readForeign reads a JSON report, or a log of trtllm-bench with the .err beside it: its
// reports, or a failure where there is none. why says what is wrong with a file that
// tells of no run.
func readForeign(path string, declared []*plan.Run) (out []incoming, why string) {
	text, err := regular.Read(path, regular.MaxDocument)
	if err != nil {
		return nil, err.Error()
	}
	var stderr []byte
	add := func(found results.Found) {
		in := incoming{result: results.Import(found, declared), stdout: text, stderr: stderr, number: len(out) + 1, within: found.Within}
		out = append(out, in)
	}
	if strings.EqualFold(filepath.Ext(path), ".json") {
		report, err := trtllm.ReadReport(bytes.NewReader(text))
		if err != nil {
			return nil, err.Error()
		}
		if what := report.Impossible(); what != "" {
			return nil, "its report is impossible: " + what
		}
		add(results.Found{Path: path, Report: report, Simulated: report.Simulated})
		return out, ""
	}
	if stem, ok := strings.CutSuffix(path, ".out"); ok {
		if stderr, err = regular.Read(stem+".err", regular.MaxDocument); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, stem + ".err: " + err.Error()
		}
	}
	log, err := trtllm.NewClassifier(slurm.Words).ReadLog(io.MultiReader(bytes.NewReader(text), strings.NewReader("\n"), bytes.NewReader(stderr)))
	if err != nil {
		return nil, err.Error()
	}
	for i, report := range log.Reports {
		if what := report.Impossible(); what != "" && report.World.TP != 0 {
			return nil, "its report is impossible: " + what
		}
		if report.World.TP <= 0 {
			continue
		}
		found := results.Found{Path: path, Report: report, Simulated: report.Simulated || log.Simulated}
		if len(log.Reports) > 1 {
			found.Within = fmt.Sprintf(":%d", log.Lines[i])
		}
		report.Simulated = found.Simulated
		add(found)
	}
	if len(out) > 0 {
		return out, ""
	}
	cause := results.Reason{Level: results.Failed}
	switch {
	case log.Failure != nil:
		cause.Code, cause.Detail = log.Failure.Code, log.Failure.Line
		cause.Remedy, cause.Node, cause.Log = log.Failure.Remedy, log.Failure.Node, log.Failure.Context
	case len(log.Lacks) > 0:
		cause.Code, cause.Level = failure.ReportIncomplete, results.Invalid
		cause.Detail = "the report breaks off: it lacks " + strings.Join(log.Lacks, ", ")
	case log.Phase != trtllm.PhaseNone:
		cause.Code, cause.Detail = failure.Lost, "the log ends while "+log.Phase.String()+", without a report and without a cause"
	default:
		return nil, "it holds no report and no failed run"
	}
	add(results.Found{Path: path, Reason: cause, Simulated: log.Simulated})
	return out, ""
}
