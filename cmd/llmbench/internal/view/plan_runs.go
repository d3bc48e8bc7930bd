package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

type runColumn = column[*plan.Run]

// runTable has a line a run: its axes and what else differs between the runs of the
// group, how many samples are stored, and what it can cost. Runs to keep are counted
// below the table unless all are asked for.
func (v PlanView) runTable(g *group, shared map[string]bool) *table {
	addresses := make([]string, len(g.runs))
	for i, r := range g.runs {
		addresses[i] = r.Address
	}
	names := namesOf(addresses)
	cols := []runColumn{{"", false, 0, func(r *plan.Run) string { return painted(r.Action.Symbol()) + " …/" + names.base(r.Address, true) }}}
	for _, axis := range names.axes {
		cols = append(cols, runColumn{axis, true, 0, func(r *plan.Run) string { return cmp.Or(axisValue(r.Address, axis), "-") }})
	}
	if slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return r.UseCase.ISL != nil }) {
		cols = append(cols, runColumn{"ISL/OSL", true, 5, islOSL})
	}
	for _, c := range differing(g, shared) {
		if !slices.ContainsFunc(names.axes, func(axis string) bool { return saidBy(axis, c, g.runs) }) {
			cols = append(cols, c)
		}
	}
	cols = append(cols, runColumn{"samples", true, 4, func(r *plan.Run) string {
		return fmt.Sprintf("%d of %d", r.State.Valid+r.State.Suspect, r.State.Wanted)
	}})
	cols = append(cols, v.costColumns(g)...)
	if numbers := v.jobNumbers(); slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return numbers[r.Address] != "" }) {
		cols = append(cols, runColumn{"job", true, 3, func(r *plan.Run) string { return cmp.Or(numbers[r.Address], "-") }})
	}
	if slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return r.Reason != g.runs[0].Reason || r.Action != plan.Measure }) {
		cols = append(cols, runColumn{"why", false, 0, why})
	}
	t := &table{indent: "  "}
	shown := slices.DeleteFunc(slices.Clone(g.runs), func(r *plan.Run) bool {
		return (r.Action == plan.Keep || r.Action == plan.Candidate) && !v.All
	})
	addColumns(t, cols, shown)
	return t
}

// saidBy reports whether the values of an axis are those of a column in all runs.
func saidBy(axis string, c runColumn, runs []*plan.Run) bool {
	return !slices.ContainsFunc(runs, func(r *plan.Run) bool { return axisValue(r.Address, axis) != c.cell(r) })
}

// short is an address without its benchmark and without the name of its first
// component: …/chat/concurrency=64.
func short(address string) string {
	_, rest, ok := strings.Cut(address, "/")
	if !ok {
		return address
	}
	return "…/" + strings.TrimPrefix(rest, "use_case=")
}

func islOSL(r *plan.Run) string {
	if r.UseCase.ISL == nil || r.UseCase.OSL == nil {
		return "own data"
	}
	s := fmt.Sprintf("%d/%d", *r.UseCase.ISL, *r.UseCase.OSL)
	if r.UseCase.ISLStdev != nil && *r.UseCase.ISLStdev > 0 || r.UseCase.OSLStdev != nil && *r.UseCase.OSLStdev > 0 {
		return "~" + s
	}
	return s
}

// differing gives a column to each argument that is not the same in all runs,
// unless the address says it already.
func differing(g *group, shared map[string]bool) []runColumn {
	var cols []runColumn
	known := map[string]bool{}
	vals := newValues()
	var args, options, env uintptr
	for _, r := range g.runs {
		if args == identity(r.Arguments) && options == identity(r.LLMAPIOptions) && env == identity(r.Env) {
			continue
		}
		args, options, env = identity(r.Arguments), identity(r.LLMAPIOptions), identity(r.Env)
		if !vals.anyNew(r, known) {
			continue
		}
		for _, f := range facts(r) {
			if !known[f.name] && !shared[f.name] && !addressed(r.Address, f.name, vals.of(r, f.name)) {
				cols = append(cols, vals.column(f.name))
			}
			known[f.name] = true
		}
	}
	return cols
}

// addressed reports whether the address says the value of an argument: a label of
// its axis does not.
func addressed(address, name string, value any) bool {
	for component := range strings.SplitSeq(address, "/") {
		if said, ok := strings.CutPrefix(component, name+"="); ok {
			return said == strings.ReplaceAll(argumentCell(value, name), ",", "")
		}
	}
	return false
}

// anyNew reports whether the run has a fact whose name is not known.
func (v *values) anyNew(r *plan.Run, known map[string]bool) bool {
	found := false
	look := func(name string, value any) {
		found = found || value != nil && !known[name] && declared(r, name)
	}
	for name, value := range r.Arguments {
		look(name, value)
	}
	for name, value := range v.options(r) {
		look(name, value)
	}
	for name := range r.Env {
		look("env."+name, name)
	}
	return found
}

func (v *values) column(name string) runColumn {
	return runColumn{
		head:  columnHead(name),
		right: true,
		rank:  6,
		cell:  func(r *plan.Run) string { return argumentCell(v.of(r, name), name) },
	}
}

func columnHead(name string) string {
	if name == "kv_cache_free_gpu_mem_fraction" {
		return "KV fraction"
	}
	return strings.TrimPrefix(name, "llm_api_options.")
}

func argumentCell(value any, name string) string {
	if n, isNumber := number(value); isNumber && name == "concurrency" && n <= 0 {
		return "unlimited"
	}
	if value == nil {
		return "-"
	}
	return withCommas(value)
}

func why(r *plan.Run) string {
	switch r.Action {
	case plan.Wait:
		return "waits for " + inFlight(r)
	case plan.Blocked:
		if n := len(r.State.Failed); n > 0 {
			return r.Reason + " (" + r.State.Failed[n-1].Detail + ")"
		}
	}
	return r.Reason
}

func inFlight(r *plan.Run) string {
	var jobs []string
	for _, f := range r.State.InFlight {
		job := string(f.State)
		if f.JobID != "" {
			job = "job " + f.JobID + " " + job
		}
		if f.User != "" {
			job += " of " + f.User
		}
		jobs = append(jobs, job)
	}
	return strings.Join(jobs, ", ")
}
