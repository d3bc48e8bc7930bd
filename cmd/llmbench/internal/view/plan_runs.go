package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

type runColumn = column[*plan.Run]

// runTable has a line a run; runs to keep are counted below it unless all are asked for.
func (v PlanView) runTable(g *group) *table {
	addresses := make([]string, len(g.runs))
	for i, r := range g.runs {
		addresses[i] = r.Address
	}
	names := namesOf(addresses)
	shown := slices.DeleteFunc(slices.Clone(g.runs), func(r *plan.Run) bool {
		return (r.Action == plan.Keep || r.Action == plan.Candidate) && !v.All
	})
	t := &table{indent: "  "}
	add := func(head string, right bool, rank int, cell func(*plan.Run) string) {
		addColumns(t, []runColumn{{head, right, rank, cell}}, shown)
	}
	add("", false, 0, func(r *plan.Run) string { return painted(r.Action.Symbol()) + " …/" + names.base(r.Address, true) })
	for _, axis := range names.axes {
		add(axis, true, 0, func(r *plan.Run) string { return cmp.Or(axisValue(r.Address, axis), "-") })
	}
	if slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return r.UseCase.ISL != nil }) {
		add("ISL/OSL", true, 5, func(r *plan.Run) string { return lengths(r.UseCase) })
	}
	for _, c := range g.differing() {
		if !slices.ContainsFunc(names.axes, func(axis string) bool { return saidBy(axis, c, g.runs) }) {
			addColumns(t, []runColumn{c}, shown)
		}
	}
	add("samples", true, 4, func(r *plan.Run) string {
		return fmt.Sprintf("%d of %d", r.State.Valid+r.State.Suspect, r.State.Wanted)
	})
	addColumns(t, v.costColumns(g), shown)
	if numbers := v.jobNumbers(); slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return numbers[r.Address] != "" }) {
		add("job", true, 3, func(r *plan.Run) string { return cmp.Or(numbers[r.Address], "-") })
	}
	if slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return r.Reason != g.runs[0].Reason || r.Action != plan.Measure }) {
		add("why", false, 0, why)
	}
	return t
}

// saidBy reports whether the values of an axis are those of a column in all runs.
func saidBy(axis string, c runColumn, runs []*plan.Run) bool {
	return !slices.ContainsFunc(runs, func(r *plan.Run) bool { return axisValue(r.Address, axis) != c.cell(r) })
}

// short is an address without benchmark and name of its first part: …/chat/concurrency=64.
func short(address string) string {
	_, rest, ok := strings.Cut(address, "/")
	if !ok {
		return address
	}
	return "…/" + strings.TrimPrefix(rest, "use_case=")
}

// differing gives a column to each declared value that runs differ in and addresses do not say.
func (g *group) differing() []runColumn {
	first := map[string]*plan.Run{} // that declares the value
	for _, r := range g.runs {
		for name := range g.names(r) {
			if first[name] == nil && !slices.Contains(g.shared, name) && declared(r, name) {
				first[name] = r
			}
		}
	}
	var cols []runColumn
	for _, name := range byTopic(maps.Keys(first)) {
		if r := first[name]; !addressed(r.Address, name, g.value(r, name)) {
			cols = append(cols, runColumn{columnHead(name), true, 6, func(r *plan.Run) string { return argumentCell(g.value(r, name), name) }})
		}
	}
	return cols
}

// addressed reports whether the address says the value of an argument itself, not by a label.
func addressed(address, name string, value any) bool {
	for component := range strings.SplitSeq(address, "/") {
		if said, ok := strings.CutPrefix(component, name+"="); ok {
			return said == strings.ReplaceAll(argumentCell(value, name), ",", "")
		}
	}
	return false
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
		return "waits for " + strings.Join(jobs, ", ")
	case plan.Blocked:
		if n := len(r.State.Failed); n > 0 {
			return r.Reason + " (" + r.State.Failed[n-1].Detail + ")"
		}
	}
	return r.Reason
}

// jobs says what shares a job, what that saves and what it risks, or what it would save.
func (v PlanView) jobs(p *printer) {
	if len(v.Plan.Jobs) == 0 {
		if line := v.unpackedLine(); line != "" {
			p.paragraphs("", 0, []string{line})
		}
		return
	}
	p.paragraphs("", 2, []string{v.packedLine()})
	p.named(v.jobLines())
	if title, lines := v.engineLines(); title != "" {
		p.line("\n%s", title)
		p.named(lines)
	}
}

