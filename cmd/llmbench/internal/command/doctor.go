package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/executors/prepare"
	"github.com/llmbench/llmbench/plan"
)

func doctorCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "check the site and the store before a run costs GPU-hours", ArgsUsage: "[DIR]",
		Flags: append(definitionFlagSet(),
			&cli.StringFlag{Name: "executor", Usage: "for executor `TYPE[.NAME]`"},
			&cli.BoolFlag{Name: "nodes", Usage: "also check the nodes, with a job of a few minutes per job shape"},
			&cli.BoolFlag{Name: "json", Usage: "print the checks as a document"},
		),
		Description: description([]string{"llmbench doctor -executor=simulate examples/llama4-maverick"},
			"0         nothing is missing", "1         error", "3         something is missing, or a node is unhealthy", "130, 143  interrupted; a job that checks nodes is cancelled"),
		Action: inDir(func(ctx context.Context, c *cli.Command, f definitionFlags) error {
			return e.runDoctor(ctx, f, c.Bool("nodes"), c.Bool("json"))
		}),
	}
}

func (e *env) runDoctor(ctx context.Context, f definitionFlags, nodes, asJSON bool) error {
	s := e.load(f)
	p, diags := s.plan(plan.Selection{})
	checks := s.checkDefinitions(p, diags.HasErrors())
	if diags.HasErrors() {
		e.streams.Diagnostics(s.defs.Files, diags)
	} else {
		var sites []executors.Check
		checks, sites = s.doctor(ctx, p)
		if nodes && failedOf(sites) != nil {
			checks = append(checks, executors.Check{Name: "nodes", Result: executors.CheckSkipped, Detail: "not checked: fix what failed above first"})
		} else if nodes {
			checks = append(checks, s.checkNodes(ctx, p)...)
		}
	}
	if ctx.Err() != nil {
		return exitStatus(e.signal.code())
	}
	return e.printChecks(checks, asJSON)
}

// doctor checks all but the nodes, for definitions that are right; sites are the checks
// of the sites among them.
func (s *session) doctor(ctx context.Context, p *plan.Plan) (checks, sites []executors.Check) {
	sites = s.checkSites(p, true)
	n := s.needs(p)
	return slices.Concat(s.checkDefinitions(p, false), []executors.Check{s.checkStore(), s.checkDisk()}, sites, n.verify(ctx), s.checkDataSpace(p, n)), sites
}

func (s *session) checkDefinitions(p *plan.Plan, wrong bool) []executors.Check {
	c := executors.Check{Name: "definitions", Result: executors.CheckOK, Detail: fmt.Sprintf("%d runs, all valid", len(p.Runs))}
	if wrong {
		c.Result, c.Detail, c.Remedy = executors.CheckFail, "the definitions are wrong", "fix what is printed above"
	}
	return []executors.Check{c}
}

// checkStore writes into the store's file system and reads it back.
func (s *session) checkStore() executors.Check {
	c := executors.Check{Name: "store", Result: executors.CheckOK, Detail: s.store.Dir()}
	dir := prepare.ExistingFolder(s.store.Dir())
	f, err := os.CreateTemp(dir, ".llmbench-doctor-")
	if err == nil {
		_, err = f.WriteString("nonce")
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		os.Remove(f.Name())
	}
	if err != nil {
		c.Result, c.Detail, c.Remedy = executors.CheckFail, err.Error(), "choose a store that you can write to: llmbench { store = … } or -store"
		return c
	}
	if kind := ownFileSystem(dir); kind != "" && slices.ContainsFunc(s.sites, func(st *site) bool { return st.Scheduler != nil }) {
		c.Result, c.Detail = executors.CheckWarn, c.Detail+" is on "+kind+", which other hosts seldom share"
		c.Remedy = "put the store on a file system that all nodes share; `llmbench doctor -nodes` checks that they see it"
	}
	return c
}

// ownFileSystems are those that a host seldom shares, by statfs' magic number.
var ownFileSystems = map[int64]string{
	0x01021994: "tmpfs", 0x794c7630: "overlay", 0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs",
}

// ownFileSystem names the file system of dir where it is the host's own, "" for
// any other.
func ownFileSystem(dir string) string {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return ""
	}
	return ownFileSystems[int64(st.Type)]
}

