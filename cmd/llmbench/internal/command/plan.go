package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/schema/regular"
)

type planFlags struct {
	definitionFlags
	plan.Selection
	Out, Format, Explain, Against, Scripts string
	JSON, Detailed, All                    bool
}

func planCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "show what would be measured, why, with what commands and at what cost", ArgsUsage: "[DIR]",
		Flags: append(append(definitionFlagSet(), selectionFlagSet()...),
			&cli.StringFlag{Name: "out", Usage: "save the plan to `FILE` for apply"},
			&cli.BoolFlag{Name: "json", Usage: "print the plan document"},
			&cli.BoolFlag{Name: "all", Usage: "list unchanged runs too"},
			&cli.StringFlag{Name: "format", Value: "text", Usage: "print as `FORMAT`: text or markdown"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit 2 when there is something to do"},
			&cli.StringFlag{Name: "explain", Usage: "show everything about the run at `ADDR`"},
			&cli.StringFlag{Name: "against", Usage: "compare with `BASE.json`, a saved plan or results"},
			&cli.StringFlag{Name: "write-scripts", Usage: "write one job script per run into `DIR`, for sbatch by hand"},
		),
		Description: description([]string{
			"llmbench plan examples/llama4-maverick",
			"llmbench plan -executor=simulate -target=use_case=chat examples/llama4-maverick",
			"llmbench plan -json examples/llama4-maverick",
		}, "0  the plan was made; with -detailed-exitcode: nothing to do", "1  error", "2  with -detailed-exitcode: something to do", "3  with -detailed-exitcode: no candidate of a search meets its bounds"),
		Action: inDir(func(ctx context.Context, c *cli.Command, defs definitionFlags) error {
			return e.runPlan(ctx, planFlags{
				definitionFlags: defs, Selection: readSelection(c),
				Out: c.String("out"), Format: c.String("format"), Explain: c.String("explain"),
				Against: c.String("against"), Scripts: c.String("write-scripts"),
				JSON: c.Bool("json"), All: c.Bool("all"), Detailed: c.Bool("detailed-exitcode"),
			})
		}),
	}
}

func (e *env) runPlan(ctx context.Context, f planFlags) error {
	if f.Format != "text" && f.Format != "markdown" {
		return fmt.Errorf("-format=%s: a plan is printed as text or markdown; -json prints the document", f.Format)
	}
	s := e.load(f.definitionFlags)
	p, diags := s.proven(f.Selection)
	if f.Out != "" {
		diags = forApply(diags)
	}
	if f.JSON {
		if err := document.Write(e.streams.Out, p); err != nil {
			return err
		}
	}
	if diags.HasErrors() {
		return s.complain(diags)
	}
	if err := s.printPlan(p, f); err != nil {
		return err
	}
	s.warn(diags)
	if f.Out != "" {
		if err := savePlan(f.Out, p); err != nil {
			return err
		}
		fmt.Fprintf(e.streams.Err, "\nSaved the plan to %s. To measure exactly this:\n  llmbench apply %s\n", f.Out, f.Out)
	}
	if f.Scripts != "" {
		if err := s.writeScripts(ctx, p, f.Scripts); err != nil {
			return err
		}
	}
	switch {
	case !f.Detailed:
	case p.Summary.ToDo()+p.Summary.Wait+p.Summary.Blocked > 0:
		return exitStatus(exitToDo)
	case len(p.Unmet()) > 0:
		return exitStatus(exitFailed)
	}
	return nil
}

func (s *session) printPlan(p *plan.Plan, f planFlags) error {
	v, out := s.view(p), s.env.streams.Out
	v.All = f.All
	switch {
	case f.JSON:
		return nil
	case f.Explain != "":
		found, none := matching(p.Runs, []string{f.Explain}, func(r *plan.Run) string { return r.Address })
		if none != "" {
			return fmt.Errorf("-explain=%s matches no run of the plan", f.Explain)
		}
		for _, r := range found {
			if err := v.Explain(out, r); err != nil {
				return err
			}
		}
		return nil
	case f.Against == "" && f.Format == "text":
		return v.Text(out)
	}
	var base []*plan.Run
	if f.Against != "" {
		var err error
		if base, err = baseRuns(f.Against); err != nil {
			return err
		}
	}
	if f.Format == "text" {
		return view.Against(out, p, base, f.Against)
	}
	return v.Markdown(out, base, filepath.Base(f.Against))
}

