// Command calibrate fits the estimator's parameters to published measurements,
// scores the fit on cells that it has not seen, and writes the parameters, a
// report, and the sentence that the README says about it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/llmbench/llmbench/plan/estimate"
)

const (
	rowsFile       = "testdata/calibration/rows.csv"
	reportFile     = "testdata/calibration/report.md"
	parametersFile = "plan/estimate/parameters.json"
	readmeFile     = "README.md"
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
	rep := calibrate(rows, *estimate.Calibrated())
	if err := rep.write(); err != nil {
		return err
	}
	fmt.Print(rep.summary())
	fmt.Printf("\nWritten: %s, %s, %s\n", parametersFile, reportFile, readmeFile)
	return nil
}

// calibrate fits c to rows and scores it.
func calibrate(rows []row, c estimate.Calibration) report {
	fit := newFit(&c)
	full := fit.Run(observations(rows))
	for i := range c.Parameters {
		p := &c.Parameters[i]
		p.Fitted = digits(*full.At(p.Name))
	}
	rep := report{rows: rows, fitted: predict(rows, full), unseen: crossValidate(fit, full, rows, fold)}
	held := map[string][]estimate.Averages{}
	for _, a := range aspects {
		held[a.name] = crossValidate(fit, full, rows, a.of)
	}
	rep.models = held["model"]
	c.Widths, c.Seen = widths(rows, rep.unseen), seen(rows)
	c.Wider = wider(rows, rep.unseen, held)
	rep.intervals = intervals(rows, rep.unseen, c.Wider)
	inside, width := coverage(rows, rep.intervals, all)
	c.Unseen = estimate.Unseen{
		Rows:      len(rows),
		Saturated: share(newScore(throughputErrors(rows, rep.unseen, saturated)).mape),
		Limited:   share(newScore(throughputErrors(rows, rep.unseen, limited)).mape),
		TPOT:      share(newScore(tpotErrors(rows, rep.unseen, limited)).mape),
		Coverage:  share(inside),
		Width:     width,
	}
	rep.calibration = &c
	return rep
}

// share leaves a tenth of a percent.
func share(f float64) float64 {
	g, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 3, 64), 64)
	return g
}

// digits leaves the four that a fit may claim.
func digits(f float64) float64 {
	g, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
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

func withSentence(readme string, c *estimate.Calibration) string {
	return marked.ReplaceAllLiteralString(readme, "<!-- written by make calibrate -->\n"+wrapped(c.Sentence(), 80)+"\n<!-- end -->")
}

// wrapped breaks text into lines of at most width bytes.
func wrapped(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n")
}
