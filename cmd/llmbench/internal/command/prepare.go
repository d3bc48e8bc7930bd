package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/plan"
)

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
		Action: inDir(func(ctx context.Context, c *cli.Command, f definitionFlags) error {
			return e.runPrepare(ctx, f, c.Bool("check"), c.Bool("deep"), c.Bool("json"))
		}),
	}
}

func (e *env) runPrepare(ctx context.Context, f definitionFlags, check, deep, asJSON bool) error {
	s := e.load(f)
	p, diags := s.plan(plan.Selection{})
	if err := s.complain(diags); err != nil {
		return err
	}
	pr := &preparation{session: s, campaign: s.newCampaign(p), needs: s.needs(p), progress: view.NewProgress(e.streams)}
	checks := pr.run(ctx, check, deep)
	pr.progress.Close()
	if ctx.Err() != nil {
		pr.progress.Text("interrupted; the next `llmbench prepare` resumes")
		return exitStatus(e.signal.code())
	}
	failed := e.printChecks(checks, asJSON)
	if failed != nil && check && !asJSON {
		return errors.Join(failed, view.Nothing(e.streams.Out, fmt.Sprintf("`llmbench prepare %s` downloads what is missing.", f.Dir)))
	}
	return failed
}

// printChecks prints checks and returns the exit status for them.
func (e *env) printChecks(checks []executors.Check, asJSON bool) error {
	show := view.Checks
	if asJSON {
		show = view.ChecksJSON
	}
	return cmp.Or(show(e.streams.Out, checks), failedOf(checks))
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
	campaign *executors.Campaign // of the runs, for their data sets
	needs    needs
	progress *view.Progress
}

// run fetches what is missing, unless only asked to look, and verifies everything, with
// deep every byte of the weights.
func (pr *preparation) run(ctx context.Context, check, deep bool) []executors.Check {
	checks := pr.needs.each(
		func(w prepare.Weights, st *site) []executors.Check {
			if check {
				return w.Verify(ctx)
			}
			return pr.fetcher(st).Weights(ctx, w)
		},
		func(i prepare.Image, st *site) []executors.Check {
			if check {
				return i.Verify(ctx)
			}
			return pr.fetcher(st).Image(ctx, i)
		})
	for _, w := range pr.needs.weights {
		if deep {
			checks = append(checks, w.it.VerifyDeep(ctx, prepare.NewHub(pr.env.environ, pr.progress.Text), func(done, total int64) {
				pr.progress.Bytes("reading "+w.it.Path, done, total)
			})...)
		}
	}
	for _, r := range pr.needs.data {
		if ctx.Err() == nil {
			checks = append(checks, pr.data(ctx, r, check))
		}
	}
	return checks
}

// fetcher fetches on this host, or by jobs where the executor says so.
func (pr *preparation) fetcher(st *site) *prepare.Fetcher {
	f := prepare.NewFetcher(pr.env.environ)
	f.Bytes, f.Say = pr.progress.Bytes, pr.progress.Text
	if fetch := st.Scheduler.Fetch(); fetch != nil {
		f.Elsewhere = func(ctx context.Context, c executors.Command) error { return fetch(ctx, c, pr.progress.Text) }
	}
	return f
}

