package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

type applyFlags struct {
	definitionFlags
	plan.Selection
	Plan                                 string // a saved plan instead of a directory
	AutoApprove, Detach, KeepGoing, JSON bool
	MaxGPUHours                          float64
	LockTimeout                          time.Duration
	Pack                                 int // runs a job, 0 for what the executor says
	SkipChecks                           bool
	// foreign says what others may have written of a saved plan and its definitions.
	foreign []string
}

func applyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "apply", Usage: "run the plan, resuming unfinished runs", ArgsUsage: "[DIR|PLAN]",
		Flags: append(append(definitionFlagSet(), selectionFlagSet()...),
			&cli.BoolFlag{Name: "auto-approve", Usage: "skip the confirmation prompt"},
			&cli.BoolFlag{Name: "detach", Usage: "submit jobs and return; follow them with status or another apply"},
			&cli.IntFlag{Name: "pack", Usage: "run up to `N` runs in one job, one after another"},
			&cli.BoolFlag{Name: "keep-going", Usage: "submit runs even if a similar one failed to start"},
			&cli.FloatFlag{Name: "max-gpu-hours", Usage: "start nothing that could bring this apply, or all applies of a saved plan, above `N` GPU-hours"},
			&cli.DurationFlag{Name: "lock-timeout", Usage: "wait up to `TIME`, such as 10m, for another apply on the same store"},
			&cli.BoolFlag{Name: "skip-checks", Usage: "skip the checks of site, weights and images that run first"},
			&cli.BoolFlag{Name: "json", Usage: "print events, one JSON object per line"},
		),
		Description: description([]string{
			"llmbench apply -auto-approve -executor=simulate examples/llama4-maverick",
			"llmbench apply -auto-approve -executor=simulate -target=use_case=chat examples/llama4-maverick",
		},
			"0         all selected runs have their samples; with -detach: all are submitted",
			"1         error, or not approved; nothing was started",
			"3         a selected run failed, is invalid or blocked, or no candidate of a search meets its bounds",
			"4         jobs were started and are still running; with -detach: a search is not finished",
			"130, 143  interrupted; jobs keep running"),
		Action: inDir(func(ctx context.Context, c *cli.Command, defs definitionFlags) error {
			f, err := readApplyFlags(c, defs)
			if err != nil {
				return err
			}
			return e.runApply(ctx, f)
		}),
	}
}

func readApplyFlags(c *cli.Command, defs definitionFlags) (applyFlags, error) {
	f := applyFlags{
		definitionFlags: defs, Selection: readSelection(c),
		AutoApprove: c.Bool("auto-approve"), Detach: c.Bool("detach"), KeepGoing: c.Bool("keep-going"),
		JSON: c.Bool("json"), MaxGPUHours: c.Float("max-gpu-hours"), LockTimeout: c.Duration("lock-timeout"), SkipChecks: c.Bool("skip-checks"),
		Pack: c.Int("pack"),
	}
	if c.IsSet("pack") && f.Pack < 1 {
		return f, fmt.Errorf("-pack=%d: a job runs at least one run", f.Pack)
	}
	if c.IsSet("max-gpu-hours") && !(f.MaxGPUHours > 0) {
		return f, fmt.Errorf("-max-gpu-hours=%g allows nothing to run; it must be more than 0", f.MaxGPUHours)
	}
	info, err := os.Stat(f.Dir)
	if err != nil {
		return f, err
	}
	if info.IsDir() {
		return f, nil
	}
	f.Plan = f.Dir
	if len(f.Vars) > 0 || len(f.VarFiles) > 0 || f.Store != "" || f.Executor != "" || f.Pack > 0 ||
		len(f.Addresses) > 0 || len(f.Replaces) > 0 || f.Retry {
		return f, fmt.Errorf("%s is a saved plan, which has decided variables, store, executor, packs and selection already: leave -var, -var-file, -store, -executor, -pack, -target, -replace and -retry out, or plan again", f.Plan)
	}
	return f, nil
}

