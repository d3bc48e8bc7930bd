package plan

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema"
)

// checkSearch refuses a search that cannot be judged or afforded.
func checkSearch(s *schema.Search, sp *space) hcl.Diagnostics {
	var diags hcl.Diagnostics
	refuse := func(location hcl.Range, summary, format string, args ...any) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &location})
	}
	figures := trtllm.Figures()
	names := slices.Sorted(maps.Keys(figures))
	goal := "maximize"
	if s.Minimize {
		goal = "minimize"
	}
	for _, u := range append([]schema.SearchBound{{Metric: s.Metric, Range: s.Ranges[goal]}}, s.Bounds...) {
		f, ok := figures[u.Metric]
		if _, scored := trtllm.FindMetric(u.Metric); !ok && scored {
			refuse(u.Range, "Metric that a search cannot use", "%s is counted from the records of requests and not predicted, so a search cannot tell which run to measure next. Use output_throughput_per_gpu_tok_s with bounds on what the slo limits, such as bound \"ttft_ms_p99\". `llmbench results -sort=%[1]s` ranks what was measured.", u.Metric)
			continue
		}
		if !ok {
			refuse(u.Range, "Unknown metric", "There is no metric %q.%s", u.Metric, metricMeant(u.Metric, names))
			continue
		}
		for _, c := range sp.list {
			if f.Streaming && !c.run.Arguments.Bool("streaming") {
				refuse(u.Range, "Metric needs streaming", "%s is measured only where responses are streamed, and streaming is off. Set streaming = true in the benchmark.", u.Metric)
			} else if f.Streaming || f.Waits {
				diags = append(diags, c.steady(u.Metric)...)
			}
		}
	}
	for _, c := range sp.list {
		if c.cell.Precision > 0 {
			diags = append(diags, c.refuse("precision", "Precision beside a search",
				"A search decides by itself where more samples are worth their cost, so precision has no place in its benchmark. Remove it; samples = 3 gives the best run, and those that cannot be told from it, three samples each.")...)
		}
	}
	least := math.Inf(1)
	for i := range sp.list {
		least = min(least, sp.cost([]int{i}))
	}
	if s.MaxGPUHours != nil && *s.MaxGPUHours < least {
		refuse(s.Ranges["max_gpu_hours"], "Budget below one run", "The cheapest candidate can cost %.1f GPU-hours by its time limit, and max_gpu_hours is %g: nothing could be measured. Raise max_gpu_hours, or shorten time_limit.", least, *s.MaxGPUHours)
	}
	return diags
}

// metricMeant is a sentence with the metric that was meant by a name, else with all: one
// that is spelled like it, or the shortest that has all its words, as ttft_ms_p99 has
// those of ttft_p99.
func metricMeant(name string, names []string) string {
	if hint := schema.DidYouMean(name, names); hint != "" {
		return hint
	}
	meant := ""
	for _, n := range names {
		words := strings.Split(n, "_")
		other := slices.ContainsFunc(strings.Split(name, "_"), func(w string) bool { return !slices.Contains(words, w) })
		if !other && (meant == "" || len(n) < len(meant)) {
			meant = n
		}
	}
	if meant != "" {
		return fmt.Sprintf(" Did you mean %q?", meant)
	}
	return " The metrics are " + strings.Join(names, ", ") + "."
}

// steady refuses a candidate without a steady window for a metric that is judged there.
func (c candidate) steady(metric string) hcl.Diagnostics {
	concurrency, _ := c.run.Arguments.Int("concurrency")
	switch {
	case concurrency < 1:
		return c.refuse("concurrency", "No steady window",
			"%s is judged while as many requests run as concurrency allows. Without a limit all requests are sent at once, and most of the time that they take is waiting. Set concurrency, for example as an axis of the matrix.", metric)
	case c.data.Lines < trtllm.SteadyRequests*concurrency:
		return c.refuse("num_requests", "No steady window",
			"%s is judged while as many requests run as concurrency allows, and with fewer than %d requests for each there is no such time. Write num_requests = max(%d, %[2]d * each.concurrency).", metric, trtllm.SteadyRequests, c.data.Lines)
	}
	return nil
}
