package plan

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// predictedFigures is what the estimate of a run says of the figures of a report. A
// percentile has the prediction of its metric.
func predictedFigures(r *Run) map[string]float64 {
	out := map[string]float64{}
	e := r.Estimate
	if e == nil || e.OutputThroughputPerGPU == nil {
		return out
	}
	tps := e.OutputThroughputPerGPU.Mid
	out[trtllm.OutputThroughputPerGPU] = tps
	out[trtllm.OutputThroughput] = tps * float64(r.Hardware.GPUs)
	if e.MeasureSeconds != nil {
		out[trtllm.TotalLatency] = 1000 * e.MeasureSeconds.Mid
	}
	if isl, osl := r.UseCase.ISL, r.UseCase.OSL; isl != nil && osl != nil && *osl > 0 {
		out[trtllm.RequestThroughput] = out[trtllm.OutputThroughput] / float64(*osl)
		out[trtllm.TotalThroughput] = out[trtllm.OutputThroughput] * float64(*isl+*osl) / float64(*osl)
		if n, ok := r.Arguments.Int("concurrency"); ok && n > 0 {
			out[trtllm.AvgRequestLatency] = 1000 * float64(n) / out[trtllm.RequestThroughput]
			out[trtllm.OutputThroughputPerUser] = out[trtllm.OutputThroughput] / float64(n)
		}
	}
	if e.AvgTTFT != nil {
		out[trtllm.AvgTTFT] = e.AvgTTFT.Mid
	}
	if e.AvgTPOT != nil {
		out[trtllm.AvgTPOT], out[trtllm.OutputSpeed] = e.AvgTPOT.Mid, 1000/e.AvgTPOT.Mid
	}
	for name, f := range trtllm.Figures() {
		if v, ok := out[f.Name]; ok && f.Percentile != "" {
			out[name] = v
		}
	}
	return out
}

// axesOf places candidates on the axes of their addresses: on those along which some
// prediction changes by their order, and by their labels on the others, which
// predictions do not see.
func axesOf(list []candidate) (positions [][]float64, options [][]string) {
	var names []string
	values := make([]map[string]string, len(list))
	for i, c := range list {
		values[i] = map[string]string{}
		for component := range strings.SplitSeq(c.run.Address, "/") {
			name, value, ok := strings.Cut(component, "=")
			if !ok || name == "use_case" {
				continue
			}
			if values[i][name] = value; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	positions, options = make([][]float64, len(list)), make([][]string, len(list))
	for _, name := range names {
		seen := predictionsSee(name, list)
		position := positionsOf(name, values)
		for i := range list {
			if value := values[i][name]; seen {
				positions[i] = append(positions[i], position[value])
			} else if value == "" {
				options[i] = append(options[i], "")
			} else {
				options[i] = append(options[i], name+"="+value)
			}
		}
	}
	return positions, options
}

// outputNotChecked is the note on candidates of which some in one use case differ in what
// can change the generated text; changes are the names of what can.
func outputNotChecked(list []candidate, changes []string) []Note {
	values, first, differ := make([]map[string]any, len(list)), map[string]map[string]any{}, map[string]bool{}
	for i, c := range list {
		values[i] = map[string]any{}
		for name, value := range facts(c.run) {
			name = strings.TrimPrefix(name, "llm_api_options.")
			if slices.ContainsFunc(changes, func(of string) bool { return name == of || strings.HasPrefix(name, of+".") }) {
				values[i][name] = value
			}
		}
		of := first[c.run.UseCase.Label]
		if of == nil {
			of, first[c.run.UseCase.Label] = values[i], values[i]
		}
		for _, name := range factNames(of, values[i]) {
			if !reflect.DeepEqual(of[name], values[i][name]) {
				differ[name] = true
			}
		}
	}
	for i := range values {
		own := map[string]any{}
		for name := range differ {
			own[name] = values[i][name]
		}
		values[i] = own
	}
	text, _ := namesAndValues(values)
	if text == "" {
		return []Note{}
	}
	return []Note{{Code: failure.OutputNotChecked, Level: failure.Note, Detail: fmt.Sprintf(
		"The candidates differ in %s, which can change the generated text, and a search compares speed alone. Before you use the best, compare its output or accuracy with that of a run you trust, for example with trtllm-eval.", text)}}
}

// predictionsSee reports whether predictions differ between some runs that differ in
// this axis alone. Without predictions only numbers are taken for an order.
func predictionsSee(axis string, list []candidate) bool {
	type figures [3]float64
	first := map[string]figures{}
	predicted := false
	for _, c := range list {
		rest, value, ok := CutAxis(c.run.Address, axis)
		e := c.run.Estimate
		if e == nil || e.OutputThroughputPerGPU == nil {
			if _, err := strconv.ParseFloat(value, 64); err == nil || !ok {
				return true
			}
			continue
		}
		predicted = true
		now := figures{e.OutputThroughputPerGPU.Mid}
		if e.AvgTTFT != nil {
			now[1] = e.AvgTTFT.Mid
		}
		if e.AvgTPOT != nil {
			now[2] = e.AvgTPOT.Mid
		}
		if was, ok := first[rest]; ok && was != now {
			return true
		}
		first[rest] = now
	}
	return predicted && len(first) == len(list) // one value: nothing to see
}

// positionsOf places the values of an axis from 0 to 1: numbers by size, before other
// labels in their order.
func positionsOf(axis string, values []map[string]string) map[string]float64 {
	var labels []string
	for _, of := range values {
		if value, ok := of[axis]; ok && !slices.Contains(labels, value) {
			labels = append(labels, value)
		}
	}
	size := func(label string) float64 {
		if n, err := strconv.ParseFloat(label, 64); err == nil {
			return n
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(labels, func(a, b string) int { return cmp.Compare(size(a), size(b)) })
	positions := map[string]float64{}
	for i, label := range labels {
		positions[label] = float64(i) / float64(max(1, len(labels)-1))
	}
	return positions
}