// runApply plans, asks, and measures.
func (e *env) runApply(ctx context.Context, f applyFlags) error {
	s, p, diags, err := e.planned(&f)
	if p == nil {
		p = plan.Empty(Version)
	}
	out := view.NewApply(e.streams, f.JSON, p)
	if err == nil {
		err = s.apply(ctx, p, diags, f, out)
	}
	var code exitStatus
	if err == nil || errors.As(err, &code) {
		return err
	}
	if e.signal.Err() != nil && s != nil && errors.Is(err, context.Canceled) {
		out.NotStarted(s.hints(p, f))
		return out.End(e.signal.code())
	}
	if !f.JSON {
		return err
	}
	out.Error(err) // the stream holds the error too, and ends with the exit code
	return out.End(exitError)
}

func (s *session) apply(ctx context.Context, p *plan.Plan, diags hcl.Diagnostics, f applyFlags, out *view.Apply) error {
	if err := s.applicable(p, diags, f, out); err != nil {
		return err
	}
	for _, r := range p.Runs {
		if f.Detach && !s.siteOf(r).Adopt {
			return fmt.Errorf("-detach: runs on executor %q end with llmbench; leave -detach out. Nothing was started", r.Executor.Type)
		}
	}
	if err := out.Planned(s.view(p)); err != nil {
		return err
	}
	if !f.JSON {
		s.warn(diags)
	}
	if p.Summary.ToDo()+p.Summary.Wait == 0 {
		return s.finish(p, executors.Ending{Failed: p.Summary.Blocked}, out)
	}
	if err := s.env.approve(p, diags, f); err != nil {
		return err
	}
	return s.measure(ctx, p, f, out)
}

// applicable refuses what cannot be applied, before anything is asked or
// started.
func (s *session) applicable(p *plan.Plan, diags hcl.Diagnostics, f applyFlags, out *view.Apply) error {
	diags = forApply(diags)
	if f.JSON {
		out.Diagnostics(diags)
		if diags.HasErrors() {
			return out.End(exitError)
		}
	} else if diags.HasErrors() {
		return s.complain(diags)
	}
	if most := f.MaxGPUHours; most > 0 && !p.Free() && p.Summary.GPUHoursLimit > most {
		return fmt.Errorf("the time limits add up to %.1f GPU-hours, more than -max-gpu-hours=%g; nothing was started", p.Summary.GPUHoursLimit, most)
	}
	if p.Summary.ToDo() == 0 {
		return nil
	}
	for _, st := range s.sites {
		if st.Scheduler == nil {
			continue
		}
		if err := st.Scheduler.Available(s.env.signal); err != nil {
			return err
		}
	}
	return nil
}

// approve asks, unless told not to.
func (e *env) approve(p *plan.Plan, diags hcl.Diagnostics, f applyFlags) error {
	if f.AutoApprove || f.Plan != "" && f.foreign == nil || p.Summary.ToDo() == 0 {
		return nil
	}
	theirs := ""
	if f.foreign != nil {
		theirs = "Others may have written this plan: " + view.Some(f.foreign, 3) + ".\n"
	}
	if !e.streams.Interactive && theirs != "" {
		return errors.New(theirs + "There is no terminal to ask on: read above what it starts, then -auto-approve applies it. Nothing was started")
	}
	question := fmt.Sprintf("Start jobs that can cost up to %.1f GPU-hours?", p.Summary.GPUHoursLimit)
	switch {
	case p.Free():
		question = fmt.Sprintf("Simulate %s? SIMULATED: nothing is measured, and no GPU is held.", view.Plural(p.Summary.ToDo(), "run"))
	case p.Simulated():
		question = "SIMULATED: nothing is measured. " + question
	}
	if warnings := view.Warnings(diags); warnings != "" {
		question = warnings + ".\n" + question
	}
	return e.confirm(theirs+question, "applies", "started")
}

