// Package plan turns checked definitions into runs, proves that they are valid
// and says of each what apply would do and why.
//
//  1. [Build] takes the cells of package schema. The proof (check*.go) refuses
//     what TensorRT-LLM would refuse, or silently do otherwise, once the money
//     is spent; one invalid cell refuses the plan whole.
//  2. Each cell becomes a [Run]: its flags, its options file, its command, and
//     an [Identity] whose hash is the run's fingerprint. Whatever can move the
//     number is in the identity; names, limits and accounts are not.
//  3. A [Ledger] tells what is stored or in flight for a fingerprint. That
//     decides the run's [Action] and, where something else was measured at the
//     same address, the list of [Change]s.
//  4. The [Plan] is complete: argv, files and job scripts follow from its runs by pure
//     functions ([Run.Command], [JobRenderer]), relative to the attempt folder, and package
//     document writes them down. Apply decides nothing about a run.
//
// Equal inputs give equal bytes. The package runs no process and reads no file.
package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema"
)

// FormatVersion is the version of the plan document. It changes when a key
// changes its meaning or goes away.
const FormatVersion = "1"

// A Plan is what is to be measured, and how. Package document has its JSON form, which
// `plan -json` prints and a saved plan holds.
type Plan struct {
	FormatVersion   string         `json:"format_version"`
	LLMBenchVersion string         `json:"llmbench_version"`
	Inputs          []Input        `json:"inputs"`
	Git             *Git           `json:"git"`
	Variables       map[string]any `json:"variables"`
	Store           string         `json:"store"`
	// Saved is when the plan was saved, zero for one that was not: it also tells two
	// plans apart that are otherwise the same.
	Saved time.Time `json:"saved,omitzero"`
	Runs  []*Run    `json:"runs"`
	// Jobs are the jobs that run several samples, left out where there are none:
	// every sample then has a job of its own.
	Jobs []*Job `json:"packs,omitempty"`
	// Engines are the model loads that several samples share: those of the jobs of
	// runs with shared engines, in their order.
	Engines     []*Engine    `json:"engines,omitempty"`
	Searches    []*Search    `json:"searches"`
	Undeclared  []string     `json:"undeclared"`
	Excluded    int          `json:"excluded"`
	Summary     Summary      `json:"summary"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Input is a file that the definitions were read from, with the hexadecimal
// SHA-256 of its content.
type Input struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// Git is the commit of the definitions and whether their tree had changes that
// are in no commit.
type Git struct {
	Commit string `json:"commit"`
	Dirty  bool   `json:"dirty"`
}

// Summary counts the runs by action. GPUHoursLimit is what first attempts can
// cost at most by the time limits of their jobs, up to max_samples where a
// precision is asked for, and what searches may still spend; GPUHoursLimitWithRetries what all can that could be
// started; GPUHoursEstimate what the runs to measure should.
type Summary struct {
	Measure                  int                `json:"measure"`
	Remeasure                int                `json:"remeasure"`
	Keep                     int                `json:"keep"`
	Wait                     int                `json:"wait"`
	Blocked                  int                `json:"blocked"`
	Candidates               int                `json:"candidates"`
	GPUHoursLimit            float64            `json:"gpu_hours_limit"`
	GPUHoursLimitWithRetries float64            `json:"gpu_hours_limit_with_retries"`
	GPUHoursEstimate         *estimate.Interval `json:"gpu_hours_estimate"`
}

// ToDo is the number of runs that apply would start jobs for.
func (s Summary) ToDo() int { return s.Measure + s.Remeasure }

// Empty returns the document of a plan without runs: what is printed when the
// definitions are wrong.
func Empty(version string) *Plan {
	return &Plan{
		FormatVersion:   FormatVersion,
		LLMBenchVersion: version,
		Inputs:          []Input{},
		Variables:       map[string]any{},
		Runs:            []*Run{},
		Searches:        []*Search{},
		Undeclared:      []string{},
		Diagnostics:     []Diagnostic{},
	}
}

func (p *Plan) summarise(policy *schema.Policy) {
	count := map[Action]int{}
	var estimated *estimate.Interval
	for _, r := range p.Runs {
		count[r.Action]++
		if (r.Action == Measure || r.Action == Remeasure) && r.Estimate != nil && r.Estimate.GPUHours != nil {
			estimated = ptr(sum(deref(estimated), scale(*r.Estimate.GPUHours, float64(r.State.Missing()))))
		}
	}
	for _, e := range p.Engines {
		if estimated != nil && e.GPUHoursSaved != nil {
			*estimated = sum(*estimated, scale(e.saved, -1))
		}
	}
	first, withRetries := 0.0, 0.0
	for _, s := range p.Searches {
		first, withRetries = first+s.leftGPUHours(), withRetries+s.leftGPUHours()
	}
	for _, c := range p.costs() {
		hours := float64(c.gpus) * float64(c.seconds) / 3600
		first, withRetries = first+hours*float64(c.first), withRetries+hours*float64(c.withRetries)
	}
	if policy != nil && policy.MaxGPUHours != nil { // apply starts nothing beyond it
		withRetries = min(withRetries, max(*policy.MaxGPUHours, first))
	}
	p.Summary = Summary{
		Measure: count[Measure], Remeasure: count[Remeasure], Keep: count[Keep], Wait: count[Wait], Blocked: count[Blocked], Candidates: count[Candidate],
		GPUHoursLimit: first, GPUHoursLimitWithRetries: withRetries, GPUHoursEstimate: estimated,
	}
}

// A cost is how often jobs that hold so many GPUs for so long can be started.
type cost struct{ gpus, seconds, first, withRetries int }

// costs are those of the jobs that are in no budget of a search: jobs of several with all
// that goes on between their runs, and other samples, in this round or a later one, by
// themselves, with retries also of those in flight.
func (p *Plan) costs() []cost {
	var out, shared []cost
	of, packed := map[string]*Run{}, map[string]int{} // by address
	for _, r := range p.Runs {
		of[r.Address] = r
	}
	for _, job := range p.Jobs {
		most := 0
		for _, address := range job.Runs {
			packed[address]++
			most = max(most, of[address].retries)
		}
		if of[job.Runs[0]].Asked.Search == "" {
			shared = append(shared, cost{job.GPUs, job.TimeLimitSeconds, 1, 1 + most})
		}
	}
	for _, r := range p.Runs {
		n := r.laterSamples() - packed[r.Address]
		if r.Action == Measure || r.Action == Remeasure {
			n += r.State.Missing()
		}
		if r.Asked.Search == "" {
			out = append(out, cost{r.Hardware.GPUs, r.TimeLimitSeconds, n, n*(1+r.retries) + len(r.State.InFlight)*r.retries})
		}
	}
	return append(out, shared...)
}

// GPUHoursLimit is what one sample of the run can cost at most: its GPUs times
// its time limit.
func (r *Run) GPUHoursLimit() float64 {
	return float64(r.Hardware.GPUs) * float64(r.TimeLimitSeconds) / 3600
}

// checkPolicy refuses a plan that can cost more than the policy allows. Costs
// are those of the time limits, which nothing exceeds.
func checkPolicy(policy *schema.Policy, p *Plan) hcl.Diagnostics {
	if policy == nil || p.Free() {
		return nil
	}
	var diags hcl.Diagnostics
	refuse := func(argument, address, detail string) {
		location := policy.Range
		if r, ok := policy.Ranges[argument]; ok {
			location = r
		}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Plan exceeds the policy", Detail: detail, Subject: &location, Extra: About{Address: address}})
	}
	if most := policy.MaxGPUHours; most != nil && p.Summary.GPUHoursLimit > *most {
		refuse("max_gpu_hours", "", fmt.Sprintf(
			"The plan can cost up to %.1f GPU-hours by its time limits, and max_gpu_hours is %g: %s. Shorten time limits, select fewer runs with -target, or raise the limit.",
			p.Summary.GPUHoursLimit, *most, p.limitSum()))
	}
	if most := policy.MaxRunGPUHours; most != nil {
		for _, r := range p.Runs {
			if r.MayRun() && r.GPUHoursLimit() > *most {
				refuse("max_run_gpu_hours", r.Address, fmt.Sprintf(
					"%s can cost up to %.1f GPU-hours by its time limit (%d GPUs for %s), and max_run_gpu_hours is %g. Shorten its time limit, or raise max_run_gpu_hours.",
					r.Address, r.GPUHoursLimit(), r.Hardware.GPUs, inMinutes(float64(r.TimeLimitSeconds)), *most))
			}
		}
	}
	return diags
}

// MayRun reports whether jobs may be started for the run, now or by a search later.
func (r *Run) MayRun() bool {
	return r.Action == Measure || r.Action == Remeasure || r.Action == Candidate
}

// limitSum shows how the ceiling of a plan adds up: like parts together, in the
// order in which they first appear.
func (p *Plan) limitSum() string {
	count := map[cost]int{}
	var order []cost
	for _, c := range p.costs() {
		like := cost{gpus: c.gpus, seconds: c.seconds}
		if count[like] == 0 && c.first > 0 {
			order = append(order, like)
		}
		count[like] += c.first
	}
	terms := make([]string, len(order))
	for i, c := range order {
		terms[i] = fmt.Sprintf("%d x %d GPUs x %s", count[c], c.gpus, inMinutes(float64(c.seconds)))
	}
	for _, s := range p.Searches {
		if left := s.leftGPUHours(); left > 0 {
			terms = append(terms, fmt.Sprintf("%.1f of the search %s", left, s.Name()))
		}
	}
	return strings.Join(terms, " + ")
}
