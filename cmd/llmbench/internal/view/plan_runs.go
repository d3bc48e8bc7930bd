package view

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/plan"
)

// A column of the run table: its head, whether it is a number, and its cell.
type column struct {
	head  string
	right bool
	cell  func(*plan.Run) string
}

// runTable has a line a run: what differs between the runs of the group, how
// many samples are stored, and what it can cost.
func (v PlanView) runTable(g *group, shared map[string]bool) *table {
	cols := []column{{"", false, func(r *plan.Run) string { return r.Action.Symbol() + " " + short(r.Address) }}}
	if anyRun(g, func(r *plan.Run) bool { return r.UseCase.ISL != nil }) {
		cols = append(cols, column{"ISL/OSL", true, islOSL})
	}
	cols = append(cols, differing(g, shared)...)
	cols = append(cols, column{"samples", true, func(r *plan.Run) string {
		return fmt.Sprintf("%d of %d", r.State.Valid+r.State.Suspect, r.State.Wanted)
	}})
	cols = append(cols, v.costColumns(g)...)
	if anyRun(g, func(r *plan.Run) bool { return r.Reason != g.runs[0].Reason || r.Action != plan.Measure }) {
		cols = append(cols, column{"why", false, why})
	}
	t := &table{indent: "  "}
	for _, c := range cols {
		t.header = append(t.header, c.head)
		t.right = append(t.right, c.right)
	}
	for _, r := range g.runs {
		cells := make([]string, len(cols))
		for i, c := range cols {
			cells[i] = c.cell(r)
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

func anyRun(g *group, yes func(*plan.Run) bool) bool {
	for _, r := range g.runs {
		if yes(r) {
			return true
		}
	}
	return false
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
func differing(g *group, shared map[string]bool) []column {
	var cols []column
	seen := map[string]bool{}
	for _, r := range g.runs {
		for _, f := range facts(r) {
			if shared[f.name] || seen[f.name] || strings.Contains(r.Address, "/"+f.name+"=") {
				continue
			}
			seen[f.name] = true
			cols = append(cols, differingColumn(f.name))
		}
	}
	return cols
}

func differingColumn(name string) column {
	return column{
		head:  columnHead(name),
		right: true,
		cell:  func(r *plan.Run) string { return argumentCell(r, name) },
	}
}

func columnHead(name string) string {
	if name == "kv_cache_free_gpu_mem_fraction" {
		return "KV fraction"
	}
	return strings.TrimPrefix(name, "llm_api_options.")
}

func argumentCell(r *plan.Run, name string) string {
	value, ok := r.Arguments[name]
	if env, isEnv := strings.CutPrefix(name, "env."); isEnv {
		if v := r.Env[env]; v != nil {
			return *v
		}
		return "(secret)"
	}
	if !ok {
		walkLeaves("llm_api_options", r.LLMAPIOptions, func(path string, v any) {
			if path == name {
				value = v
			}
		})
	}
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
		job := f.State
		if f.JobID != "" {
			job = "job " + f.JobID + " " + f.State
		}
		if f.User != "" {
			job += " of " + f.User
		}
		jobs = append(jobs, job)
	}
	return strings.Join(jobs, ", ")
}
