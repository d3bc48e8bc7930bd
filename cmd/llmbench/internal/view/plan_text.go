package view

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
)

// A PlanView prints plans. Describe says in a line what is behind an executor; it may be nil.
type PlanView struct {
	Plan     *plan.Plan
	Describe map[plan.ExecutorRef]string
	// Placement says of an executor whether it keeps a run in one NVLink domain; ""
	// for one whose runs need none.
	Placement map[plan.ExecutorRef]string
	// Unpacked are the executors that can run several samples in a job and were
	// not told to.
	Unpacked map[plan.ExecutorRef]bool
	// All says that runs to keep have a line each.
	All bool
	// Price is what the policy says that a GPU-hour costs.
	Price Price
	// NewData is how many bytes apply writes at most for data sets.
	NewData int64
	// Source is where a saved plan came from, nil for one that was made now.
	Source *Source
}

// A Source is a saved plan's file and the directory of its definitions, absolute.
type Source struct {
	File, Dir string
	Saved     time.Time
	Version   string
}

// Text prints the plan: by benchmark what all runs share, then a line a run, then what changed.
func (v PlanView) Text(w io.Writer) error {
	p := &printer{w: w}
	v.source(p)
	for i, g := range groupRuns(v.Plan.Runs) {
		if i > 0 {
			p.line("")
		}
		v.group(p, g)
	}
	v.jobs(p)
	v.undeclared(p)
	if len(v.Plan.Runs) > 0 {
		p.line("")
	}
	p.wrapped("", 0, v.planLine())
	if v.NewData >= 1<<30 && v.Plan.Summary.ToDo() > 0 {
		p.wrapped("", 0, fmt.Sprintf("Data sets: up to %s to write into the store first.", Volume(v.NewData)))
	}
	return p.err
}

// source says where a saved plan came from and what its jobs start.
func (v PlanView) source(p *printer) {
	if v.Source == nil {
		return
	}
	when := ""
	if !v.Source.Saved.IsZero() {
		when = " on " + v.Source.Saved.UTC().Format("2006-01-02 15:04 UTC")
	}
	p.line("%s: saved%s by llmbench %s", v.Source.File, when, v.Source.Version)
	t := &table{indent: "  "}
	t.add("directory", v.Source.Dir)
	t.add("store", v.Plan.Store)
	for _, e := range v.starts() {
		t.add("executor", e.Executor)
		t.add("launcher", strings.Join(e.Launcher, " "))
		t.add("prolog", cmp.Or(strings.Join(e.Prolog, " && "), "none"))
	}
	p.table(t)
	p.line("")
}

// A startingOf is an executor with what its jobs start.
type startingOf struct {
	Executor string   `json:"executor"`
	Launcher []string `json:"launcher"`
	Prolog   []string `json:"prolog"`
}

func (v PlanView) starts() []startingOf {
	var out []startingOf
	for _, r := range v.Plan.Runs {
		s := startingOf{strings.TrimSuffix(r.Executor.Type+"."+string(r.Executor.Name), "."), r.Settings.Launcher, r.Settings.Prolog}
		if !slices.ContainsFunc(out, func(o startingOf) bool { return reflect.DeepEqual(o, s) }) {
			out = append(out, s)
		}
	}
	return out
}

func (v PlanView) planLine() string {
	s := v.Plan.Summary
	parts := append([]string{fmt.Sprintf("%d to run, %d to rerun, %d unchanged", s.Measure, s.Remeasure, s.Keep)},
		amounts([]string{"in flight", "blocked"}, s.Wait, s.Blocked)...)
	if s.Candidates > 0 {
		parts = append(parts, Plural(s.Candidates, "other candidate"))
	}
	line := "Plan: " + strings.Join(parts, ", ") + "."
	if s.ToDo() == 0 {
		line += " Nothing to do."
	} else {
		line += v.costLine()
	}
	notWarning := func(d plan.Diagnostic) bool { return d.Severity != "warning" }
	if n := len(slices.DeleteFunc(slices.Clone(v.Plan.Diagnostics), notWarning)); n > 0 {
		line += " " + Plural(n, "warning") + "."
	}
	return line
}

func (v PlanView) group(p *printer, g *group) {
	title := fmt.Sprintf("%s: %s, %s", g.name, Plural(len(g.runs), "run"), stored(g.runs))
	if git := v.Plan.Git; git != nil {
		state := "clean"
		if git.Dirty {
			state = "with uncommitted changes"
		}
		title += fmt.Sprintf("   (definitions %.7s, %s)", git.Commit, state)
	}
	p.line("%s", title)
	footnote := v.header(p, g)
	v.shared(p, g)
	t := v.runTable(g)
	kept := g.kept()
	if len(t.rows) > 0 || kept > 0 {
		p.line("")
	}
	if len(t.rows) > 0 {
		p.table(t)
	}
	if kept > 0 && !v.All {
		p.line("  %s %s unchanged, all samples stored; -all lists them", plan.Keep.Symbol(), Plural(kept, "run"))
	}
	if v.searches(p, g); footnote && len(v.Plan.Searches) > 0 {
		p.line("")
	}
	v.changes(p, g)
	if footnote {
		p.wrapped("  ", 6, unpinnedNote)
	}
	p.paragraphs("  ", 4, g.noteLines())
}

