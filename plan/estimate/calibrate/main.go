// Command calibrate fits the estimator's parameters to published measurements,
// cross-validates them inside these, and writes the parameters and a report.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/google/renameio/v2"

	"github.com/llmbench/llmbench/plan/estimate"
)

const (
	rowsFile       = "testdata/calibration/rows.csv"
	reportFile     = "testdata/calibration/report.md"
	parametersFile = "plan/estimate/parameters.json"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

func run() error {
	f, err := os.Open(rowsFile)
	if err != nil {
		return fmt.Errorf("%w; run `make calibrate` at the top of the repository", err)
	}
	defer f.Close()
	rows, err := readRows(f)
	if err != nil {
		return fmt.Errorf("%s: %w", rowsFile, err)
	}
	c := *estimate.Calibrated()
	fit := newFit(&c)
	rep := report{
		rows: rows, fitted: fit.Run(observations(rows)),
		held: crossValidate(fit, rows, interleaved), unseen: crossValidate(fit, rows, by(rows, relatives)), foreign: crossValidate(fit, rows, by(rows, model)),
	}
	for i := range c.Parameters {
		p := &c.Parameters[i]
		p.Fitted = digits(*rep.fitted.At(p.Name))
	}
	c.Width, c.UnseenWidth = widthFor(rep.unseen, covered), widthFor(rep.foreign, covered)
	c.Coverage = math.Floor(100*coverage(rep.unseen, c.Width)) / 100
	c.Seen, c.SmallestBatch = kinds(rows), smallestBatch(rows)
	rep.calibration = &c
	if err := writeJSON(parametersFile, c); err != nil {
		return err
	}
	if err := renameio.WriteFile(reportFile, []byte(rep.markdown()), 0o644); err != nil {
		return err
	}
	fmt.Print(rep.summary())
	fmt.Printf("\nWritten: %s, %s\n", parametersFile, reportFile)
	return nil
}

// covered is the share of measurements that intervals should hold: more than
// the 80 % that are promised, since the form of the model was chosen on the same
// rows.
const covered = 0.9

// kinds are the kinds of rows, sorted.
func kinds(rows []row) []string {
	var list []string
	for _, r := range rows {
		list = append(list, r.kind)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func smallestBatch(rows []row) float64 {
	least := math.Inf(1)
	for _, r := range rows {
		least = math.Min(least, r.batch)
	}
	return least
}

// digits leaves the four that a fit may claim.
func digits(f float64) float64 {
	g, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
	return g
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(b, '\n'), 0o644)
}
