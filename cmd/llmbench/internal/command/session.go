package command

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/executors/slurm"
	"github.com/llmbench/llmbench/executors/store"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// A session is one set of definitions with its store and executors.
type session struct {
	env   *env
	defs  *schema.Definitions
	store *store.Store
	// storeName is the store as the user named it.
	storeName string
	// executor is that of -executor or LLMBENCH_EXECUTOR, "" for what the definitions
	// say, and pack how many runs -pack puts into a job, 0 for what the executors say.
	executor string
	pack     int
	// sites are the executors of the runs, configured when the first of them needs one.
	sites []*site
	diags hcl.Diagnostics
	// instead is the plan of the runs that were asked for, of which none is measured,
	// where this session shows simulations in their place.
	instead *plan.Plan
	// saved is the saved plan that is applied, by its SHA-256, "" for none.
	saved string
	// source is where that came from.
	source *view.Source
	// unshared says why the store's group cannot be set; nothing may be written then.
	unshared error
	// seen is what the last plan saw of the store.
	seen *store.View
}

// planned is the plan to apply: made now, or saved and checked against now.
func (e *env) planned(f *applyFlags) (*session, *plan.Plan, hcl.Diagnostics, error) {
	if f.Plan == "" {
		s := e.load(f.definitionFlags)
		s.pack = f.Pack
		p, diags := s.proven(f.Selection)
		return s, p, diags, nil
	}
	saved, err := readPlan(f.Plan)
	if err != nil {
		return nil, nil, nil, err
	}
	s, p, diags, err := e.reload(saved)
	if err == nil {
		f.foreign = saved.foreign(p.Inputs)
		s.source = saved.source()
	}
	return s, p, diags, err
}

// load reads the definitions. Mistakes are in the session's diags; nothing is
// printed.
func (e *env) load(f definitionFlags) *session {
	defer e.signal.atOnce()()
	s := &session{env: e, executor: cmp.Or(f.Executor, e.getenv("LLMBENCH_EXECUTOR"))}
	s.defs, s.diags = schema.Load(f.Dir, schema.Options{
		Vars: f.Vars, VarFiles: f.VarFiles, Environ: e.environ,
		Executors: map[string]hcldec.Spec{slurm.Type: slurm.Spec(), simulate.Type: simulate.Spec()},
		Version:   Version, Catalog: catalog.Load(),
	})
	e.streams.Hide(s.defs.Secrets())
	s.storeName = storeName(f, s.defs)
	s.store = store.Open(s.storeName)
	s.store.Know(slurm.Words)
	s.store.Reading = func(path string, bytes int64) {
		if _, told := e.told.LoadOrStore(path, true); !told {
			fmt.Fprintf(e.streams.Err, "Reading data set %s (%s)…\n", path, view.Volume(bytes))
		}
	}
	s.share()
	return s
}

// share lets the group that the definitions name into the store.
func (s *session) share() {
	set := s.defs.Settings
	if set.Group == "" {
		return
	}
	if err := s.store.ShareWith(set.Group); err != nil {
		s.unshared = fmt.Errorf("group = %q in the llmbench block names no group on this host: %w. `id -Gn` lists yours", set.Group, err)
		s.diags = append(s.diags, &hcl.Diagnostic{
			Severity: hcl.DiagWarning, Summary: "Unknown group", Subject: &set.Range,
			Detail: fmt.Sprintf("group = %q names no group on this host (%s), so apply will not write to the store from here. `id -Gn` lists your groups.", set.Group, err),
		})
	}
}

// redactEnded does what job scripts could not: it removes this user's secrets from
// their logs. What cannot be done now is done by a later command.
func (s *session) redactEnded() {
	if err := s.store.RedactEnded(false); err != nil {
		s.env.log.Warn("cannot remove secrets from logs", "error", err)
	}
}

// storeName is -store, else the llmbench block's store, else .llmbench beside
// the definitions.
func storeName(f definitionFlags, defs *schema.Definitions) string {
	switch {
	case f.Store != "":
		return f.Store
	case defs.Settings.Store == "":
		return filepath.Join(f.Dir, ".llmbench")
	case filepath.IsAbs(defs.Settings.Store):
		return defs.Settings.Store
	}
	return filepath.Join(f.Dir, defs.Settings.Store)
}

// proven is plan, with a model refused whose checkpoint is here and denies what
// is declared of it.
func (s *session) proven(sel plan.Selection) (*plan.Plan, hcl.Diagnostics) {
	p, diags := s.plan(sel)
	if more := s.contradictions(p); more.HasErrors() {
		diags = append(diags, more...)
		p.Runs = []*plan.Run{}
		p.Diagnostics = plan.NewDiagnostics(diags)
	}
	return p, diags
}

// plan builds the plan of the session's definitions.
func (s *session) plan(sel plan.Selection) (*plan.Plan, hcl.Diagnostics) {
	defer s.env.signal.atOnce()()
	if s.diags.HasErrors() {
		p := plan.Empty(Version)
		p.Store = s.storeName
		p.Diagnostics = plan.NewDiagnostics(s.diags)
		return p, s.diags
	}
	s.seen = s.store.View(Version)
	s.seen.Lost = s.lost
	if s.seen.Some = len(sel.Addresses) > 0; !s.seen.Some {
		s.seen.Scan()
	}
	p, diags := plan.Build(plan.Request{
		Definitions: s.defs, Catalog: s.defs.Catalog,
		Place: s.place, ReadDataset: s.store.ReadDataset, Ledger: s.seen,
		Selection: sel, Store: s.storeName, Version: Version,
		Git: s.git(), Observe: s.observe(),
	})
	s.seen.Keep()
	diags = append(append(hcl.Diagnostics{}, s.diags...), diags...)
	diags = append(diags, s.absent()...)
	p.Diagnostics = plan.NewDiagnostics(diags)
	return p, diags
}

