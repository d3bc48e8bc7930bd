package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/plan"
)

type prepareFlags struct {
	definitionFlags
	Executor          string
	Check, Deep, JSON bool
}

func prepareCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "prepare", Usage: "download and verify weights, images and data sets", ArgsUsage: "[DIR]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "executor", Usage: "for executor `TYPE[.NAME]`"},
			&cli.BoolFlag{Name: "check", Usage: "only check; download nothing"},
			&cli.BoolFlag{Name: "deep", Usage: "also verify the SHA-256 of all weights, which reads every byte"},
			&cli.BoolFlag{Name: "json", Usage: "print the checks as a document"},
		),
		Description: description([]string{"llmbench prepare -executor=simulate examples/llama4-maverick"},
			"0         all that the runs read is there and verified",
			"1         error; the definitions are wrong",
			"3         something is missing or damaged",
			"130, 143  interrupted; the next prepare resumes"),
		Action: func(ctx context.Context, c *cli.Command) error {
			defs, err := readDefinitionFlags(c)
			if err != nil {
				return err
			}
			return e.runPrepare(ctx, prepareFlags{
				definitionFlags: defs, Executor: c.String("executor"),
				Check: c.Bool("check"), Deep: c.Bool("deep"), JSON: c.Bool("json"),
			})
		},
	}
}

func (e *env) runPrepare(ctx context.Context, f prepareFlags) error {
	s := e.load(f.definitionFlags, f.Executor)
	p, diags := s.plan(plan.Selection{})
	if err := s.complain(diags); err != nil {
		return err
	}
	pr := &preparation{session: s, plan: p, needs: s.needs(p), flags: f, progress: view.NewProgress(e.streams)}
	checks := pr.run(ctx)
	pr.progress.Close()
	if ctx.Err() != nil {
		pr.progress.Text("interrupted; the next `llmbench prepare` resumes")
		return exitStatus(e.signal.code())
	}
	show := view.Checks
	if f.JSON {
		show = view.ChecksJSON
	}
	if err := show(e.streams.Out, checks); err != nil {
		return err
	}
	failed := failedOf(checks)
	if failed != nil && f.Check && !f.JSON {
		return errors.Join(failed, view.Nothing(e.streams.Out, fmt.Sprintf("`llmbench prepare %s` downloads what is missing.", f.Dir)))
	}
	return failed
}

// failedOf is the exit status for checks.
func failedOf(checks []executors.Check) error {
	for _, c := range checks {
		if c.Result == executors.CheckFail {
			return exitStatus(exitFailed)
		}
	}
	return nil
}

// A preparation is one invocation of prepare.
type preparation struct {
	*session
	plan     *plan.Plan
	needs    needs
	flags    prepareFlags
	progress *view.Progress
}

// run brings what is missing, unless only asked to look, and verifies everything.
func (pr *preparation) run(ctx context.Context) []executors.Check {
	var checks []executors.Check
	if pr.flags.Check {
		checks = pr.needs.verify(ctx)
	} else {
		checks = pr.fetch(ctx)
	}
	if pr.flags.Deep {
		checks = append(checks, pr.deep(ctx)...)
	}
	for _, r := range pr.needs.data {
		if ctx.Err() == nil {
			checks = append(checks, pr.data(ctx, r))
		}
	}
	return checks
}

// fetch brings weights and images.
func (pr *preparation) fetch(ctx context.Context) []executors.Check {
	checks := append([]executors.Check{}, pr.needs.left...)
	for _, w := range pr.needs.weights {
		checks = append(checks, pr.fetcher(w.site).Weights(ctx, w.it)...)
	}
	for _, i := range pr.needs.images {
		checks = append(checks, pr.fetcher(i.site).Image(ctx, i.it)...)
	}
	for _, f := range pr.needs.files {
		checks = append(checks, checkFile(f))
	}
	return checks
}

// fetcher brings things on this host, or by jobs where the executor says so.
func (pr *preparation) fetcher(st *site) *prepare.Fetcher {
	f := prepare.NewFetcher(pr.env.environ)
	f.Bytes, f.Say = pr.progress.Bytes, pr.progress.Text
	if bring := st.Scheduler.Bring(); bring != nil {
		f.Elsewhere = func(ctx context.Context, c executors.Command) error { return bring(ctx, c, pr.progress.Text) }
	}
	return f
}

// deep reads all weights whole.
func (pr *preparation) deep(ctx context.Context) []executors.Check {
	var out []executors.Check
	for _, w := range pr.needs.weights {
		out = append(out, w.it.VerifyDeep(ctx, prepare.NewHub(pr.env.environ, pr.progress.Text), func(done, total int64) {
			pr.progress.Bytes("reading "+w.it.Path, done, total)
		})...)
	}
	return out
}

// data looks for the data set of a run, and makes it unless only asked to look.
func (pr *preparation) data(ctx context.Context, r *plan.Run) executors.Check {
	fail := func(detail, remedy string) executors.Check {
		return executors.Check{Name: "dataset", Result: executors.CheckFail, Detail: detail, Remedy: remedy}
	}
	c := pr.maker(pr.plan)
	d, ok := c.FindDataset(r)
	if bytes, long := pr.store.Unchecked(d); long {
		pr.progress.Text("reading the data set of %s, %s", r.Address, view.Volume(bytes))
	}
	wrong := pr.store.CheckDataset(d)
	switch {
	case ok && wrong == nil:
		return executors.Check{Name: "dataset", Result: executors.CheckOK, Detail: d.Path}
	case ok && r.Dataset.Generator == nil:
		return fail("the data set of "+r.Address+" is not what was planned: "+wrong.Error(), "restore the file, or plan again")
	case ok && pr.flags.Check:
		return fail("the data set of "+r.Address+" is not what was written: "+wrong.Error(), "`llmbench prepare` writes it again, and so does `llmbench apply`")
	case pr.flags.Check || r.Dataset.Generator == nil:
		return fail("the data set of "+r.Address+" is not in the store", "`llmbench prepare` writes it, and so does `llmbench apply`")
	}
	if short := prepare.CheckDatasetSpace(pr.store.Dir(), prepare.DatasetBytes(r.Dataset.Rows, *r.UseCase.ISL)); short != nil {
		return *short
	}
	if err := pr.store.Create(); err != nil {
		return fail(err.Error(), "choose a store that you can write to")
	}
	pr.progress.Text("writing the data set of %s", r.Address)
	path, err := c.Dataset(ctx, r)
	if err != nil {
		return fail(err.Error(), "`llmbench prepare` tries again")
	}
	return executors.Check{Name: "dataset", Result: executors.CheckOK, Detail: path}
}
