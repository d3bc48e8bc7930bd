package executors

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

// WouldTake asks a backend that can say so whether it would take the job of a run:
// nil if it would. It costs the backend a job id: ask once, and not to plan.
func WouldTake(ctx context.Context, b *Backend, run *plan.Run) error {
	p, ok := b.Executor.(Preflighter)
	if !ok || len(run.Job.Argv) == 0 {
		return errors.New("the executor cannot be asked")
	}
	return p.Preflight(ctx, &Job{Name: run.Job.Name, Argv: withMark(run.Job.Argv, "test"), Run: run})
}

// preflight asks backends that can say so whether they would take the jobs that
// are to be submitted, once for each shape. A refusal is an error before
// anything is submitted; a backend that does not answer is asked again with the
// job itself.
func (c *Campaign) preflight(ctx context.Context) error {
	asked := map[string]bool{}
	for _, t := range c.tasks {
		name, argv := t.run.Job.Name, t.run.Job.Argv
		if t.pack != nil {
			name, argv = t.pack.planned.Name, t.pack.planned.Argv
		}
		p, ok := t.backend.Executor.(Preflighter)
		if !ok || t.phase != waiting || len(argv) == 0 {
			continue
		}
		shape := shapeOf(t.run, argv)
		if asked[shape] {
			continue
		}
		asked[shape] = true
		err := p.Preflight(ctx, &Job{Name: name, Argv: withMark(argv, "test"), Run: t.run})
		switch {
		case errors.Is(err, ErrRejected):
			return fmt.Errorf("%s would be refused: %w", t.run.Address, err)
		case err != nil:
			c.Log.Warn("cannot ask whether jobs would be taken", "executor", t.backend.Ref.Type, "error", err)
		}
	}
	return nil
}

// shapeOf is what decides whether a job is taken: all that is asked for but the
// job's name.
func shapeOf(run *plan.Run, argv []string) string {
	var words []string
	for _, w := range argv {
		if !strings.Contains(w, plan.AttemptPlaceholder) {
			words = append(words, w)
		}
	}
	return run.Executor.Type + "." + string(run.Executor.Name) + "\x00" + strings.Join(words, "\x00")
}

// withMark fills in the place of the attempt.
func withMark(argv []string, mark string) []string {
	out := make([]string, len(argv))
	for i, word := range argv {
		out[i] = strings.ReplaceAll(word, plan.AttemptPlaceholder, mark)
	}
	return out
}
