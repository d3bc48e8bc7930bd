package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
)

func pruneCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "prune", Usage: "remove files from the store that no result needs", ArgsUsage: "[DIR]",
		Flags: append(definitionFlagSet(),
			&cli.DurationFlag{Name: "older-than", Value: 24 * time.Hour, Usage: "keep what changed in the last `TIME`, such as 168h"},
			&cli.BoolFlag{Name: "auto-approve", Usage: "skip the confirmation prompt"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON; without -auto-approve nothing is removed"},
		),
		Description: description([]string{"llmbench prune -auto-approve examples/llama4-maverick", "llmbench prune -json examples/llama4-maverick"},
			"0  removed, or nothing to remove, or -json listed it", "1  error, not approved, or something could not be removed"),
		Action: inDir(func(ctx context.Context, c *cli.Command, f definitionFlags) error {
			return e.runPrune(ctx, f, c.Duration("older-than"), c.Bool("auto-approve"), c.Bool("json"))
		}),
	}
}

func (e *env) runPrune(ctx context.Context, f definitionFlags, olderThan time.Duration, approved, asJSON bool) error {
	if olderThan < 0 {
		return errors.New("-older-than must not be negative")
	}
	s, p, err := e.declared(f.on(simulate.Type))
	if err != nil {
		return err
	}
	keep := store.Protected{Keys: map[store.Key]bool{}, Datasets: map[string]bool{}, Directory: s.directory(), Since: time.Now().Add(-olderThan)}
	s.keeps(p, keep)
	if len(s.defs.Executors) > 0 {
		real, p, err := e.declared(f)
		if err != nil {
			return err
		}
		real.keeps(p, keep)
	}
	list, unread, err := s.store.Prunable(keep)
	if err != nil {
		return err
	}
	for _, why := range unread {
		fmt.Fprintf(e.streams.Err, "Warning: an attempt cannot be read: %v. It stays, and so do all data sets, for it may use one. Restore the folder, or remove it.\n", why)
	}
	if asJSON && !approved {
		return view.PruneJSON(e.streams.Out, s.store.Dir(), list, false)
	}
	if len(list) > 0 && !asJSON {
		if err := view.Prune(e.streams.Out, s.store.Dir(), list); err != nil {
			return err
		}
	}
	if len(list) > 0 && !approved {
		if err := e.confirm("Remove "+view.Plural(len(list), "item")+"? This cannot be undone.", "removes", "removed"); err != nil {
			return err
		}
	}
	var failed error
	if len(list) > 0 {
		lease, err := s.store.Acquire(ctx, s.owner("prune"))
		if err != nil {
			return inUse(err)
		}
		list, failed = s.store.Prune(list, keep)
		failed = errors.Join(failed, lease.Release())
	}
	if asJSON {
		return errors.Join(view.PruneJSON(e.streams.Out, s.store.Dir(), list, true), failed)
	}
	return errors.Join(view.Pruned(e.streams.Out, list), failed)
}

// directory is that of the definitions, by one name from wherever it is looked at.
func (s *session) directory() string {
	dir, _ := filepath.Abs(s.defs.Dir)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// keeps notes what the store keeps for the runs of a plan.
func (s *session) keeps(p *plan.Plan, keep store.Protected) {
	c := s.newCampaign(p)
	for _, r := range p.Runs {
		keep.Keys[s.keyOf(r)] = true
		if d, ok := c.FindDataset(r); ok {
			keep.Datasets[d.Path] = true
		}
	}
}