// wantedDisk is how much free space a store should have: data sets and logs.
const wantedDisk = 5 << 30

func (s *session) checkDisk() executors.Check {
	c := executors.Check{Name: "disk", Result: executors.CheckOK}
	free, err := prepare.FreeBytes(prepare.ExistingFolder(s.store.Dir()))
	if err != nil {
		c.Result, c.Detail = executors.CheckWarn, err.Error()
		return c
	}
	c.Detail = fmt.Sprintf("%.1f GB free beside the store", float64(free)/1e9)
	if free < wantedDisk {
		c.Result, c.Remedy = executors.CheckWarn, "data sets and logs of a campaign take some gigabytes"
	}
	return c
}

// checkSites holds each executor in use against its cluster, and stores what is known of
// that; again asks the cluster anew.
func (s *session) checkSites(p *plan.Plan, again bool) []executors.Check {
	var out []executors.Check
	for _, st := range s.sites {
		if st.Scheduler == nil {
			out = append(out, executors.Check{Name: "executor", Result: executors.CheckOK, Detail: st.Ref.Type + ": " + st.Renderer.Describe()})
			continue
		}
		var runs []*plan.Run // those that ask for most
		var limit time.Duration
		nodes := 0
		if of := slices.DeleteFunc(slices.Clone(p.Runs), func(r *plan.Run) bool { return r.Executor != st.Ref }); len(of) > 0 {
			longest := slices.MaxFunc(of, func(a, b *plan.Run) int { return a.TimeLimitSeconds - b.TimeLimitSeconds })
			widest := slices.MaxFunc(of, func(a, b *plan.Run) int { return a.Hardware.Nodes - b.Hardware.Nodes })
			runs, limit, nodes = []*plan.Run{longest, widest}, time.Duration(longest.TimeLimitSeconds)*time.Second, widest.Hardware.Nodes
		}
		checks := st.Scheduler.Check(s.env.signal, again, limit, nodes)
		s.keepSite(st)
		out = append(out, s.believeSbatch(st, checks, runs)...)
	}
	return out
}

// sbatchKnows are the checks that sbatch makes too, and better.
var sbatchKnows = []string{"partition", "account", "qos", "gpus"}

// believeSbatch asks sbatch --test-only where only such checks failed, for the runs
// that ask for most: what sbatch takes is no failure.
func (s *session) believeSbatch(st *site, checks []executors.Check, runs []*plan.Run) []executors.Check {
	doubtful := false
	for _, c := range checks {
		if c.Result == executors.CheckFail {
			if !slices.Contains(sbatchKnows, c.Name) {
				return checks
			}
			doubtful = true
		}
	}
	if !doubtful || len(runs) == 0 {
		return checks
	}
	for _, r := range slices.Compact(runs) {
		if executors.WouldTake(s.env.signal, &st.Backend, r) != nil {
			return checks
		}
	}
	for i, c := range checks {
		if c.Result == executors.CheckFail {
			checks[i].Result, checks[i].Remedy = executors.CheckWarn, "`sbatch --test-only` accepts such a job"
		}
	}
	return checks
}

// keepSite stores what is known of a cluster, where there is a store.
func (s *session) keepSite(st *site) {
	profile := st.Scheduler.Profile()
	if _, err := os.Stat(s.store.Dir()); err != nil || profile == nil {
		return
	}
	if err := s.store.KeepSite(st.Cluster, profile); err != nil {
		s.env.log.Warn("cannot store what is known of the cluster", "error", err)
	}
}

// siteChecks refuses what doctor would find missing, before anything is
// submitted.
func (s *session) siteChecks(p *plan.Plan, f applyFlags) error {
	if f.SkipChecks || p.Summary.ToDo() == 0 {
		return nil
	}
	todo := &plan.Plan{}
	for _, r := range p.Runs {
		if r.MayRun() {
			todo.Runs = append(todo.Runs, r)
		}
	}
	sites := s.checkSites(todo, false)
	if failedOf(sites) != nil { // what is remembered may be mended by now
		sites = s.checkSites(todo, true)
	}
	checks := append(sites, s.checkTimeLimits(todo)...)
	n := s.needs(todo)
	checks = append(append(checks, n.verify(s.env.signal)...), s.checkDataSpace(todo, n)...)
	missing := slices.DeleteFunc(checks, func(c executors.Check) bool { return c.Result != executors.CheckFail })
	if len(missing) == 0 {
		return nil
	}
	if err := view.Checks(s.env.streams.Err, missing); err != nil {
		return err
	}
	return errors.New("nothing was started; -skip-checks applies anyway")
}

