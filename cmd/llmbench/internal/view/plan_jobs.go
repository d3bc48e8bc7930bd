package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
)

// jobs says what shares a job, what that saves and what it risks; where nothing
// does, what it would save.
func (v PlanView) jobs(p *printer) {
	if len(v.Plan.Jobs) == 0 {
		if line := v.unpackedLine(); line != "" {
			p.line("")
			p.wrapped("", 0, line)
		}
		return
	}
	p.line("")
	p.wrapped("", 2, v.packedLine())
	p.named(v.jobLines())
	if title, lines := v.engineLines(); title != "" {
		p.line("")
		p.line("%s", title)
		p.named(lines)
	}
}

// engineLines say how often the model is loaded for runs that share engines, what that
// saves, and what keeps runs apart; the title is "" where none do.
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

// unpackedLine says what sharing jobs would save, "" where no two samples are
// submitted.
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
	lines := [][2]string{{"saves", saves}, {"saves not", keeps}}
	if keeps == "" {
		lines = lines[:1]
	}
	return append(lines, [][2]string{
		{"risks", fmt.Sprintf("a job that is lost costs the run that it measures, and the runs behind it wait again; a job of %s may wait longer than one of %s", minutes(longest), minutes(longestRun))},
	}...)
}

// jobNumbers names the packs of each packed run by their numbers.
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
