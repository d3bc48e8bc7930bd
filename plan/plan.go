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
	"time"

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
	s := Summary{}
	for _, r := range p.Runs {
		switch r.Action {
		case Measure:
			s.Measure++
		case Remeasure:
			s.Remeasure++
		case Keep:
			s.Keep++
		case Wait:
			s.Wait++
		case Blocked:
			s.Blocked++
		case Candidate:
			s.Candidates++
		}
		if r.Action == Measure || r.Action == Remeasure {
			s.GPUHoursEstimate = addEstimate(s.GPUHoursEstimate, r)
		}
	}
	for _, e := range p.Engines {
		if s.GPUHoursEstimate != nil && e.GPUHoursSaved != nil {
			*s.GPUHoursEstimate = sum(*s.GPUHoursEstimate, scale(e.saved, -1))
		}
	}
	s.GPUHoursLimit, s.GPUHoursLimitWithRetries = p.gpuHoursLimits()
	if policy != nil && policy.MaxGPUHours != nil { // apply starts nothing beyond it
		s.GPUHoursLimitWithRetries = min(s.GPUHoursLimitWithRetries, max(*policy.MaxGPUHours, s.GPUHoursLimit))
	}
	p.Summary = s
}

// gpuHoursLimits is what the plan can cost at most, in first attempts and with
// their retries and those of jobs in flight: jobs of several with all that goes on between
// their runs, other samples by themselves, and what searches may still spend.
func (p *Plan) gpuHoursLimits() (first, withRetries float64) {
	for _, s := range p.Searches {
		first, withRetries = first+s.leftGPUHours(), withRetries+s.leftGPUHours()
	}
	for _, c := range p.costs() {
		first, withRetries = first+c.hours()*float64(c.first), withRetries+c.hours()*float64(c.withRetries)
	}
	return first, withRetries
}

// A cost is how often jobs that hold so many GPUs for so long can be started.
type cost struct{ gpus, seconds, first, withRetries int }

func (c cost) hours() float64 { return float64(c.gpus) * float64(c.seconds) / 3600 }

// costs are those of the jobs that are in no budget of a search.
func (p *Plan) costs() []cost {
	var out []cost
	alone, of := p.alone(), map[string]*Run{}
	for _, r := range p.Runs {
		of[r.Address] = r
		if r.Asked.Search == "" {
			n := alone[r.Address]
			out = append(out, cost{r.Hardware.GPUs, r.TimeLimitSeconds, n, n*(1+r.retries) + len(r.State.InFlight)*r.retries})
		}
	}
	for _, job := range p.Jobs {
		most := 0
		for _, address := range job.Runs {
			most = max(most, of[address].retries)
		}
		if of[job.Runs[0]].Asked.Search == "" {
			out = append(out, cost{job.GPUs, job.TimeLimitSeconds, 1, 1 + most})
		}
	}
	return out
}

// alone counts by address the samples that get jobs of their own, in this round or
// a later one.
func (p *Plan) alone() map[string]int {
	n := make(map[string]int, len(p.Runs))
	for _, r := range p.Runs {
		if r.Action == Measure || r.Action == Remeasure {
			n[r.Address] = r.State.Missing()
		}
		n[r.Address] += r.laterSamples()
	}
	for _, job := range p.Jobs {
		for _, address := range job.Runs {
			n[address]--
		}
	}
	return n
}

// GPUHoursLimit is what one sample of the run can cost at most: its GPUs times
// its time limit.
func (r *Run) GPUHoursLimit() float64 {
	return float64(r.Hardware.GPUs) * float64(r.TimeLimitSeconds) / 3600
}

func addEstimate(total *estimate.Interval, r *Run) *estimate.Interval {
	if r.Estimate == nil || r.Estimate.GPUHours == nil {
		return total
	}
	return ptr(sum(deref(total), scale(*r.Estimate.GPUHours, float64(r.State.Missing()))))
}
