package main

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/plan/estimate"
)

// A report is a calibration with how good it is.
type report struct {
	rows        []row
	fitted      estimate.Parameters
	calibration *estimate.Calibration
	// held are the errors of rows predicted without their fold, unseen of rows
	// predicted without their whole group, foreign of rows predicted without any
	// of their model.
	held, unseen, foreign []float64
}

// classes are the parts of the rows that are scored apart.
var classes = []struct {
	name  string
	suits func(row) bool
}{
	{"all rows", func(row) bool { return true }},
	{"Llama-4-Maverick", row.maverick},
	{"attention data parallelism", func(r row) bool { return r.AttentionDP }},
	{"Hopper", func(r row) bool { return r.GPU == "H100" || r.GPU == "H200" }},
	{"Blackwell", func(r row) bool { return r.GPU != "H100" && r.GPU != "H200" }},
	{"sequences of 8,192 and more", func(r row) bool { return r.ISL+r.OSL >= 8192 }},
}

// summary is the table of scores.
func (r report) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| relative error of output throughput per GPU | rows | MAPE | median | P90 | bias | inside ±%.0f %% |\n", 100*r.calibration.Width)
	b.WriteString("|:--|--:|--:|--:|--:|--:|--:|\n")
	line := func(name string, errs []float64) {
		s := newScore(errs)
		fmt.Fprintf(&b, "| %s | %d | %.1f %% | %.1f %% | %.1f %% | %+.1f %% | %.0f %% |\n",
			name, s.n, 100*s.mape, 100*s.median, 100*s.p90, 100*s.bias, 100*coverage(errs, r.calibration.Width))
	}
	for _, c := range classes {
		line("cross-validated, "+c.name, only(r.rows, r.held, c.suits))
	}
	for _, c := range classes[:2] {
		line("whole groups held back, "+c.name, only(r.rows, r.unseen, c.suits))
	}
	for _, c := range classes[:2] {
		line("whole models held back, "+c.name, only(r.rows, r.foreign, c.suits))
	}
	line("fitted, all rows", r.residuals())
	return b.String()
}

func (r report) residuals() []float64 {
	errs := make([]float64, len(r.rows))
	for i, one := range r.rows {
		errs[i] = one.trace.TPSPerGPU(r.fitted)/one.measured - 1
	}
	return errs
}

// markdown is the whole report.
func (r report) markdown() string {
	var b strings.Builder
	b.WriteString("# Calibration of the estimator\n\nWritten by `make calibrate` from rows.csv. Errors are predicted / measured - 1. ")
	fmt.Fprintf(&b, "Cross-validated: each row is predicted by a fit that has not seen it (%d folds); whole groups held back: nor any other row of its model, GPU and edition; whole models held back: nor any row of its model.\n\n", folds)
	b.WriteString(r.summary())
	b.WriteString("\n## Parameters\n\n| name | prior | fitted | unit | what |\n|:--|--:|--:|:--|:--|\n")
	for _, p := range r.calibration.Parameters {
		fmt.Fprintf(&b, "| %s | %.4g | %.4g | %s | %s |\n", p.Name, p.Prior, p.Fitted, p.Unit, p.What)
	}
	b.WriteString("\n## Residuals\n\n| row | edition | measured | fitted | cross-validated |\n|:--|:--|--:|--:|--:|\n")
	fitted := r.residuals()
	for i, one := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %.0f | %+.1f %% | %+.1f %% |\n", one, one.edition, one.measured, 100*fitted[i], 100*r.held[i])
	}
	return b.String()
}
