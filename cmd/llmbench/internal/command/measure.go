package command

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/sync/errgroup"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// secrets is the environment of a run that is never written but to the file of
// its job, as NAME=VALUE.
func (s *session) secrets(address string) []string {
	var out []string
	for _, c := range s.defs.Cells {
		if c.Address != address {
			continue
		}
		for _, e := range c.Env {
			if e.Sensitive {
				out = append(out, e.Name+"="+e.Value)
			}
		}
	}
	return out
}

// vocabulary is that of the tokenizer of a run's model.
func (s *session) vocabulary(run *plan.Run) (vocab, eos int) {
	m, _, ok := s.defs.Catalog.Model(run.Model.Checkpoint)
	if !ok {
		panic("command: " + run.Model.Checkpoint + " was planned and is not catalogued")
	}
	return m.TokenizerVocab, m.EOS
}

// keyOf is where the samples of a run are in the store.
func (s *sites) keyOf(r *plan.Run) store.Key {
	st := s.of(r)
	return store.Key{Fingerprint: r.Fingerprint, Cluster: st.Cluster, Simulated: st.Simulated}
}

// replace sets aside what -replace asked to measure again, before the first
// submission, so that a resumed apply measures it too.
func (s *session) replace(p *plan.Plan) error {
	for _, r := range p.Runs {
		if !r.Replaced() {
			continue
		}
		if err := s.store.ReplaceAll(s.sites.keyOf(r), r.Reason, s.saved); err != nil {
			return err
		}
	}
	return nil
}

// results are those of the plan's runs, in the plan's order, real and simulated
// apart, from what the last plan saw of the store.
func (s *session) results(p *plan.Plan) ([]*results.Set, error) {
	found := make([][]*results.Result, len(p.Runs))
	var g errgroup.Group
	const atOnce, piece = 32, 16 // a file system across the network answers slowly
	g.SetLimit(atOnce)
	for first := 0; first < len(p.Runs); first += piece {
		g.Go(func() (err error) {
			for i := first; i < min(first+piece, len(p.Runs)); i++ {
				if found[i], err = s.resultsOf(p.Runs[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var kinds [2][]*results.Result
	for i, r := range p.Runs {
		kind := 0
		if s.sites.keyOf(r).Simulated {
			kind = 1
		}
		kinds[kind] = append(kinds[kind], found[i]...)
	}
	s.seen.Keep()
	return sets(kinds[0], kinds[1]), nil
}

// resultsOf are the results of a run. Those that -replace has set aside are among
// them as long as no new one counts, and a run without any has results.Missing.
func (s *session) resultsOf(r *plan.Run) ([]*results.Result, error) {
	k := s.sites.keyOf(r)
	missing := []*results.Result{results.Missing(r, k.Cluster, k.Simulated)}
	if r.Action == plan.Candidate && len(r.State.Failed) == 0 {
		return nil, nil
	}
	if k.Cluster == "" {
		return missing, nil
	}
	slots, err := s.seen.Shown(k, r.State.Wanted)
	if err != nil {
		return nil, err
	}
	var out []*results.Result
	counts, retired := false, false
	for _, slot := range slots {
		counts, retired = counts || slot.Counts, retired || slot.Retired
		if slot.Result != nil {
			out = append(out, named(slot.Result, r))
		}
	}
	if retired && !counts {
		old, err := s.replaced(r, k)
		if err != nil {
			return nil, err
		}
		out = append(out, old...)
	}
	if len(out) == 0 {
		return missing, nil
	}
	return out, nil
}

// replaced are the samples of a run that -replace has set aside, the last one of
// each.
func (s *session) replaced(r *plan.Run, k store.Key) ([]*results.Result, error) {
	story, err := s.store.Story([]store.Key{k})
	if err != nil {
		return nil, err
	}
	last := map[int]*results.Result{}
	for _, part := range story {
		for _, t := range part {
			if t.Replaced != "" && t.Result != nil && t.Result.Counts() {
				last[t.Attempt.Sample] = t.Result
			}
		}
	}
	var out []*results.Result
	for _, sample := range slices.Sorted(maps.Keys(last)) {
		old := named(last[sample], r)
		old.Caveats = append(slices.Clip(old.Caveats), results.Caveat{Code: failure.Replaced})
		out = append(out, old)
	}
	return out, nil
}

// named gives a result that was measured under another label the address that
// its run has now.
func named(r *results.Result, run *plan.Run) *results.Result {
	c := *r
	c.Address, c.UseCase.Label, c.Model.Label, c.Image.Label = run.Address, run.UseCase.Label, run.Model.Label, run.Image.Label
	if why := run.PrecisionNotReached(); why != "" && r.Counts() {
		c.Caveats = append(slices.Clip(r.Caveats), results.Caveat{Metric: trtllm.OutputThroughputPerGPU, Code: failure.PrecisionNotReached, Detail: why})
	}
	if c.Requests == nil || !c.Requests.SLO.Equal(run.SLO) {
		c.Score(run.SLO, func() ([]trtllm.Request, error) { return store.ReadRequests(*c.Files.Requests) })
	}
	return &c
}

func sets(lists ...[]*results.Result) []*results.Set {
	var out []*results.Set
	for _, l := range lists {
		if len(l) > 0 {
			out = append(out, results.NewSet(l))
		}
	}
	return out
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

// check proves the definitions without looking at the store.
func (s *session) check() (*plan.Plan, hcl.Diagnostics) {
	if s.diags.HasErrors() {
		return nil, s.diags
	}
	p, diags := plan.Build(plan.Request{
		Definitions: s.defs, Catalog: s.defs.Catalog, Place: s.sites.place, ReadDataset: s.store.ReadDataset,
		Store: s.storeName, Version: Version,
	})
	return p, append(append(hcl.Diagnostics{}, s.diags...), diags...)
}

// runStandIn is the hidden command trtllm-bench: the simulated stand-in. Like
// the real one under its launcher, only rank 0 does anything.
func (e *env) runStandIn(ctx *signalContext, argv []string) int {
	if rank := e.rank(); rank != "" && rank != "0" {
		return 0
	}
	stdout, stderr := e.streams.Raw()
	b := simulate.Bench{
		Dir: ".", Stdout: stdout, Stderr: stderr,
		GPU: e.getenv(simulate.EnvGPU), Version: e.getenv(simulate.EnvVersion), Getenv: e.getenv,
	}
	return b.Run(ctx, argv)
}

// rank is the number of this process among those of its job step.
func (e *env) rank() string {
	for _, name := range []string{"SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK"} {
		if v := e.getenv(name); v != "" {
			return v
		}
	}
	return ""
}

func (e *env) getenv(name string) string {
	value := ""
	for _, pair := range e.environ {
		if len(pair) > len(name) && pair[len(name)] == '=' && pair[:len(name)] == name {
			value = pair[len(name)+1:]
		}
	}
	return value
}

const standIn = "trtllm-bench"

func (s *session) owner(what string) store.Owner {
	return store.Self(fmt.Sprintf("llmbench %s %s", what, s.defs.Dir))
}
