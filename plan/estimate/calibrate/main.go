// Command calibrate fits the estimator's parameters to published measurements,
// scores the fit on cells that it has not seen, and writes the parameters, a
// report, and the sentence that the README says about it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/mitchellh/go-wordwrap"

	"github.com/llmbench/llmbench/plan/estimate"
)

const (
	measurementsFile = "testdata/calibration/rows.csv"
	reportFile       = "testdata/calibration/report.md"
	parametersFile   = "plan/estimate/parameters.json"
	readmeFile       = "README.md"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

func run() error {
	f, err := os.Open(measurementsFile)
	if err != nil {
		return fmt.Errorf("%w; run `make calibrate` at the top of the repository", err)
	}
	defer f.Close()
	data, err := readMeasurements(f)
	if err != nil {
		return fmt.Errorf("%s: %w", measurementsFile, err)
	}
	rep := calibrate(data, *estimate.Calibrated())
	if err := rep.write(); err != nil {
		return err
	}
	fmt.Print(rep.summary())
	fmt.Printf("\nWritten: %s, %s, %s\n", parametersFile, reportFile, readmeFile)
	return nil
}

// calibrate fits c to measurements and scores it.
func calibrate(data []measurement, c estimate.Calibration) report {
	fit := newFit(&c)
	full := fit.Run(fit.Priors, observations(data))
	for i := range c.Parameters {
		p := &c.Parameters[i]
		p.Fitted = rounded(*full.At(p.Name), 'g', 4) // the digits that a fit may claim
	}
	rep := report{data: data, fitted: predict(data, full), unseen: crossValidate(fit, full, data, fold)}
	released := slices.Clone(data)
	for i := range released {
		if released[i].build() {
			released[i].weight = 0
		}
	}
	rep.without = crossValidate(fit, full, released, fold)
	held := map[string][]estimate.Averages{}
	for _, a := range aspects {
		held[a.name] = crossValidate(fit, full, data, a.of)
	}
	rep.models = held["model"]
	c.Widths, c.Seen = widths(data, rep.unseen), seen(data)
	c.Wider = wider(data, rep.unseen, held)
	rep.intervals = intervals(data, rep.unseen, c.Wider)
	inside, width := coverage(data, rep.intervals, all)
	c.Unseen = estimate.HeldOut{
		Measurements: len(data),
		Saturated:    rounded(scoreOf(throughput, data, rep.unseen, saturated).mape, 'f', 3),
		Limited:      rounded(scoreOf(throughput, data, rep.unseen, measurement.limited).mape, 'f', 3),
		TPOT:         rounded(scoreOf(tpot, data, rep.unseen, measurement.limited).mape, 'f', 3),
		Coverage:     rounded(inside, 'f', 3),
		Width:        width,
	}
	rep.calibration = &c
	return rep
}

func rounded(f float64, format byte, digits int) float64 {
	g, _ := strconv.ParseFloat(strconv.FormatFloat(f, format, digits, 64), 64)
	return g
}

func (r report) write() error {
	b, err := json.MarshalIndent(r.calibration, "", "  ")
	if err != nil {
		return err
	}
	readme, err := os.ReadFile(readmeFile)
	if err != nil {
		return err
	}
	for path, text := range map[string]string{
		parametersFile: string(b) + "\n", reportFile: r.markdown(), readmeFile: withSentence(string(readme), r.calibration),
	} {
		if err := renameio.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// marked is the part of the README that says how good predictions are.
var marked = regexp.MustCompile(`(?s)<!-- written by make calibrate -->\n.*?<!-- end -->`)

// withSentence keeps percentages on one line.
func withSentence(readme string, c *estimate.Calibration) string {
	text := wordwrap.WrapString(strings.ReplaceAll(c.Sentence(), " %", "\u00a0%"), 80)
	text = strings.ReplaceAll(text, "\u00a0", " ")
	return marked.ReplaceAllLiteralString(readme, "<!-- written by make calibrate -->\n"+text+"\n<!-- end -->")
}
