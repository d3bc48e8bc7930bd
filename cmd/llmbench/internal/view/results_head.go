package view

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// resultsHead is what all results of a set have in common, in a line.
func resultsHead(s *results.Set) string {
	var parts []string
	same := func(before string, of func(*results.Result) string) {
		differs := func(r *results.Result) bool { return of(r) != of(s.Results[0]) }
		if len(s.Results) > 0 && of(s.Results[0]) != "" && !slices.ContainsFunc(s.Results, differs) {
			parts = append(parts, before+of(s.Results[0]))
		}
	}
	same("", func(r *results.Result) string {
		return strings.TrimSpace(r.Model.Checkpoint + " " + r.Model.Quantization)
	})
	same("", func(r *results.Result) string {
		if r.Hardware.GPU == "" {
			return ""
		}
		return fmt.Sprintf("%dx %s", r.Hardware.GPUs, r.Hardware.GPU)
	})
	same("", func(r *results.Result) string { return r.Image.Name })
	same("TensorRT-LLM ", func(r *results.Result) string { return r.Image.TRTLLMVersion })
	same("cluster ", func(r *results.Result) string {
		if r.Executor.Type == simulate {
			return ""
		}
		return r.Cluster
	})
	same("definitions ", func(r *results.Result) string {
		if r.Provenance.DefinitionsGit == nil {
			return ""
		}
		commit, state, _ := strings.Cut(*r.Provenance.DefinitionsGit, " ")
		return strings.TrimSpace(fmt.Sprintf("%.7s %s", commit, state))
	})
	if when := measuredOn(s, " to "); !Simulated(s) && when != "" {
		parts = append(parts, "measured "+when)
	}
	return strings.Join(parts, ", ")
}

// Arrange returns the set with its runs ordered by a metric, the best first, and no
// more than top of them; "" keeps the order and 0 all. Runs without the metric come
// last. Runs that their numbers do not rank stay as they are, and why says so.
func Arrange(s *results.Set, metric string, top int) (arranged *results.Set, why string) {
	if metric == "" && top <= 0 {
		return s, ""
	}
	if why := unranked(s.Runs); why != "" {
		return s, why
	}
	c := *s
	c.Runs = slices.Clone(s.Runs)
	if m, ok := trtllm.FindMetric(metric); ok {
		slices.SortStableFunc(c.Runs, func(a, b results.RunSummary) int { return better(m, a.Of(metric), b.Of(metric)) })
	}
	if top > 0 {
		c.Runs = c.Runs[:min(top, len(c.Runs))]
	}
	c.Results = nil
	for _, run := range c.Runs {
		for _, r := range run.Results {
			if r.Verdict != results.NotMeasured {
				c.Results = append(c.Results, r)
			}
		}
	}
	return &c, ""
}

func better(m trtllm.Metric, a, b *results.Summary) int {
	key := func(s *results.Summary) float64 {
		switch {
		case s == nil:
			return math.Inf(1)
		case m.HigherIsBetter:
			return -s.Median
		}
		return s.Median
	}
	return cmp.Compare(key(a), key(b))
}

// ResultsCost prints what runs cost and their tokens at that speed, nothing without a price.
func ResultsCost(w io.Writer, s *results.Set, price Price) error {
	if !price.set() || len(s.Runs) == 0 {
		return nil
	}
	t := &table{header: []string{fmt.Sprintf("at %s per GPU-hour", price.amount(price.PerGPUHour)), "GPU-hours", "cost", "per million output tokens"}, right: []bool{false, true, true, true}}
	total, simulated := 0.0, Simulated(s)
	for _, run := range s.Runs {
		hours := spentHours(run.Results)
		total += hours
		spent := []string{fmt.Sprintf("%.2f", hours), price.amount(hours * price.PerGPUHour)}
		if simulated {
			spent = []string{"-", "-"}
		}
		t.add(Shown(run.Address), spent[0], spent[1], price.ofTokens(run))
	}
	if len(s.Runs) > 1 && !simulated {
		t.add("all", fmt.Sprintf("%.2f", total), price.amount(total*price.PerGPUHour), "")
	}
	p := &printer{w: w}
	p.line("")
	p.table(t)
	return p.err
}

// Incomplete counts the runs that lack samples, and says what became of them; "" for none.
func Incomplete(p *plan.Plan) string {
	missing, failed, flying, short := 0, 0, 0, 0
	for _, r := range p.Runs {
		switch have := r.State.Valid + r.State.Suspect; {
		case r.Action == plan.Candidate:
		case have >= r.State.Wanted:
		case have > 0:
			short++
		case len(r.State.InFlight) > 0:
			flying++
		case len(r.State.Failed) > 0:
			failed++
		default:
			missing++
		}
	}
	parts := amounts([]string{"not measured", "in flight", "failed or invalid", "short of samples"}, missing, flying, failed, short)
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%d of %s %s", missing+flying+failed+short, Plural(len(p.Runs), "run"), strings.TrimLeft(parts[0], "0123456789 "))
	}
	return fmt.Sprintf("of %s, %s", Plural(len(p.Runs), "run"), strings.Join(parts, ", "))
}

// resultsOverview prints each sample as PERFORMANCE OVERVIEW of trtllm-bench's report.
func resultsOverview(w io.Writer, s *results.Set) error {
	p := &printer{w: w}
	if Simulated(s) {
		p.line("%s", banner)
	}
	for _, r := range s.Results {
		p.line("\n%s, sample %d: %s", r.Address, r.Sample, r.Verdict)
		for _, reason := range r.Reasons {
			p.line("  %s: %s: %s", reason.Level, reason.Code, reason.Detail)
		}
		declaredNote(p, "  ", r)
		if !r.Counts() {
			continue
		}
		p.line("%s", strings.TrimSuffix(trtllm.Overview(r.Metrics), "\n"))
		if r.Requests != nil && r.Requests.SLO != nil {
			p.line("of %s, with the slo %s:", Plural(r.Requests.Judged, "request"), r.Requests.SLO)
			for _, m := range trtllm.RecordMetrics {
				p.line("%-49s %.4f", m.Name+" ("+m.Unit+"):", *r.Measure(m.Name))
			}
		}
	}
	return p.err
}

// declaredNote marks a result that depends on facts of the user's own.
func declaredNote(p *printer, indent string, r *results.Result) {
	if slices.ContainsFunc(r.Caveats, func(c results.Caveat) bool { return c.Code == failure.DeclaredByUser }) {
		p.line("%snote: %s: %s", indent, failure.DeclaredByUser, caption(failure.DeclaredByUser))
	}
}

// ImportedVerdict says what an imported result without a number is worth, "" for others.
func ImportedVerdict(r *results.Result) string {
	if r.Counts() {
		return ""
	}
	return fmt.Sprintf("  %s: %s: %s", r.Verdict, r.Code(), r.Cause())
}