// view is p with what the definitions say of its executors and its price.
func (s *session) view(p *plan.Plan) view.PlanView {
	v := view.PlanView{
		Plan: p, Source: s.source, Price: s.price(), NewData: s.dataToWrite(p, s.needs(p)),
		Describe: map[plan.ExecutorRef]string{}, Placement: map[plan.ExecutorRef]string{}, Unpacked: map[plan.ExecutorRef]bool{},
	}
	for _, st := range s.sites {
		if st.Renderer != nil {
			v.Describe[st.Ref] = st.Renderer.Describe()
		}
		v.Unpacked[st.Ref] = st.Scheduler != nil && st.Scheduler.CanPack()
	}
	for _, r := range p.Runs {
		gpu, ok := s.defs.Catalog.GPU(r.Hardware.GPU)
		if st := s.siteOf(r); st.Scheduler != nil && ok && gpu.Domain && r.Hardware.Nodes > 1 {
			v.Placement[r.Executor] = st.Scheduler.Domain()
		}
	}
	return v
}

func (s *session) price() view.Price {
	policy := s.defs.Policy
	if policy == nil || policy.GPUHourPrice == nil {
		return view.Price{}
	}
	return view.Price{PerGPUHour: *policy.GPUHourPrice, Currency: policy.Currency}
}

func savePlan(path string, p *plan.Plan) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	p.Saved = time.Now().UTC()
	if err := document.Save(f, p); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
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
				p.Runs[i] = old.Planned()
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

// writeScripts writes one self-contained job script per run, which sbatch takes
// by hand and whose results land in the store like any other's.
func (s *session) writeScripts(ctx context.Context, p *plan.Plan, dir string) error {
	if err := s.haveScripts(p); err != nil {
		return err
	}
	if err := s.store.Create(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	c := s.newCampaign(p)
	var written []string
	for _, r := range p.Runs {
		st := s.siteOf(r)
		data, err := c.Dataset(ctx, r)
		if err != nil {
			return err
		}
		name := strings.NewReplacer("/", ".", "=", "-").Replace(r.Address)
		script := st.Scheduler.ManualScript(r, executors.ManualPaths{
			Folder: s.store.KeyDir(s.keyOf(r)), Files: filepath.Join(dir, name+".files"),
			Store: s.store.Dir(), Dataset: data, Cluster: st.Cluster,
		})
		path, err := writeManual(dir, name, r, script)
		if err != nil {
			return err
		}
		written = append(written, path)
	}
	return view.List(s.env.streams.Out, "\nJob scripts, for sbatch by hand:", written)
}

// haveScripts refuses a plan with a run that no script can be written for.
func (s *session) haveScripts(p *plan.Plan) error {
	for _, r := range p.Runs {
		st := s.siteOf(r)
		if st.Scheduler == nil {
			return fmt.Errorf("%s runs on executor %q, which has no job scripts", r.Address, r.Executor.Type)
		}
		if r.Shared() {
			return fmt.Errorf("%s shares an engine with other runs of its job, and a script for sbatch by hand has one run: apply it, or set engine = \"fresh\"", r.Address)
		}
		if st.Cluster == "" {
			return errors.New("the name of the cluster is not known here, and results are kept by it: write the scripts on a login node, or set cluster in the executor")
		}
	}
	return nil
}

func writeManual(dir, name string, r *plan.Run, script string) (string, error) {
	files := filepath.Join(dir, name+".files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return "", err
	}
	run, err := json.Marshal(document.NewRun(r, r.Jobs()...))
	if err != nil {
		return "", err
	}
	content := map[string]string{
		jobdir.RunFile: string(run) + "\n", jobdir.IdentityFile: string(plan.NewIdentity(r, r.Settings).Canonical()) + "\n",
	}
	maps.Copy(content, r.Command().Files)
	for n, text := range content {
		if err := os.WriteFile(filepath.Join(files, n), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, name+".sh")
	return path, os.WriteFile(path, []byte(script), 0o755)
}
