package view

import (
	"fmt"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// reportCost is what the runs took, and with a price what that costs.
type reportCost struct {
	Price string // of a GPU-hour, "" without one
	Rows  []reportCostRow
	Total *reportCostRow
}

type reportCostRow struct{ Name, Hours, Money, PerMillion, Energy, TokensPerJoule string }

// newReportCost is nil where nothing was spent and nothing has a price.
func newReportCost(set *results.Set, names runNames, price Price) *reportCost {
	c := &reportCost{}
	if price.set() {
		c.Price = price.amount(price.PerGPUHour)
	}
	simulated := Simulated(set)
	if simulated && !price.set() {
		return nil
	}
	for _, run := range set.Runs {
		row := newReportCostRow(names.full(run.Address), spentHours(run.Results), price, simulated)
		if s := run.Summary.At(trtllm.OutputThroughputPerGPU); s != nil && s.Median > 0 && price.set() {
			row.PerMillion = price.amount(price.PerMillion(s.Median))
		}
		if r := counting(run); r != nil && r.Telemetry != nil {
			row.Energy, row.TokensPerJoule = fmt.Sprintf("%.2f kWh", r.Telemetry.EnergyJ/3.6e6), optionalFigure(r.Telemetry.TokensPerJoule)
		}
		c.Rows = append(c.Rows, row)
	}
	if len(set.Runs) > 1 && !simulated {
		total := newReportCostRow("all", spentHours(set.Results), price, false)
		total.PerMillion, total.Energy, total.TokensPerJoule = "", "", ""
		c.Total = &total
	}
	return c
}

func newReportCostRow(name string, hours float64, price Price, simulated bool) reportCostRow {
	row := reportCostRow{Name: name, Hours: "-", Money: "-", PerMillion: "-", Energy: "-", TokensPerJoule: "-"}
	if !simulated && hours > 0 {
		row.Hours = fmt.Sprintf("%.2f", hours)
		if price.set() {
			row.Money = price.amount(hours * price.PerGPUHour)
		}
	}
	return row
}