const unpinnedNote = "[a] Pin them with `digest = …` and `revision = …`. Otherwise plan notices only a replaced image file in this store, a new digest where `prepare` recorded one, and weights whose index or file sizes changed."

func stored(runs []*plan.Run) string {
	have, changed := 0, false
	var codes []string
	for _, r := range runs {
		if r.State.Valid+r.State.Suspect > 0 {
			have++
		}
		if list := r.State.Failed; len(list) > 0 {
			codes = append(codes, string(list[len(list)-1].Code))
		}
		changed = changed || len(r.Changes) > 0
	}
	switch {
	case have == len(runs):
		return "all stored"
	case have > 0:
		return fmt.Sprintf("%d stored", have)
	case changed:
		return "measured before with other arguments"
	case len(codes) > 0:
		failed := len(codes)
		slices.Sort(codes)
		return fmt.Sprintf("nothing stored yet, %d failed before: %s", failed, strings.Join(slices.Compact(codes), ", "))
	}
	return "nothing stored yet"
}

// header prints what all runs of a group have in common, and reports whether it is not pinned.
func (v PlanView) header(p *printer, g *group) (unpinned bool) {
	var lines [][2]string
	same := func(name string, of func(*plan.Run) string) {
		text := of(g.runs[0])
		if slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return of(r) != text }) {
			text = "differs by run"
		}
		unpinned = unpinned || strings.Contains(text, "[a]")
		lines = append(lines, [2]string{name, text})
	}
	same("model", modelLine)
	same("hardware", hardwareLine)
	same("image", imageLine)
	same(g.runs[0].Executor.Type, func(r *plan.Run) string {
		d := cmp.Or(v.Describe[r.Executor], string(r.Executor.Name))
		if r.Simulated && !strings.Contains(d, "SIMULATED") {
			d = strings.TrimPrefix(d+", SIMULATED: nothing is measured", ", ")
		}
		return d
	})
	if words := v.Placement[g.runs[0].Executor]; words != "" {
		same("placement", func(r *plan.Run) string { return v.Placement[r.Executor] })
	}
	lines = append(lines, [2]string{"store", v.Plan.Store})
	for i, words := range estimatorWords(g) {
		name := "estimator"
		if i > 0 {
			name = ""
		}
		lines = append(lines, [2]string{name, words})
	}
	p.named(lines)
	return unpinned
}

// estimatorWords say how far predictions are verified, and what they leave out.
func estimatorWords(g *group) []string {
	var list []string
	add := func(words string) {
		if words != "" && !slices.Contains(list, words) {
			list = append(list, words)
		}
	}
	var estimates []*plan.Estimate
	for _, r := range g.runs {
		for _, n := range r.Notes {
			if n.Code == failure.UnverifiedPrediction {
				add(n.Detail)
			}
		}
		if r.Estimate != nil {
			_, learned, _ := strings.Cut(r.Estimate.ModelVersion, ", ")
			add(learned)
		}
		estimates = append(estimates, r.Estimate)
	}
	add(plan.NotModelled(estimates...))
	return list
}

func modelLine(r *plan.Run) string {
	s := r.Model.Checkpoint + ", " + r.Model.Quantization
	if r.Model.Revision == nil {
		return s + ", revision not pinned [a]"
	}
	return s + ", revision " + *r.Model.Revision
}

func hardwareLine(r *plan.Run) string {
	h := r.Hardware
	return fmt.Sprintf("%dx %s = %s of %d GPUs", h.GPUs, h.GPU, Plural(h.Nodes, "node"), h.GPUsPerNode)
}

func imageLine(r *plan.Run) string {
	if r.Image.Digest == nil {
		return r.Image.Name + ", digest not pinned [a]"
	}
	return r.Image.Name + "@" + *r.Image.Digest
}

// shared prints what all runs of a group have in common.
func (v PlanView) shared(p *printer, g *group) {
	if len(g.shared) == 0 {
		return
	}
	var lines [][2]string
	last, widest := -1, width("from")
	for _, name := range g.shared {
		r := g.runs[0]
		text := phrase(r, name, g.value(r, name))
		if topic, _ := topicOf(name); topic == last && topic < len(topics) {
			lines[len(lines)-1][0] += ", " + text
		} else { // those of the other topics come from different places
			lines = append(lines, [2]string{text, origin(v.Plan, r.Origins.At(name))})
			last, widest = topic, max(widest, width(lines[len(lines)-1][1]))
		}
	}
	room := math.MaxInt32
	if columns := columnsOf(p.w); columns > 0 {
		room = max(20, columns-widest-8)
	}
	t := &table{header: []string{"same in all runs", "from"}, indent: "  "}
	for _, line := range lines {
		for i, text := range Wrap(line[0], room) {
			if i == 0 {
				t.add("  "+text, line[1])
			} else {
				t.add("    "+text, "")
			}
		}
	}
	p.line("")
	p.table(t)
}
