package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/schema"
)

// A site is an executor that runs of a session go to, configured once. Of its Backend
// there is only Ref where diags has errors.
type site struct {
	executors.Backend
	missing []*schema.MissingVariable
	diags   hcl.Diagnostics
}

// place says where the run of a cell goes.
func (s *session) place(cell *schema.Cell) (plan.Placement, hcl.Diagnostics) {
	exec, diags := s.defs.ChooseExecutor(cell, s.executor)
	if diags.HasErrors() {
		return plan.Placement{}, diags
	}
	st := s.siteAt(refOf(exec))
	if st == nil {
		st = s.configure(exec)
		s.sites = append(s.sites, st)
	}
	diags = append(diags, st.diags...)
	c := st.Scheduler
	if c != nil && c.ImageFile(cell.Image.Name) != "" && !st.Simulated && cell.Model.Path == "" {
		diags = append(diags, refuse("Model without a path", locationOf(cell.Model, "checkpoint"),
			"Model %q has no path, and runs in a container without a network: trtllm-bench could not load %s there. Set path to its folder on a file system that all nodes share; `llmbench prepare` downloads it.",
			cell.Model.Label, cell.Model.Checkpoint))
	}
	if c != nil && cell.Model.Path != "" {
		if why := c.Unmountable(cell.Model.Path); why != "" {
			diags = append(diags, refuse("Path cannot be mounted", locationOf(cell.Model, "path"),
				"%s. Rename the folder, or set path to a link without such characters.", why))
		}
	}
	return plan.Placement{
		Ref: st.Ref, Renderer: st.Renderer, Cluster: st.Cluster, Startup: st.Startup, Transient: !st.Adopt, Retries: st.Pace.Retries,
	}, diags
}

func (s *session) configure(exec *schema.Executor) *site {
	st := &site{}
	val, missing, diags := s.defs.DecodeExecutor(exec)
	st.missing, st.diags = missing, diags
	var b *executors.Backend
	switch {
	case diags.HasErrors():
	case exec.Type == simulate.Type:
		b = simulate.Open(s.env.log)
	default:
		b, diags = slurm.Open(s.env.signal, val, exec.Location, s.store.Site, s.env.log)
		st.diags = append(st.diags, diags...)
	}
	if b != nil {
		st.Backend = *b
	}
	st.Ref = refOf(exec)
	if b == nil {
		return st
	}
	if why := "simulate has no jobs"; s.pack > 0 {
		if b.Scheduler != nil {
			why = b.Scheduler.PackUpTo(s.pack)
		}
		if why != "" {
			st.diags = append(st.diags, refuse("Runs cannot be packed", &exec.Range, "-pack=%d puts runs into one Slurm job, and %s. Leave -pack out.", s.pack, why))
		}
	}
	if b.Scheduler != nil {
		if why := b.Scheduler.UnusableStore(s.store.Dir()); why != "" {
			st.diags = append(st.diags, refuse("Jobs cannot use this store", &exec.Range, "The store %s. Choose another folder with -store or llmbench { store = … }.", why))
		}
	}
	return st
}

func refuse(summary string, at *hcl.Range, detail string, args ...any) *hcl.Diagnostic {
	if at.Filename == "" {
		at = nil // it was not declared
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: at}
}

func refOf(exec *schema.Executor) plan.ExecutorRef {
	return plan.ExecutorRef{Type: exec.Type, Name: plan.Text(exec.Name)}
}

// siteAt is the site of an executor, nil where no run goes there.
func (s *session) siteAt(ref plan.ExecutorRef) *site {
	for _, st := range s.sites {
		if st.Ref == ref {
			return st
		}
	}
	return nil
}

// siteOf is the site that a run goes to.
func (s *session) siteOf(r *plan.Run) *site { return s.siteAt(r.Executor) }

// lost reports whether a job ended with the process that ran it. No cluster is asked.
func (s *session) lost(handle string) bool {
	for ref, b := range s.backends() {
		if b.Adopt || !strings.HasPrefix(handle, ref.Type+":") {
			continue
		}
		h := executors.Handle(handle)
		answer, err := b.Executor.Poll(context.Background(), []executors.Handle{h})
		return err == nil && answer[h].End == failure.Lost
	}
	return false
}

func (s *session) backends() map[plan.ExecutorRef]*executors.Backend {
	m := map[plan.ExecutorRef]*executors.Backend{}
	for _, st := range s.sites {
		if st.Executor != nil {
			m[st.Ref] = &st.Backend
		}
	}
	return m
}

// keyOf is where the samples of a run are in the store.
func (s *session) keyOf(r *plan.Run) store.Key {
	st := s.siteOf(r)
	return store.Key{Fingerprint: r.Fingerprint, Cluster: st.Cluster, Simulated: st.Simulated}
}

func locationOf(m *schema.Model, argument string) *hcl.Range {
	if r, ok := m.Ranges[argument]; ok {
		return &r
	}
	return &m.Range
}