// observe finds what is behind the names of runs now. A checkpoint that many
// runs share is looked at once.
func (s *session) observe() func(*plan.Run) plan.Observation {
	type what struct {
		path, image string
		executor    plan.ExecutorRef
	}
	seen := map[what]plan.Observation{}
	return func(r *plan.Run) plan.Observation {
		st := s.siteOf(r)
		if st.Scheduler == nil {
			return nil
		}
		key := what{image: r.Image.Name, executor: r.Executor}
		if r.Model.Path != nil {
			key.path = *r.Model.Path
		}
		if _, ok := seen[key]; !ok {
			seen[key] = st.Scheduler.Observe(r)
		}
		return seen[key]
	}
}

const (
	notSet      = "Variable is not set"
	onlyApplies = " Plan works without it; apply needs it."
)

// absent warns of variables that apply will miss.
func (s *session) absent() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, st := range s.sites {
		for _, m := range st.missing {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagWarning, Summary: notSet, Subject: &m.Range,
				Detail: fmt.Sprintf("The argument %q of executor %q %q needs variable %q, which is not set. Set it with %s.",
					m.Argument, st.Ref.Type, st.Ref.Name, m.Variable, s.defs.WaysToSet(m.Variable)) + onlyApplies,
			})
		}
	}
	return diags
}

// forApply makes errors of what absent warns of.
func forApply(diags hcl.Diagnostics) hcl.Diagnostics {
	out := slices.Clone(diags)
	for i, d := range out {
		if d.Summary == notSet {
			out[i] = refuse(d.Summary, d.Subject, "%s", strings.TrimSuffix(d.Detail, onlyApplies))
		}
	}
	return out
}

func (s *session) git() *plan.Git {
	dirs := []string{s.defs.Dir}
	for _, in := range s.defs.Inputs {
		if dir := filepath.Dir(in.Path); strings.HasSuffix(in.Path, ".hcl") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	commit, dirty, ok := executors.GitState(s.env.signal, dirs...)
	if !ok {
		return nil
	}
	return &plan.Git{Commit: commit, Dirty: dirty}
}

// complain prints diags and returns the error that ends the command when there
// are errors among them.
func (s *session) complain(diags hcl.Diagnostics) error {
	s.env.streams.Diagnostics(s.defs.Files, diags)
	if diags.HasErrors() {
		return errReported
	}
	return nil
}

// warn prints the warnings among diags, below what they are about.
func (s *session) warn(diags hcl.Diagnostics) {
	if len(diags) > 0 {
		fmt.Fprintln(s.env.streams.Err)
		s.env.streams.Diagnostics(s.defs.Files, diags)
	}
}

// declared is what is declared, of which addresses select runs, all for none, for commands
// that measure nothing.
func (e *env) declared(f definitionFlags, addresses ...string) (*session, *plan.Plan, error) {
	s := e.load(f)
	p, diags := s.plan(plan.Selection{Addresses: addresses})
	return s, p, s.complainOfErrors(diags)
}

// complainOfErrors is complain for commands that measure nothing: what is only
// doubtful in definitions is left to plan.
func (s *session) complainOfErrors(diags hcl.Diagnostics) error {
	if !diags.HasErrors() {
		return nil
	}
	return s.complain(diags)
}

func (s *session) owner(what string) store.Owner {
	return store.Self(fmt.Sprintf("llmbench %s %s", what, s.defs.Dir))
}

// contradictions are errors for models whose checkpoint is here and says that it
// has another quantization than is declared.
func (s *session) contradictions(p *plan.Plan) hcl.Diagnostics {
	var diags hcl.Diagnostics
	seen := map[string]bool{}
	for _, r := range p.Runs {
		if r.Model.Path == nil || seen[r.Model.Label] {
			continue
		}
		seen[r.Model.Label] = true
		file, says := s.newWeights(r.Model).Contradicted()
		if says == "" {
			continue
		}
		m := slices.IndexFunc(s.defs.Models, func(m *schema.Model) bool { return m.Label == r.Model.Label })
		d := refuse("Checkpoint contradicts its quantization", locationOf(s.defs.Models[m], "quantization"),
			"Model %q is declared as %s, and %s says that the checkpoint there is %s. Correct path, or declare the checkpoint that is there.",
			r.Model.Label, r.Model.Quantization, filepath.Join(*r.Model.Path, file), says)
		d.Extra = plan.About{Address: r.Address}
		diags = append(diags, d)
	}
	return diags
}

func (s *session) newWeights(m plan.Model) prepare.Weights {
	w := prepare.Weights{Checkpoint: m.Checkpoint, Quantization: m.Quantization}
	if m.Path != nil {
		w.Path = *m.Path
	}
	if m.Revision != nil {
		w.Revision = *m.Revision
	}
	if model, c, ok := s.defs.Catalog.Model(m.Checkpoint); ok {
		w.Base, w.Bytes, w.Shards = c.Base, c.Bytes, c.Shards
		w.Name, w.Layers, w.Hidden = model.Name, model.Layers, model.Hidden
	}
	return w
}
