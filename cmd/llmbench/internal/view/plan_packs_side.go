package view

import (
	"fmt"

	"github.com/llmbench/llmbench/plan"
)

// sideBySide is how many slots the widest pack has.
func (v PlanView) sideBySide() int {
	most := 1
	for _, pack := range v.Plan.Packs {
		most = max(most, pack.SideBySide())
	}
	return most
}

// sideLines are what runs side by side cost and risk.
func (v PlanView) sideLines(longest, longestRun int) [][2]string {
	costs, nodes := "the nodes of a slot that is done wait for the others", 0
	if idle := v.Plan.Idle(); idle != nil {
		costs += fmt.Sprintf(": %.1f-%.1f GPU-hours expected", idle.Low, idle.High)
	}
	for _, pack := range v.Plan.Packs {
		nodes = max(nodes, pack.SideBySide()*v.find(pack.Runs[0]).Hardware.Nodes)
	}
	return [][2]string{
		{"takes", fmt.Sprintf("as long as its longest slot, %s at most", minutes(longest))},
		{"costs", costs},
		{"risks", "a model may load while another run is measured, on other nodes: they share the file system and the fabric, as any two jobs of the cluster do"},
		{"risks", fmt.Sprintf("a job that is lost costs the runs that it measures, and the runs behind them wait again; a job of %s and %s may wait longer than one of %s", Plural(nodes, "node"), minutes(longest), minutes(longestRun))},
	}
}

// find is the run of a plan at an address.
func (v PlanView) find(address string) *plan.Run {
	for _, r := range v.Plan.Runs {
		if r.Address == address {
			return r
		}
	}
	panic("view: a pack runs what is not planned: " + address)
}