// data looks for the data set of a run, and makes it unless only asked to look.
func (pr *preparation) data(ctx context.Context, r *plan.Run, check bool) executors.Check {
	fail := func(detail, remedy string) executors.Check {
		return executors.Check{Name: "dataset", Result: executors.CheckFail, Detail: detail, Remedy: remedy}
	}
	d, ok := pr.campaign.FindDataset(r)
	if bytes, long := pr.store.Unchecked(d); long {
		pr.progress.Text("reading the data set of %s, %s", r.Address, view.Volume(bytes))
	}
	wrong := pr.store.CheckDataset(d)
	switch {
	case ok && wrong == nil:
		return executors.Check{Name: "dataset", Result: executors.CheckOK, Detail: d.Path}
	case ok && r.Dataset.Generator == nil:
		return fail("the data set of "+r.Address+" is not what was planned: "+wrong.Error(), "restore the file, or plan again")
	case ok && check:
		return fail("the data set of "+r.Address+" is not what was written: "+wrong.Error(), "`llmbench prepare` writes it again, and so does `llmbench apply`")
	case check || r.Dataset.Generator == nil:
		return fail("the data set of "+r.Address+" is not in the store", "`llmbench prepare` writes it, and so does `llmbench apply`")
	}
	if short := prepare.CheckSpace("dataset", pr.store.Dir(), prepare.DatasetBytes(r.Dataset.Lines, *r.UseCase.ISL)); short != nil {
		return *short
	}
	if err := pr.store.Create(); err != nil {
		return fail(err.Error(), "choose a store that you can write to")
	}
	pr.progress.Text("writing the data set of %s", r.Address)
	path, err := pr.campaign.Dataset(ctx, r)
	if err != nil {
		return fail(err.Error(), "`llmbench prepare` tries again")
	}
	return executors.Check{Name: "dataset", Result: executors.CheckOK, Detail: path}
}

// needs are what the runs of a plan read, each once, in the order of the runs.
type needs struct {
	weights []placed[prepare.Weights]
	images  []placed[prepare.Image]
	data    []*plan.Run // one for each data set
	files   []plan.NamedFile
	// left are checks of what cannot be looked at.
	left []executors.Check
}

// A placed thing is read by the runs of a site.
type placed[T any] struct {
	it   T
	site *site
}

// needs are what runs on this site's Slurm read; simulated runs read data sets
// alone.
func (s *session) needs(p *plan.Plan) needs {
	var n needs
	seen := map[string]bool{}
	first := func(key string) bool {
		defer func() { seen[key] = true }()
		return !seen[key]
	}
	for _, r := range p.Runs {
		if first(dataOf(r)) {
			n.data = append(n.data, r)
		}
		st := s.siteOf(r)
		if st.Scheduler == nil || st.Simulated {
			continue
		}
		switch w := s.newWeights(r.Model); {
		case w.Path != "" && first(fmt.Sprint(w)):
			n.weights = append(n.weights, placed[prepare.Weights]{w, st})
		case w.Path == "" && first(w.Checkpoint):
			n.left = append(n.left, executors.Check{Name: "weights", Result: executors.CheckWarn,
				Detail: w.Checkpoint + " has no path: jobs look in the Hugging Face cache of their node, without a network",
				Remedy: "set model.path, on a file system that all nodes share"})
		}
		for _, f := range r.Files() {
			if first(fmt.Sprint(f)) {
				n.files = append(n.files, f)
			}
		}
		if file := st.Scheduler.ImageFile(r.Image.Name); file != "" {
			if i := s.newImage(r, file); first(fmt.Sprint(i)) {
				n.images = append(n.images, placed[prepare.Image]{i, st})
			}
		}
	}
	return n
}

// dataOf is the same for runs that read the same data set.
func dataOf(r *plan.Run) string {
	use := r.UseCase
	use.Label = ""
	b, err := json.Marshal([]any{r.Dataset, use, r.Model.Checkpoint})
	if err != nil {
		panic("command: a run is not JSON: " + err.Error())
	}
	return string(b)
}

func (s *session) newImage(r *plan.Run, file string) prepare.Image {
	i := prepare.Image{Name: r.Image.Name, Version: r.Image.TRTLLMVersion, File: file}
	if r.Image.Digest != nil {
		i.Digest = *r.Image.Digest
	}
	if gpu, ok := s.defs.Catalog.GPU(r.Hardware.GPU); ok {
		i.Arch = gpu.CPU
	}
	return i
}

// dataToWrite is how many bytes the data sets take at most that are to be made.
func (s *session) dataToWrite(p *plan.Plan, n needs) int64 {
	var bytes int64
	for _, r := range n.data {
		if r.Dataset.Generator == nil {
			continue
		}
		if _, ok := s.newCampaign(p).FindDataset(r); !ok {
			bytes += prepare.DatasetBytes(r.Dataset.Lines, *r.UseCase.ISL)
		}
	}
	return bytes
}
