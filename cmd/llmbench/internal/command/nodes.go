package command

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"slices"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

// A nodeShape is what decides which nodes a job gets, and what it finds there.
type nodeShape struct {
	ref      plan.ExecutorRef
	hardware plan.Hardware
	image    string
}

// checkNodes looks at the nodes that the runs would get, with a job for each
// shape.
func (s *session) checkNodes(ctx context.Context, p *plan.Plan) []executors.Check {
	var out []executors.Check
	progress := view.NewProgress(s.env.streams)
	for _, n := range s.nodeChecks(p) {
		st := s.sites.of(n.Run)
		var checks []executors.Check
		err := s.store.Mkdir(n.Dir)
		if err == nil {
			checks, err = st.Scheduler.CheckNodes(ctx, n, progress.Text)
		}
		if err != nil {
			checks = []executors.Check{{Name: "nodes", Result: executors.CheckFail, Detail: err.Error(), Remedy: "the job asked for what " + n.Run.Address + " asks for"}}
		}
		out = append(out, checks...)
	}
	if len(out) == 0 {
		out = append(out, executors.Check{Name: "nodes", Result: executors.CheckSkipped, Detail: "no run goes to Slurm"})
	}
	return out
}

// nodeChecks has one for each shape of the plan's jobs.
func (s *session) nodeChecks(p *plan.Plan) []executors.NodeCheck {
	var list []executors.NodeCheck
	at := map[nodeShape]int{}
	for _, r := range p.Runs {
		if s.sites.of(r).Scheduler == nil {
			continue
		}
		shape := nodeShape{r.Executor, r.Hardware, r.Image.Name}
		shape.hardware.Label = ""
		i, ok := at[shape]
		if !ok {
			i = len(list)
			at[shape] = i
			list = append(list, s.newNodeCheck(r))
		}
		list[i].Shared = list[i].Shared || r.Shared()
		if s.sites.of(r).Simulated {
			continue
		}
		add := func(to *[]string, path string) {
			if !slices.Contains(*to, path) {
				*to = append(*to, path)
			}
		}
		if path := r.Model.Path; path != nil {
			add(&list[i].Weights, *path)
		}
		for _, f := range r.Files() {
			add(&list[i].Files, f.Path)
		}
	}
	return list
}

func (s *session) newNodeCheck(r *plan.Run) executors.NodeCheck {
	n := executors.NodeCheck{Store: s.store.Dir(), Dir: filepath.Join(s.store.Dir(), "doctor", rand.Text()), Run: r}
	if gpu, ok := s.defs.Catalog.GPU(r.Hardware.GPU); ok {
		n.MemoryBytes, n.Domain = gpu.MemoryBytes, gpu.Domain
	}
	return n
}