func (s *session) measure(ctx context.Context, p *plan.Plan, f applyFlags, out *view.Apply) error {
	if err := s.store.Create(); err != nil {
		return err
	}
	lease, err := s.lease(ctx, f.LockTimeout)
	if err != nil {
		return inUse(err)
	}
	defer lease.Release()
	ctx, cancel := lease.While(ctx)
	defer cancel()
	if err := s.siteChecks(p, f); err != nil {
		return err
	}
	if err := s.replace(p); err != nil {
		return err
	}
	budget := &executors.Budget{Max: s.mostGPUHours(p, f)}
	var ending executors.Ending
	for next := p; next != nil; next = s.more(next, f) {
		if err = s.writeRounds(next); err != nil {
			break
		}
		if next != p {
			out.Rounds(s.view(next))
		}
		budget.Later = next.LaterGPUHours()
		ending, err = s.campaign(ctx, next, f, budget, out)
		if err != nil || ending.Failed+ending.GoingOn > 0 || ctx.Err() != nil {
			break
		}
	}
	if err != nil && !(ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		out.Error(err)
		switch {
		case ending.GoingOn > 0:
			out.GoesOn("This apply has ended; its jobs keep running.", ending, s.hints(p, f))
			return out.End(exitGoingOn)
		case ending.Started > 0:
			return out.End(exitFailed)
		}
		return out.End(exitError)
	}
	if ctx.Err() != nil {
		out.GoesOn("Interrupted.", ending, s.hints(p, f))
		if s.env.signal.Err() == nil {
			s.env.log.Error("another apply took the store's lock; jobs keep running and this apply stopped")
			return out.End(exitGoingOn)
		}
		return out.End(s.env.signal.code())
	}
	if f.Detach && ending.GoingOn > 0 {
		out.GoesOn("All jobs are submitted.", ending, s.hints(p, f))
		if len(p.Searches) > 0 { // what comes next hangs on the results
			return out.End(exitGoingOn)
		}
		return out.End(exitDone)
	}
	return s.finish(p, ending, out)
}

// lease takes the store's lease, waiting for another apply up to timeout.
func (s *session) lease(ctx context.Context, timeout time.Duration) (*store.Lease, error) {
	if s.unshared != nil {
		return nil, s.unshared
	}
	deadline := time.Now().Add(timeout)
	for told := false; ; told = true {
		lease, err := s.store.Acquire(ctx, s.owner("apply"))
		var held *store.HeldError
		if !errors.As(err, &held) || time.Now().After(deadline) {
			return lease, err
		}
		if !told {
			fmt.Fprintf(s.env.streams.Err, "%v; waiting up to %s for it\n", held, timeout)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(2*time.Second, max(100*time.Millisecond, time.Until(deadline)))):
		}
	}
}

// inUse adds to a refused lease what to do about it.
func inUse(err error) error {
	var held *store.HeldError
	if !errors.As(err, &held) {
		return err
	}
	return fmt.Errorf("%w\nNothing was started. Wait for that apply to end, or follow it with `llmbench status`; if it is certainly dead, `llmbench unlock` releases its lock", err)
}

// replace sets aside what -replace asked to measure again, before the first
// submission, so that a resumed apply measures it too.
func (s *session) replace(p *plan.Plan) error {
	for _, r := range p.Runs {
		if !r.Replaced() {
			continue
		}
		if err := s.store.ReplaceAll(s.keyOf(r), r.Reason, s.saved); err != nil {
			return err
		}
	}
	return nil
}

// mostGPUHours is the smaller of the policy's and the flag's bound, 0 for none: a
// simulation holds no GPU.
func (s *session) mostGPUHours(of *plan.Plan, f applyFlags) float64 {
	if of.Free() {
		return 0
	}
	most := f.MaxGPUHours
	if p := s.defs.Policy; p != nil && p.MaxGPUHours != nil && (most <= 0 || *p.MaxGPUHours < most) {
		most = *p.MaxGPUHours
	}
	return most
}

