package command

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

func statusCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show the state of every run", ArgsUsage: "[DIR]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "executor", Usage: "select runs on executor `TYPE[.NAME]`"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "watch", Usage: "redraw it every few seconds until no job is in flight and no apply starts more"},
		),
		Description: description([]string{"llmbench status -executor=simulate examples/llama4-maverick"},
			"0  all runs have their samples", "1  error", "3  some run failed, is invalid or blocked, or was never started", "4  jobs are still running", "130, 143  interrupted while watching"),
		Action: inDir(func(ctx context.Context, c *cli.Command, f definitionFlags) error {
			watch := c.Bool("watch")
			for {
				if watch {
					e.streams.Redraw()
				}
				code, applying, err := e.runStatus(ctx, f, c.Bool("json"))
				if err != nil {
					return err
				}
				switch {
				case watch && (code == exitGoingOn || applying):
				case code == exitDone:
					return nil
				default:
					return exitStatus(code)
				}
				select {
				case <-ctx.Done():
					return e.interrupted()
				case <-time.After(watchEvery):
				}
			}
		}),
	}
}

// watchEvery is the time between two pictures of status -watch.
const watchEvery = 5 * time.Second

// runStatus prints where the runs are. applying says that an apply at work may start
// those that are left.
func (e *env) runStatus(ctx context.Context, f definitionFlags, asJSON bool) (code int, applying bool, err error) {
	var p *plan.Plan
	var lines []view.RunStatus
	var s *session
	for range 3 { // jobs may end while the store is read
		s = e.load(f)
		s.redactEnded()
		var diags hcl.Diagnostics
		if p, diags = s.plan(plan.Selection{}); diags.HasErrors() {
			if asJSON {
				if err := view.StatusJSON(e.streams.Out, nil, view.Totals{}); err != nil {
					return exitError, false, err
				}
			}
			return exitError, false, s.complain(diags)
		}
		if lines, err = s.runStatuses(ctx, p); err != nil {
			return exitError, false, err
		}
		if !slices.ContainsFunc(lines, func(l view.RunStatus) bool { return l.Action == plan.Wait && !l.GoingOn() }) {
			break
		}
	}
	code = statusCode(p, lines)
	applying = p.Summary.ToDo()+p.Summary.Wait > 0 && s.applying()
	shown := p
	if lines, shown, err = s.simulated(ctx, f, lines, p); err != nil {
		return exitError, false, err
	}
	totals := view.NewTotals(lines, applying, time.Now())
	if asJSON {
		return code, applying, view.StatusJSON(e.streams.Out, lines, totals)
	}
	return code, applying, view.Status(e.streams.Out, lines, totals, shown)
}

// applying reports whether an apply holds the store's lock and lives, as far as its
// last sign of life tells.
func (s *session) applying() bool {
	h, err := s.store.Holder()
	if err != nil || h == nil || h.Gone {
		return false
	}
	seen := h.LastSeen
	if seen.IsZero() {
		seen = h.Owner.Started
	}
	return time.Since(seen) < 6*store.Heartbeat
}

// simulated are the lines of simulations where nothing is measured yet and the
// store has some, else lines.
func (s *session) simulated(ctx context.Context, f definitionFlags, lines []view.RunStatus, p *plan.Plan) ([]view.RunStatus, *plan.Plan, error) {
	if slices.ContainsFunc(lines, func(l view.RunStatus) bool { return !l.Untouched() }) {
		return lines, p, nil
	}
	other, of, _, err := s.orSimulated(f, nil, p, nil)
	if err != nil || other == s {
		return lines, p, err
	}
	lines, err = other.runStatuses(ctx, of)
	for i := range lines {
		if lines[i].State == plan.Done {
			lines[i].State = "simulated"
		}
	}
	return lines, of, err
}

// runStatuses are where every run of the plan is: its samples from their folders,
// jobs in flight from one query to each backend.
func (s *session) runStatuses(ctx context.Context, p *plan.Plan) ([]view.RunStatus, error) {
	asked := map[*executors.Backend][]executors.Handle{}
	submitted := map[executors.Handle]time.Time{}
	list := slices.DeleteFunc(slices.Clone(p.Runs), func(r *plan.Run) bool { return r.Action == plan.Candidate })
	lines, found := make([]view.RunStatus, len(list)), make([][]store.Sample, len(list))
	if err := jobdir.AtOnce(len(list), func(i int) (err error) {
		if k := s.keyOf(list[i]); k.Cluster != "" {
			if found[i], err = s.seen.Samples(k, list[i].State.Wanted); err != nil {
				return err
			}
		}
		lines[i], err = view.NewRunStatus(list[i], found[i], time.Now())
		return err
	}); err != nil {
		return nil, err
	}
	for i, r := range list {
		for _, sample := range found[i] {
			if b := s.backends()[r.Executor]; b != nil && sample.State.InFlight() && sample.Mine && sample.Handle != "" {
				h := executors.Handle(sample.Handle)
				asked[b] = append(asked[b], h)
				if job, err := sample.Attempt.Receipt(); err == nil && job != nil {
					submitted[h] = job.Submitted
				}
			}
		}
	}
	for b, handles := range asked {
		answer, err := b.Executor.Poll(ctx, handles)
		if err != nil {
			s.env.log.Warn("no contact", "executor", b.Ref.Type, "error", err)
			continue
		}
		if queue, ok := b.Executor.(executors.Queue); ok {
			handles = slices.DeleteFunc(handles, func(h executors.Handle) bool { _, told := answer[h]; return told })
			handles = slices.DeleteFunc(handles, func(h executors.Handle) bool { return time.Since(submitted[h]) < settled })
			gone, err := queue.Gone(ctx, handles)
			if err != nil {
				s.env.log.Warn("no contact", "executor", b.Ref.Type, "error", err)
			}
			for _, h := range gone {
				answer[h] = executors.Status{State: plan.Ended, End: failure.Lost, Reason: "the cluster no longer knows the job, and it left no exit record"}
			}
		}
		for i := range lines {
			lines[i].Update(answer)
		}
	}
	return lines, nil
}

// settled is for how long after its submission a job may not be known yet.
const settled = 2 * time.Minute

func statusCode(p *plan.Plan, lines []view.RunStatus) int {
	code := exitDone
	if len(p.Unmet()) > 0 {
		code = exitFailed
	}
	for _, l := range lines {
		switch {
		case l.GoingOn():
			return exitGoingOn
		case l.Action != plan.Keep:
			code = exitFailed
		}
	}
	return code
}
