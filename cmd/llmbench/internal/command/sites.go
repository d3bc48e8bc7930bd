package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema"
)

// sites are the executors that the runs of one invocation go to, configured
// once each and only when a run needs them.
type sites struct {
	env      *env
	defs     *schema.Definitions
	store    *store.Store
	override string
	// pack is how many runs -pack puts into a job, 0 for what the executors say.
	pack  int
	known map[*schema.Executor]*site
	order []*site
}

// A site is one configured executor.
type site struct {
	ref plan.ExecutorRef
	// Backend is empty where diags has errors.
	*executors.Backend
	missing []*schema.MissingVariable
	diags   hcl.Diagnostics
}

// place says where the run of a cell goes.
func (s *sites) place(cell *schema.Cell) (plan.Placement, hcl.Diagnostics) {
	exec, diags := s.defs.ChooseExecutor(cell, s.override)
	if diags.HasErrors() {
		return plan.Placement{}, diags
	}
	st, ok := s.known[exec]
	if !ok {
		st = s.configure(exec)
		s.known[exec] = st
		s.order = append(s.order, st)
	}
	diags = append(diags, st.diags...)
	c := st.Scheduler
	if c != nil && c.ImageFile(cell.Image.Name) != "" && !st.Simulated && cell.Model.Path == "" {
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Model without a path", Subject: locationOf(cell.Model, "checkpoint"),
			Detail: fmt.Sprintf("Model %q has no path, and runs in a container without a network: trtllm-bench could not load %s there. Set path to its folder on a file system that all nodes share; `llmbench prepare` downloads it.",
				cell.Model.Label, cell.Model.Checkpoint),
		})
	}
	if c != nil && cell.Model.Path != "" {
		if why := c.Unmountable(cell.Model.Path); why != "" {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Path cannot be mounted", Subject: locationOf(cell.Model, "path"), Detail: why + ". Rename the folder, or set path to a link without such characters.",
			})
		}
	}
	return plan.Placement{
		Ref: st.ref, Renderer: st.Renderer, Cluster: st.Cluster, Startup: st.Startup, Transient: !st.Adopt, Retries: st.Pace.Retries,
	}, diags
}

func (s *sites) configure(exec *schema.Executor) *site {
	st := &site{ref: plan.ExecutorRef{Type: exec.Type, Name: plan.Text(exec.Name)}, Backend: &executors.Backend{}}
	var val cty.Value
	if val, st.missing, st.diags = s.defs.DecodeExecutor(exec); st.diags.HasErrors() {
		return st
	}
	var b *executors.Backend
	switch exec.Type {
	case simulate.Type:
		b = simulate.Open(s.env.log)
	case slurm.Type:
		var more hcl.Diagnostics
		b, more = slurm.Open(s.env.signal, val, exec.Location, s.store.Site, s.env.log)
		st.diags = append(st.diags, more...)
	default:
		panic("command: executor type " + exec.Type)
	}
	if b == nil {
		return st
	}
	if why := "simulate has no jobs"; s.pack > 0 {
		if b.Scheduler != nil {
			why = b.Scheduler.PackUpTo(s.pack)
		}
		if why != "" {
			st.diags = append(st.diags, s.cannotPack(exec, why))
		}
	}
	if b.Scheduler != nil {
		if why := b.Scheduler.UnusableStore(s.store.Dir()); why != "" {
			st.diags = append(st.diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Jobs cannot use this store", Subject: &exec.Range,
				Detail: "The store " + why + ". Choose another folder with -store or llmbench { store = … }.",
			})
		}
	}
	st.Backend, b.Ref = b, st.ref
	return st
}

// cannotPack refuses -pack for an executor.
func (s *sites) cannotPack(exec *schema.Executor, why string) *hcl.Diagnostic {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Runs cannot be packed", Detail: fmt.Sprintf("-pack=%d puts runs into one Slurm job, and %s. Leave -pack out.", s.pack, why)}
	if exec.Range.Filename != "" {
		d.Subject = &exec.Range
	}
	return d
}

// of is the site that a run goes to.
func (s *sites) of(r *plan.Run) *site {
	for _, st := range s.order {
		if st.ref == r.Executor {
			return st
		}
	}
	panic("command: no site for executor " + r.Executor.Type)
}

// onSlurm reports whether a run goes to Slurm.
func (s *sites) onSlurm() bool {
	return slices.ContainsFunc(s.order, func(st *site) bool { return st.Scheduler != nil })
}

// lost reports whether a job ended with the process that ran it. No cluster is asked.
func (s *sites) lost(handle string) bool {
	for ref, b := range s.backends() {
		if b.Adopt || !strings.HasPrefix(handle, ref.Type+":") {
			continue
		}
		h := executors.Handle(handle)
		answer, err := b.Executor.Poll(context.Background(), []executors.Handle{h})
		return err == nil && answer[h].End == executors.Lost
	}
	return false
}

func (s *sites) backends() map[plan.ExecutorRef]*executors.Backend {
	m := map[plan.ExecutorRef]*executors.Backend{}
	for _, st := range s.order {
		if st.Executor != nil {
			m[st.ref] = st.Backend
		}
	}
	return m
}

// keyOf is where the samples of a run are in the store.
func (s *sites) keyOf(r *plan.Run) store.Key {
	st := s.of(r)
	return store.Key{Fingerprint: r.Fingerprint, Cluster: st.Cluster, Simulated: st.Simulated}
}

func locationOf(m *schema.Model, argument string) *hcl.Range {
	if r, ok := m.Ranges[argument]; ok {
		return &r
	}
	return &m.Range
}