// writeRounds writes down the rounds that p begins, before anything of them is submitted.
func (s *session) writeRounds(p *plan.Plan) error {
	now := time.Now().UTC()
	for _, one := range p.Searches {
		r, ok := one.NextRound(p)
		if !ok {
			continue
		}
		if r.Plan = s.saved; r.Created.IsZero() {
			r.Created = now
		}
		if err := s.store.WriteRound(r, one.Simulated); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) campaign(ctx context.Context, p *plan.Plan, f applyFlags, budget *executors.Budget, out *view.Apply) (executors.Ending, error) {
	c := s.newCampaign(p)
	c.Secrets, c.Hidden, c.Directory, c.Saved, c.Budget, c.Observe = s.secrets(), s.defs.Secrets(), s.directory(), s.saved, budget, out.Event
	c.Detach, c.KeepGoing, c.ChecksSkipped = f.Detach, f.KeepGoing, f.SkipChecks
	return c.Run(ctx)
}

// newCampaign is a campaign over the runs of a plan, which also makes and finds their
// data sets.
func (s *session) newCampaign(p *plan.Plan) *executors.Campaign {
	return &executors.Campaign{Plan: p, Store: s.store, Backends: s.backends(), Vocabulary: s.vocabulary, Log: s.env.log}
}

// vocabulary is that of the tokenizer of a run's model.
func (s *session) vocabulary(run *plan.Run) (vocab, eos int) {
	m, _, ok := s.defs.Catalog.Model(run.Model.Checkpoint)
	if !ok {
		panic("command: " + run.Model.Checkpoint + " was planned and is not catalogued")
	}
	return m.TokenizerVocab, m.EOS
}

// secrets gives the environment of the run at an address that is never written but to
// the file of its job, as NAME=VALUE.
func (s *session) secrets() func(address string) []string {
	found := map[string][]string{}
	for _, c := range s.defs.Cells {
		for _, e := range c.Env.Vars {
			if e.Sensitive {
				found[c.Address] = append(found[c.Address], e.Name+"="+e.Value)
			}
		}
	}
	return func(address string) []string { return slices.Clone(found[address]) }
}

// more is the plan of the samples that a precision or a search still asks for once
// those of p are had; nil for none.
func (s *session) more(p *plan.Plan, f applyFlags) *plan.Plan {
	if len(p.Searches) == 0 && !slices.ContainsFunc(p.Runs, (*plan.Run).Precise) {
		return nil
	}
	retry := f.Retry && len(p.Searches) == 0 // a search tries what failed once more, not in each round
	next, diags := s.proven(plan.Selection{Retry: retry, Addresses: addresses(p.Runs)})
	if diags.HasErrors() || next.Summary.ToDo() == 0 {
		return nil
	}
	return next
}

// refreshed is p with what its samples say now of the precision or the search that they
// are taken for.
func (s *session) refreshed(p *plan.Plan) *plan.Plan {
	if len(p.Searches) == 0 && !slices.ContainsFunc(p.Runs, (*plan.Run).Precise) {
		return p
	}
	now, diags := s.plan(plan.Selection{Addresses: addresses(p.Runs)})
	if diags.HasErrors() {
		return p
	}
	return now
}

func addresses(runs []*plan.Run) []string {
	var out []string
	for _, r := range runs {
		out = append(out, r.Address)
	}
	return out
}

// hints are the flags and the directory that other commands need to see the same
// runs.
func (s *session) hints(p *plan.Plan, f applyFlags) view.Hints {
	var flags []string
	executor := f.Executor
	if f.Plan != "" {
		executor = executorOf(p)
	}
	if executor != "" {
		flags = append(flags, "-executor="+executor)
	}
	if s.storeName != storeName(definitionFlags{Dir: s.defs.Dir}, s.defs) {
		flags = append(flags, "-store="+s.storeName)
	}
	return view.Hints{Flags: flags, Dir: s.defs.Dir, Plan: f.Plan}
}

// condense makes the records of requests smaller that no apply has seen the end of.
func (s *session) condense(p *plan.Plan) {
	for _, r := range p.Runs {
		if k := s.keyOf(r); r.RequestLog && k.Cluster != "" {
			if err := s.store.Condense(k); err != nil {
				s.env.log.Warn("cannot make the records of requests smaller", "run", r.Address, "error", err)
			}
		}
	}
}

// finish shows the results and decides the exit code.
func (s *session) finish(p *plan.Plan, ending executors.Ending, out *view.Apply) error {
	p = s.refreshed(p)
	s.condense(p)
	s.seen = s.store.View(Version)
	set, err := s.results(p)
	if err != nil {
		return err
	}
	written, tables := s.writeTables(set)
	if err := out.Results(set, p, written); err != nil {
		return err
	}
	if tables != nil { // the samples are there: the exit code tells of them
		out.Error(fmt.Errorf("the tables could not be written: %w; `llmbench results` prints them", tables))
	}
	switch {
	case ending.GoingOn > 0:
		return out.End(exitGoingOn)
	case ending.Failed > 0, len(p.Unmet()) > 0:
		return out.End(exitFailed)
	}
	return out.End(exitDone)
}

// writeTables writes the tables into the store and returns their folders.
func (s *session) writeTables(list []*results.Set) ([]string, error) {
	var dirs []string
	for _, set := range list {
		dir, err := s.store.WriteTables(view.Simulated(set), map[string]func(io.Writer) error{
			"results.md": func(w io.Writer) error { return view.ResultsMarkdown(w, set) }, "results.csv": set.WriteCSV, "results.json": set.WriteJSON,
		})
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}
