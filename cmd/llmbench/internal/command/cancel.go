package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

func cancelCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "cancel", Usage: "cancel runs in flight by their recorded job IDs", ArgsUsage: "[ADDR…] [DIR]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "dir", Usage: "the definitions are in `DIR`", Hidden: true}, // of 0.1.0
			&cli.StringFlag{Name: "executor", Usage: "select runs on executor `TYPE[.NAME]`"},
			&cli.BoolFlag{Name: "orphans", Usage: "cancel jobs of runs that are no longer declared instead"},
			&cli.BoolFlag{Name: "auto-approve", Usage: "skip the confirmation prompt"},
		),
		Description: description([]string{"llmbench cancel -executor=simulate -auto-approve use_case=chat examples/llama4-maverick", "llmbench cancel -executor=simulate -auto-approve examples/llama4-maverick"},
			"0  nothing that was selected is in flight any more", "1  error, or not approved"),
		Action: func(ctx context.Context, c *cli.Command) error {
			addresses, dir := addressesAndDir(c.Args().Slice())
			if c.IsSet("dir") {
				addresses, dir = c.Args().Slice(), c.String("dir")
			}
			return e.runCancel(ctx, definitionsIn(dir, c), addresses, c.Bool("orphans"), c.Bool("auto-approve"))
		},
	}
}

// A cancelRequest is what is to be cancelled at an address; a stray job has no attempt.
type cancelRequest struct {
	executors.CancelRequest
	address string
	packed  bool // its job has other runs too
}

func (e *env) runCancel(ctx context.Context, f definitionFlags, addresses []string, orphans, approved bool) error {
	s, p, err := e.declared(f)
	if err != nil {
		return err
	}
	defer s.redactEnded()
	flights, err := s.cancelRequests(p, addresses, orphans)
	if err != nil {
		return err
	}
	for _, pattern := range addresses {
		declared := slices.ContainsFunc(p.Runs, func(r *plan.Run) bool { return plan.Match(pattern, r.Address) })
		flying := slices.ContainsFunc(flights, func(fl cancelRequest) bool { return plan.Match(pattern, fl.address) })
		if !flying && !(declared && !orphans) {
			return fmt.Errorf("%s matches no run; `llmbench status` lists the addresses. Nothing was cancelled", pattern)
		}
	}
	if orphans && len(addresses) == 0 {
		strays, err := s.strays(ctx, p)
		if err != nil {
			return err
		}
		flights = append(flights, strays...)
	}
	if len(flights) == 0 {
		return view.Nothing(e.streams.Out, "Nothing to cancel.")
	}
	var lines []string
	var list []executors.CancelRequest
	for _, fl := range flights {
		where := "job "
		if fl.packed {
			where = "in the pack of job "
		}
		lines, list = append(lines, fl.address+"  "+where+executors.JobID(fl.Handle)), append(list, fl.CancelRequest)
	}
	if err := view.List(e.streams.Err, "To be cancelled:", lines); err != nil {
		return err
	}
	if !approved {
		if err := e.confirm(fmt.Sprintf("Cancel %s?", view.Plural(len(flights), "run")), "cancels", "cancelled"); err != nil {
			return err
		}
	}
	if err := executors.Cancel(ctx, list); err != nil {
		return err
	}
	return view.Nothing(e.streams.Out, fmt.Sprintf("Cancelled %d.", len(flights)))
}

// strays are jobs in the queue whose attempt's outcome is known.
func (s *session) strays(ctx context.Context, p *plan.Plan) ([]cancelRequest, error) {
	var out []cancelRequest
	for _, st := range s.sites {
		if st.Executor == nil {
			continue
		}
		found, err := executors.Strays(ctx, s.store, p.Runs, &st.Backend)
		if err != nil {
			return nil, err
		}
		for _, h := range found {
			out = append(out, cancelRequest{address: "(its run has ended)", CancelRequest: executors.CancelRequest{Handle: h, Backend: &st.Backend}})
		}
	}
	return out, nil
}

// cancelRequests lists this user's jobs in flight at some addresses, all for none: of
// the runs that are declared, or of the others.
func (s *session) cancelRequests(p *plan.Plan, addresses []string, orphans bool) ([]cancelRequest, error) {
	declared := map[store.Key]*plan.Run{}
	short := func(k store.Key) store.Key {
		k.Fingerprint = store.Digits(k.Fingerprint)
		return k
	}
	for _, r := range p.Runs {
		declared[short(s.keyOf(r))] = r
	}
	keys, err := s.store.Keys()
	if err != nil {
		return nil, err
	}
	var out []cancelRequest
	for _, k := range keys {
		run := declared[short(k)]
		site := slices.IndexFunc(s.sites, func(st *site) bool {
			return run != nil && st.Ref == run.Executor || run == nil && st.Cluster == k.Cluster
		})
		if (run != nil) == orphans || site < 0 {
			continue
		}
		samples, err := s.seen.Samples(k, 0)
		if err != nil {
			return nil, err
		}
		for _, sample := range samples {
			if !sample.State.InFlight() || !sample.Mine {
				continue
			}
			at := ""
			if run != nil {
				at = run.Address
			} else if intent, err := sample.Attempt.Intent(); err == nil && intent != nil {
				at = intent.Address
			}
			if some, _ := matching([]string{at}, addresses, func(at string) string { return at }); len(some) == 0 {
				continue
			}
			out = append(out, cancelRequest{address: at, packed: sample.SharedJob != "", CancelRequest: executors.CancelRequest{
				Attempt: sample.Attempt, Handle: executors.Handle(sample.Handle), Backend: &s.sites[site].Backend,
			}})
		}
	}
	return out, nil
}
