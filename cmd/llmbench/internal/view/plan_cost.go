package view

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/plan/search"
)

// costColumns say what a run should bring, how long it takes and what it costs.
func (v PlanView) costColumns(g *group) []runColumn {
	limit := runColumn{"limit", true, 2, func(r *plan.Run) string { return minutes(r.TimeLimitSeconds) }}
	hours := runColumn{"GPU-hours", true, 0, func(r *plan.Run) string {
		return spends(r, hoursRange, func(hours float64) string { return fmt.Sprintf("%.1f", hours) })
	}}
	if !slices.ContainsFunc(g.runs, func(r *plan.Run) bool { return r.Estimate != nil }) {
		return []runColumn{limit, hours}
	}
	cols := []runColumn{
		{"tok/s/GPU\nexpected", true, 1, func(r *plan.Run) string { return ofThroughput(r, figureRange) }},
		{"job takes", true, 1, jobTakes}, limit, hours,
	}
	if v.Price.set() {
		cols = append(cols, runColumn{"cost", true, 1, func(r *plan.Run) string {
			return spends(r, v.Price.between, func(hours float64) string { return v.Price.amount(hours * v.Price.PerGPUHour) })
		}}, runColumn{"per million\noutput tokens", true, 2, func(r *plan.Run) string {
			return ofThroughput(r, func(i estimate.Interval) string {
				return v.Price.amount(v.Price.perMillion(i.High)) + " … " + v.Price.amount(v.Price.perMillion(i.Low))
			})
		}})
	}
	return cols
}

// ofThroughput writes the throughput that is expected of a run, "-" for none.
func ofThroughput(r *plan.Run, write func(estimate.Interval) string) string {
	if r.Estimate == nil {
		return "-"
	}
	return orDash(r.Estimate.OutputThroughputPerGPU, write)
}

// jobTakes is the expected time of a job, start-up included.
func jobTakes(r *plan.Run) string {
	job, ok := r.Estimate.JobSeconds()
	if !ok {
		return "-"
	}
	if r.Shared() { // the load is its engine's
		job = r.Estimate.BusySeconds()
	}
	return minutesRange(job.Low, job.High)
}

func todo(r *plan.Run) bool { return r.Action == plan.Measure || r.Action == plan.Remeasure }

// spends writes what the missing samples of a run take in GPU-hours: as expected, or at
// most where nothing is predicted.
func spends(r *plan.Run, between func(low, high float64) string, most func(hours float64) string) string {
	if !todo(r) {
		return "-"
	}
	n := float64(r.State.Missing())
	e := r.Estimate
	if e == nil || e.GPUHours == nil {
		return "≤ " + most(n*r.GPUHoursLimit())
	}
	i := *e.GPUHours
	if e.MeasureSeconds != nil && r.Shared() { // the load is its engine's
		i, n = e.BusySeconds(), n*float64(r.Hardware.GPUs)/3600
	}
	return between(n*i.Low, n*i.High)
}

// A Price is what a GPU costs by the hour; the zero value is no price.
type Price struct {
	PerGPUHour float64
	// Currency is a sign, such as $, or a code, such as EUR.
	Currency string
}

func (p Price) set() bool { return p.PerGPUHour > 0 }

// amount writes money: $1,234 or 12.50 EUR.
func (p Price) amount(sum float64) string {
	text := fmt.Sprintf("%.2f", sum)
	if sum >= 100 {
		text = count(int64(sum + 0.5))
	}
	switch {
	case p.Currency == "" || p.Currency == "USD":
		return "$" + text
	case len([]rune(p.Currency)) == 1:
		return p.Currency + text
	}
	return text + " " + p.Currency
}

func (p Price) between(low, high float64) string {
	return p.amount(low*p.PerGPUHour) + " … " + p.amount(high*p.PerGPUHour)
}

// perMillion is the price of a million output tokens at a rate in tokens/s for each GPU.
func (p Price) perMillion(tpsPerGPU float64) float64 { return p.PerGPUHour / 3600 / tpsPerGPU * 1e6 }

// ofTokens is perMillion in words for a run, "-" for one without a throughput.
func (p Price) ofTokens(run results.RunSummary) string {
	if s := throughput(run); s != nil && s.Median > 0 {
		return p.amount(p.perMillion(s.Median))
	}
	return "-"
}

func (v PlanView) costLine() string {
	s := v.Plan.Summary
	line := fmt.Sprintf(" At most %.1f GPU-hours", s.GPUHoursLimit)
	if v.Price.set() {
		line += ", " + v.Price.amount(s.GPUHoursLimit*v.Price.PerGPUHour)
	}
	line += withRetries(s)
	e := s.GPUHoursEstimate
	if e == nil {
		return line + "."
	}
	line += fmt.Sprintf(", %s expected", hoursRange(e.Low, e.High))
	if slices.ContainsFunc(v.Plan.Searches, func(s *plan.Search) bool { return s.State == search.Open }) {
		line += " for the runs that are next"
	}
	if v.Price.set() {
		line += " (" + v.Price.between(e.Low, e.High) + ")"
	}
	if share := startupShare(v.Plan.Runs); share > 0.5 {
		line += ", most of it model load"
	}
	return line + "."
}

// withRetries says in brackets what a plan costs at most if jobs are retried, "" where none is.
func withRetries(s plan.Summary) string {
	if s.GPUHoursLimitWithRetries <= s.GPUHoursLimit {
		return ""
	}
	often := s.GPUHoursLimitWithRetries / s.GPUHoursLimit
	retries := math.Round(often) - 1
	if math.Abs(often-retries-1) > 1e-6 {
		return fmt.Sprintf(" (%.1f with retries)", s.GPUHoursLimitWithRetries)
	}
	times := cmp.Or(map[float64]string{1: "once", 2: "twice"}[retries], fmt.Sprintf("%.0f times", retries))
	return fmt.Sprintf(" (%.1f if every job ran to its limit and was retried %s)", s.GPUHoursLimitWithRetries, times)
}

// startupShare is the part of the expected GPU-hours that goes by before anything is measured.
func startupShare(runs []*plan.Run) float64 {
	var startup, all float64
	for _, r := range runs {
		e := r.Estimate
		if !todo(r) || r.Shared() || e == nil || e.GPUHours == nil || e.StartupSeconds == nil {
			continue
		}
		n := float64(r.State.Missing())
		startup += n * e.StartupSeconds.Mid * float64(r.Hardware.GPUs) / 3600
		all += n * e.GPUHours.Mid
	}
	if all == 0 {
		return 0
	}
	return startup / all
}

func figureRange(i estimate.Interval) string {
	return roundFigure(i.Low) + " … " + roundFigure(i.High)
}
