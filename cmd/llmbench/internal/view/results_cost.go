package view

import (
	"fmt"
	"io"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// ResultsCost prints what the runs of a set cost and what their tokens cost at
// that speed. Without a price it prints nothing.
func ResultsCost(w io.Writer, s *results.Set, price Price) error {
	if !price.set() || len(s.Runs) == 0 {
		return nil
	}
	t := &table{header: []string{"cost", "GPU-hours", "cost", "per million output tokens"}, right: []bool{false, true, true, true}}
	t.header[0] = fmt.Sprintf("at %s per GPU-hour", price.amount(price.PerGPUHour))
	total, simulated := 0.0, Simulated(s)
	for _, run := range s.Runs {
		hours := 0.0
		for _, r := range run.Results {
			hours += r.Took().Hours() * float64(r.Hardware.GPUs)
		}
		total += hours
		tokens := "-"
		if sum := run.Summary.At(trtllm.OutputThroughputPerGPU); sum != nil && sum.Median > 0 {
			tokens = price.amount(price.PerMillion(sum.Median))
		}
		spent := []string{fmt.Sprintf("%.2f", hours), price.amount(hours * price.PerGPUHour)}
		if simulated {
			spent = []string{"-", "-"}
		}
		t.add(Shown(run.Address), spent[0], spent[1], tokens)
	}
	if len(s.Runs) > 1 && !simulated {
		t.add("all", fmt.Sprintf("%.2f", total), price.amount(total*price.PerGPUHour), "")
	}
	p := &printer{w: w}
	p.line("")
	p.table(t)
	return p.err
}
