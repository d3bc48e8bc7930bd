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

type cancelFlags struct {
	definitionFlags
	Addresses   []string
	Orphans     bool
	AutoApprove bool
}

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
			return e.runCancel(ctx, cancelFlags{
				definitionFlags: definitionsIn(dir, c), Addresses: addresses, Orphans: c.Bool("orphans"), AutoApprove: c.Bool("auto-approve"),
			})
		},
	}
}

// A cancelRequest is what is to be cancelled at an address; a stray job has no attempt.
type cancelRequest struct {
	executors.CancelRequest
	address string
	packed  bool // its job has other runs too
}

// words name the run and the job that is cancelled, or that the run is taken out of.
func (fl cancelRequest) words() string {
	if fl.packed {
		return fmt.Sprintf("%s  in the pack of job %s", fl.address, executors.JobID(fl.Handle))
	}
	return fmt.Sprintf("%s  job %s", fl.address, executors.JobID(fl.Handle))
}

func (e *env) runCancel(ctx context.Context, f cancelFlags) error {
	s, p, err := e.declared(f.definitionFlags)
	if err != nil {
		return err
	}
	defer s.redactEnded()
	flights, err := s.cancelRequests(p, f)
	if err != nil {
		return err
	}
	if err := f.allMatch(p, flights); err != nil {
		return err
	}
	if f.Orphans && len(f.Addresses) == 0 {
		strays, err := s.strays(ctx, p)
		if err != nil {
			return err
		}
		flights = append(flights, strays...)
	}
	if len(flights) == 0 {
		return view.Nothing(e.streams.Out, "Nothing to cancel.")
	}
	lines := make([]string, len(flights))
	for i, fl := range flights {
		lines[i] = fl.words()
	}
	if err := view.List(e.streams.Err, "To be cancelled:", lines); err != nil {
		return err
	}
	if !f.AutoApprove {
		if err := e.confirm(fmt.Sprintf("Cancel %s?", view.Plural(len(flights), "run")), "cancels", "cancelled"); err != nil {
			return err
		}
	}
	list := make([]executors.CancelRequest, len(flights))
	for i, fl := range flights {
		list[i] = fl.CancelRequest
	}
	if err := executors.Cancel(ctx, list); err != nil {
		return err
	}
	return view.Nothing(e.streams.Out, fmt.Sprintf("Cancelled %d.", len(flights)))
}

// allMatch refuses an address that means no run.
func (f cancelFlags) allMatch(p *plan.Plan, flights []cancelRequest) error {
	for _, pattern := range f.Addresses {
		declared := slices.ContainsFunc(p.Runs, func(r *plan.Run) bool { return plan.Match(pattern, r.Address) })
		flying := slices.ContainsFunc(flights, func(fl cancelRequest) bool { return plan.Match(pattern, fl.address) })
		if !flying && !(declared && !f.Orphans) {
			return fmt.Errorf("%s matches no run; `llmbench status` lists the addresses. Nothing was cancelled", pattern)
		}
	}
	return nil
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

// cancelRequests lists the jobs in flight that f asks for.
func (s *session) cancelRequests(p *plan.Plan, f cancelFlags) ([]cancelRequest, error) {
	declared := map[store.Key]string{}
	backends := map[store.Key]*executors.Backend{}
	for _, r := range p.Runs {
		k := s.keyOf(r)
		k.Fingerprint = k.Fingerprint[:12]
		declared[k] = r.Address
		backends[k] = s.backends()[r.Executor]
	}
	keys, err := s.store.Keys()
	if err != nil {
		return nil, err
	}
	var out []cancelRequest
	for _, k := range keys {
		short := k
		short.Fingerprint = short.Fingerprint[:min(12, len(short.Fingerprint))]
		address, known := declared[short]
		if known == f.Orphans {
			continue
		}
		found, err := s.cancelRequestsOf(k, address, backends[short], f)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (s *session) cancelRequestsOf(k store.Key, address string, b *executors.Backend, f cancelFlags) ([]cancelRequest, error) {
	samples, err := s.seen.Samples(k, 0)
	if err != nil {
		return nil, err
	}
	var out []cancelRequest
	for _, sample := range samples {
		if !sample.State.InFlight() || !sample.Mine {
			continue
		}
		at := address
		if intent, err := sample.Attempt.Intent(); err == nil && intent != nil && at == "" {
			at = intent.Address
		}
		if some, _ := matching([]string{at}, f.Addresses, func(at string) string { return at }); len(some) == 0 {
			continue
		}
		if i := slices.IndexFunc(s.sites, func(st *site) bool { return st.Cluster == k.Cluster }); b == nil && i >= 0 {
			b = &s.sites[i].Backend
		}
		if b == nil {
			continue
		}
		out = append(out, cancelRequest{address: at, packed: sample.SharedJob != "", CancelRequest: executors.CancelRequest{
			Attempt: sample.Attempt, Handle: executors.Handle(sample.Handle), Backend: b,
		}})
	}
	return out, nil
}