// engineLines say what shared engines save and what keeps runs apart; no title where none do.
func (v PlanView) engineLines() (title string, lines [][2]string) {
	engines := v.Plan.Engines
	if len(engines) == 0 {
		return "", nil
	}
	n, known := 0, true
	var saved estimate.Interval
	for _, e := range engines {
		n += len(e.Members)
		if s := e.GPUHoursSaved; s == nil {
			known = false
		} else {
			saved.Low, saved.High = saved.Low+s.Low, saved.High+s.High
		}
	}
	saves := Plural(n-len(engines), "model load")
	if n == len(engines) {
		saves = "no model load: each engine has one run"
		if known {
			saves += fmt.Sprintf(", and priming costs %s GPU-hours", hoursRange(-saved.High, -saved.Low))
		}
	} else if gpus := float64(v.Plan.Jobs[0].GPUs); known {
		saves += fmt.Sprintf(": %s GPU-hours, %s of the jobs' time", hoursRange(saved.Low, saved.High), minutesRange(3600*saved.Low/gpus, 3600*saved.High/gpus))
	}
	lines = [][2]string{{"saves", saves}, {"adds", "to each engine the run of the highest concurrency, discarded, to prime it, and its first run again at the end"}}
	if apart := v.Plan.KeptApart(); len(apart) > 0 {
		lines = append(lines, [2]string{"kept apart by", strings.Join(apart, "; ") + "; levelling it would change what is measured"})
	}
	return fmt.Sprintf("shared: %s on %s", Plural(n, "sample"), Plural(len(engines), "engine")), lines
}

// mostSuggested is how many samples a job is suggested to run at most.
const mostSuggested = 8

// unpackedLine says what sharing jobs would save, "" where no two samples are submitted.
func (v PlanView) unpackedLine() string {
	n := 0
	for _, r := range v.Plan.Runs {
		if (r.Action == plan.Measure || r.Action == plan.Remeasure) && v.Unpacked[r.Executor] {
			n += r.State.Missing()
		}
	}
	if n < 2 {
		return ""
	}
	size := min(n, mostSuggested)
	waits := n - (n+size-1)/size
	return fmt.Sprintf("not packed: apply -pack=%d would save %s in the queue, not the model load: trtllm-bench starts again for each run.", size, Plural(waits, "wait"))
}

// packedLine says how many samples run in how many jobs.
func (v PlanView) packedLine() string {
	var sizes []string
	n := 0
	for _, job := range v.Plan.Jobs {
		n += len(job.Runs)
		sizes = append(sizes, fmt.Sprint(len(job.Runs)))
	}
	line := fmt.Sprintf("packed: %s in %s", Plural(n, "sample"), Plural(len(sizes), "job"))
	if len(sizes) > 1 && len(sizes) <= 8 {
		line += " of " + strings.Join(sizes[:len(sizes)-1], ", ") + " and " + sizes[len(sizes)-1]
	}
	return line + ", one after another, the cheapest first"
}

// jobLines are what packing saves, what it does not, and what it risks.
func (v PlanView) jobLines() [][2]string {
	waits, longest, longestRun := 0, 0, 0
	container := ""
	for _, job := range v.Plan.Jobs {
		waits += len(job.Runs) - 1
		longest = max(longest, job.TimeLimitSeconds)
		if job.Container != nil {
			container = *job.Container
		}
	}
	numbers := v.jobNumbers()
	for _, r := range v.Plan.Runs {
		if numbers[r.Address] != "" {
			longestRun = max(longestRun, r.TimeLimitSeconds)
		}
	}
	saves := Plural(waits, "wait") + " in the queue"
	if container == "shared" {
		saves += fmt.Sprintf(", %s of the container", Plural(waits, "start"))
	}
	saves += "; weights are in the page cache of the nodes from the second run of a job on"
	keeps := ""
	if len(v.Plan.Engines) < len(v.Plan.Jobs) {
		keeps = "the model load: trtllm-bench starts again for each run that does not share an engine"
	}
	if len(v.Plan.Engines) == 0 {
		keeps = "the model load: trtllm-bench starts again for each run"
	}
	if keeps != "" && container == "fresh" {
		keeps += "; the start of the container, which is writable, so that each run gets a fresh one"
	}
	lines := [][2]string{{"saves", saves}}
	if keeps != "" {
		lines = append(lines, [2]string{"saves not", keeps})
	}
	return append(lines, [2]string{"risks", fmt.Sprintf("a job that is lost costs the run that it measures, and the runs behind it wait again; a job of %s may wait longer than one of %s", minutes(longest), minutes(longestRun))})
}

// jobNumbers names the jobs of each packed run by their numbers.
func (v PlanView) jobNumbers() map[string]string {
	names := map[string]string{}
	for i, job := range v.Plan.Jobs {
		for k, address := range job.Runs {
			switch {
			case slices.Contains(job.Runs[:k], address):
			case names[address] == "":
				names[address] = fmt.Sprint(i + 1)
			default:
				names[address] += fmt.Sprintf(", %d", i+1)
			}
		}
	}
	return names
}
