package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/regular"
)

type reportFlags struct {
	definitionFlags
	Out, Against string
	Addresses    []string
}

func reportCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "write one self-contained HTML page with plots", ArgsUsage: "[DIR]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "out", Value: "report.html", Usage: "write the page to `FILE`"},
			&cli.StringSliceFlag{Name: "target", Usage: "only runs at `ADDR`, such as max_throughput/chat, chat or */concurrency=64; may be repeated"},
			&cli.StringFlag{Name: "against", Usage: "say what got better and worse against `BASE`: a directory of definitions, a results document, or a bundle"},
			&cli.StringFlag{Name: "executor", Usage: "select runs on executor `TYPE[.NAME]`"},
		),
		Description: description([]string{
			"llmbench report -executor=simulate -out=report.html examples/llama4-maverick",
			"llmbench report -executor=simulate -against=examples/llama4-maverick examples/llama4-maverick",
		},
			"0  the page was written", "1  error, or there is no result at all", "3  the page was written; some run failed, is invalid or has no result") +
			"\n\nThe page needs nothing from outside. An older report is overwritten, any other file is left alone.",
		Action: inDir(func(_ context.Context, c *cli.Command, f definitionFlags) error {
			return e.runReport(reportFlags{definitionFlags: f, Out: c.String("out"), Against: c.String("against"), Addresses: c.StringSlice("target")})
		}),
	}
}

func (e *env) runReport(f reportFlags) error {
	if err := writable(f.Out); err != nil {
		return err
	}
	s, p, list, err := e.shown(f.definitionFlags, f.Addresses, false)
	switch {
	case err != nil:
		return err
	case !anyResult(list) && f.Executor == results.ImportedType:
		return fmt.Errorf("nothing is imported yet, so there is nothing to report; `llmbench import %s PATH…` does", f.Dir)
	case !anyResult(list):
		return fmt.Errorf("nothing is measured yet, so there is nothing to report; `llmbench apply %s` measures", f.Dir)
	}
	if p == nil {
		var diags hcl.Diagnostics
		if p, diags = s.plan(plan.Selection{}); diags.HasErrors() {
			return s.complain(diags)
		}
	}
	dir, err := filepath.Abs(f.Dir)
	if err != nil {
		return err
	}
	report := view.Report{Title: filepath.Base(dir), Origin: origin(p), Dir: dir, Sets: list, Price: s.price(), MaxGPUHours: s.mostGPUHours(p, applyFlags{}), Base: f.Against}
	for _, one := range p.Searches {
		rounds, err := s.store.Rounds(one.Benchmark, one.Label, one.Simulated)
		if err != nil {
			return err
		}
		report.Searches = append(report.Searches, view.ReportSearch{Search: one, Rounds: rounds})
	}
	if f.Against != "" {
		base, _, err := e.sideOf(compareFlags{definitionFlags: f.definitionFlags}, f.Against)
		if err != nil {
			return fmt.Errorf("-against=%s: %w", f.Against, err)
		}
		for _, set := range list {
			report.Against = append(report.Against, results.Compare(base, set, results.Comparing{Threshold: .01, Metrics: comparedMetrics()}))
		}
	}
	if f.Executor != results.ImportedType {
		for _, set := range list {
			all, err := s.seen.History(view.Simulated(set))
			if err != nil {
				return err
			}
			report.Histories = append(report.Histories, results.NewHistory(all, trtllm.OutputThroughputPerGPU))
		}
		s.seen.Keep()
	}
	for _, r := range view.WithSeries(list) {
		if err := store.AddIterations(r); err != nil {
			return err
		}
	}
	var page bytes.Buffer
	if err := report.Write(&page); err != nil {
		return err
	}
	if err := renameio.WriteFile(f.Out, store.NewRedactor(s.defs.Secrets()...).CleanBytes(page.Bytes()), 0o644); err != nil {
		return fmt.Errorf("-out=%s: %w", f.Out, err)
	}
	fmt.Fprintf(e.streams.Out, "Written: %s\n", f.Out)
	switch {
	case s.instead != nil:
		return exitStatus(exitFailed)
	case f.Executor == results.ImportedType:
		return nil
	}
	return e.exitFor(p, f.definitionFlags)
}

// writable reports why a report cannot be written to a path, before anything is
// read for it.
func writable(path string) error {
	if dir, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("-out=%s: its folder cannot be written to: %w", path, err)
	} else if !dir.IsDir() {
		return fmt.Errorf("-out=%s: %s is not a folder", path, filepath.Dir(path))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("-out=%s: %w", path, err)
	case info.IsDir():
		return fmt.Errorf("-out=%s is a folder; name a file in it", path)
	}
	old, err := regular.Read(path, regular.MaxDocument)
	if err != nil {
		return fmt.Errorf("-out=%s: %w", path, err)
	}
	if len(old) > 0 && !bytes.Contains(old, []byte(view.ReportMark)) {
		return fmt.Errorf("-out=%s: the file is there and is not a report of llmbench; it is left alone: choose another name", path)
	}
	return nil
}

// origin says which definitions a report is of.
func origin(p *plan.Plan) string {
	if p.Git == nil {
		return "definitions in no git repository, llmbench " + p.LLMBenchVersion
	}
	state := "clean"
	if p.Git.Dirty {
		state = "with uncommitted changes"
	}
	return fmt.Sprintf("definitions %.7s, %s, llmbench %s", p.Git.Commit, state, p.LLMBenchVersion)
}
