package view

import (
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// runNames gives runs short names, without what their addresses have in common.
type runNames struct {
	benchmarks bool            // there are several
	varies     map[string]bool // axes with several values
	axes       []string        // those but the use case, in the order of the addresses
}

func newRunNames(runs []results.RunSummary) runNames {
	addresses := make([]string, len(runs))
	for i, run := range runs {
		addresses[i] = run.Address
	}
	return namesOf(addresses)
}

func namesOf(addresses []string) runNames {
	n := runNames{varies: map[string]bool{}}
	var axes []string
	first, values := "", make([]map[string]string, len(addresses))
	for i, address := range addresses {
		benchmark, parts := splitAddress(address)
		if i == 0 {
			first = benchmark
		}
		n.benchmarks, values[i] = n.benchmarks || benchmark != first, map[string]string{}
		for _, part := range parts {
			axis, value, _ := strings.Cut(part, "=")
			if values[i][axis] = value; !slices.Contains(axes, axis) {
				axes = append(axes, axis)
			}
		}
	}
	for _, axis := range axes {
		if n.varies[axis] = slices.ContainsFunc(values, func(of map[string]string) bool { return of[axis] != values[0][axis] }); n.varies[axis] && axis+"=" != useCaseAxis {
			n.axes = append(n.axes, axis)
		}
	}
	return n
}

// base is an address without the axes that tell runs apart; short leaves out the only benchmark.
func (n runNames) base(address string, short bool) string {
	benchmark, parts := splitAddress(address)
	var left []string
	if n.benchmarks || !short {
		left = append(left, benchmark)
	}
	for _, part := range parts {
		if axis, _, _ := strings.Cut(part, "="); !slices.Contains(n.axes, axis) {
			left = append(left, strings.TrimPrefix(part, useCaseAxis))
		}
	}
	if len(left) == 0 {
		return benchmark
	}
	return strings.Join(left, "/")
}

func axisValue(address, axis string) string {
	_, value, _ := plan.CutAxis(address, axis)
	return value
}

// Shown is an address as tables print it: a use case by its label alone.
func Shown(address string) string { return strings.Replace(address, "/"+useCaseAxis, "/", 1) }

func splitAddress(address string) (benchmark string, parts []string) {
	all := strings.Split(address, "/")
	return all[0], all[1:]
}

const useCaseAxis = "use_case="

// group is the traffic of a run, which its like have in common.
func (n runNames) group(address string) string {
	benchmark, _ := splitAddress(address)
	switch value := axisValue(address, "use_case"); {
	case value == "":
		return benchmark
	case n.benchmarks:
		return benchmark + "/" + value
	default:
		return value
	}
}

// within tells a run from the others of its group; it is the group where there are none.
func (n runNames) within(address string) string {
	parts := n.rest(address)
	if len(parts) == 0 {
		return n.group(address)
	}
	return strings.Join(parts, " ")
}

// full is group and what tells a run from the others in it.
func (n runNames) full(address string) string {
	return strings.Join(append([]string{n.group(address)}, n.rest(address)...), " ")
}

// values is within with the values of the axes alone.
func (n runNames) values(address string) string {
	parts := n.rest(address)
	for i, part := range parts {
		_, parts[i], _ = strings.Cut(part, "=")
	}
	return strings.Join(parts, " ")
}

func (n runNames) rest(address string) []string {
	_, parts := splitAddress(address)
	var out []string
	for _, part := range parts {
		axis, _, _ := strings.Cut(part, "=")
		if !strings.HasPrefix(part, useCaseAxis) && n.varies[axis] {
			out = append(out, part)
		}
	}
	return out
}

func grouped(runs []results.RunSummary, names runNames) (order []string, of map[string][]results.RunSummary) {
	return groupBy(runs, func(run results.RunSummary) string { return names.group(run.Address) })
}