// checkTimeLimits fails for runs whose time limit is less than half of what they
// need at the least. A simulation costs nothing and shows how they end.
func (s *session) checkTimeLimits(p *plan.Plan) []executors.Check {
	var out []executors.Check
	for _, r := range p.Runs {
		job, ok := r.Estimate.JobSeconds()
		if limit := float64(r.TimeLimitSeconds); !ok || s.siteOf(r).Simulated || job.Low <= 2*limit {
			continue
		}
		out = append(out, executors.Check{
			Name: "time limit", Result: executors.CheckFail,
			Detail: fmt.Sprintf("%s needs %.0f to %.0f min, and its time_limit is %.0f min", r.Address, job.Low/60, job.High/60, float64(r.TimeLimitSeconds)/60),
			Remedy: fmt.Sprintf("set time_limit = %q or more", plan.TimeLimitFor(job)),
		})
	}
	return out
}

// verify looks at weights and images as far as that takes no time.
func (n needs) verify(ctx context.Context) []executors.Check {
	return n.each(
		func(w prepare.Weights, _ *site) []executors.Check { return w.Verify(ctx) },
		func(i prepare.Image, _ *site) []executors.Check { return i.Verify(ctx) })
}

// each checks all but data sets: weights and images as it is told.
func (n needs) each(weights func(prepare.Weights, *site) []executors.Check, image func(prepare.Image, *site) []executors.Check) []executors.Check {
	out := append([]executors.Check{}, n.left...)
	for _, w := range n.weights {
		out = append(out, weights(w.it, w.site)...)
	}
	for _, i := range n.images {
		out = append(out, image(i.it, i.site)...)
	}
	for _, f := range n.files {
		out = append(out, checkFile(f))
	}
	return out
}

// checkFile looks whether a file that a flag or an option names is here.
func checkFile(f plan.NamedFile) executors.Check {
	c := executors.Check{Name: "file", Result: executors.CheckOK, Detail: f.Path + " (" + f.Argument + ")"}
	if _, err := os.Stat(f.Path); err != nil {
		c.Result, c.Detail = executors.CheckFail, fmt.Sprintf("%s: %v", f.Argument, err)
		c.Remedy = "correct the path, or copy the file to a file system that all nodes share"
	}
	return c
}

// checkDataSpace refuses data sets that are to be made and do not fit beside the
// store; there is no check where they do.
func (s *session) checkDataSpace(p *plan.Plan, n needs) []executors.Check {
	if c := prepare.CheckSpace("dataset", s.store.Dir(), s.dataToWrite(p, n)); c != nil {
		return []executors.Check{*c}
	}
	return nil
}

// checkNodes looks at the nodes that the runs would get, with a job for each
// shape.
func (s *session) checkNodes(ctx context.Context, p *plan.Plan) []executors.Check {
	var out []executors.Check
	progress := view.NewProgress(s.env.streams)
	for _, n := range s.nodeChecks(p) {
		st := s.siteOf(n.Run)
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
	type shape struct { // what decides which nodes a job gets, and what it finds there
		ref      plan.ExecutorRef
		hardware plan.Hardware
		image    string
	}
	at := map[shape]int{}
	for _, r := range p.Runs {
		if s.siteOf(r).Scheduler == nil {
			continue
		}
		of := shape{r.Executor, r.Hardware, r.Image.Name}
		of.hardware.Label = ""
		i, ok := at[of]
		if !ok {
			i = len(list)
			at[of] = i
			n := executors.NodeCheck{Store: s.store.Dir(), Dir: filepath.Join(s.store.Dir(), "doctor", rand.Text()), Run: r}
			if gpu, ok := s.defs.Catalog.GPU(r.Hardware.GPU); ok {
				n.MemoryBytes, n.Domain = gpu.MemoryBytes, gpu.Domain
			}
			list = append(list, n)
		}
		list[i].Shared = list[i].Shared || r.Shared()
		if s.siteOf(r).Simulated {
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
