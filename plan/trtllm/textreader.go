package trtllm

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// A section is a part of the text report.
type section int

const (
	noSection section = iota
	engineSection
	machineSection
	requestSection
	worldSection
	performanceSection
	decodingSection
	datasetSection
	unknownSection
)

// sections are the headings of all versions, in capitals.
var sections = map[string]section{
	"PYTORCH BACKEND":             engineSection,
	"_AUTODEPLOY BACKEND":         engineSection,
	"AUTODEPLOY BACKEND":          engineSection,
	"ENGINE DETAILS":              engineSection,
	"MACHINE DETAILS":             machineSection,
	"REQUEST DETAILS":             requestSection,
	"WORLD + RUNTIME INFORMATION": worldSection,
	"PERFORMANCE OVERVIEW":        performanceSection,
	"DECODING STATISTICS":         decodingSection,
	"DATASET DETAILS":             datasetSection,
}

// The values of Engine.Backend.
const (
	backendPytorch = "Pytorch"
	backendTRT     = "TRT"
)

// A textReader finds text reports of any version in a log, line by line. Lines
// that it does not know are passed over: other ranks write between those of a
// report.
type textReader struct {
	whole *Report // the last one, nil if there was none
	// reports are all whole ones, up to mostReports; at is the number of the line
	// that is read.
	reports []PlacedReport
	at      int
	cut     *Report // the last one that is not whole
	lacks   []string
	// simulated says that a heading, be it of the data set alone, had the mark.
	simulated bool

	draft   draft
	section section
	// underHeading says that the next rule is the one below a heading.
	underHeading, afterRule bool
}

// mostReports bounds how many reports of a log are kept.
const mostReports = 10_000

// A draft is a report that is being read. line is where it began.
type draft struct {
	report Report
	line   int
	seen   [unknownSection + 1]bool
	// first says that 0.17 printed it, which has no breakdown of latency; closed
	// that a rule ended the section of the figures.
	first, closed bool
	spreads       map[string]*spread // by tag
	table         [3]spread
}

// line takes the next line of the log, without rank and colours. ended is false
// for a last line that nothing ends.
func (t *textReader) line(line []byte, ended bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	if isRule(line) {
		t.rule()
		return
	}
	afterRule := t.afterRule
	t.afterRule = false
	if line[0] == '=' && len(line) > 2 && line[1] == ' ' && ended {
		if name, ok := headingOf(line, afterRule); ok {
			t.heading(name)
			return
		}
	}
	if t.section != noSection {
		t.readLine(string(line), ended)
	}
}

// isRule reports whether a line is one that stands above or below a heading. A
// rule may have lost a part.
func isRule(line []byte) bool {
	const least = 10
	return len(line) >= least && len(bytes.Trim(line, "=")) == 0
}

// headingOf is the name in "= NAME", if it is one of the report's, or any after
// a rule.
func headingOf(line []byte, afterRule bool) (string, bool) {
	name := strings.TrimSpace(string(line[2:]))
	return name, afterRule || sectionOf(name) != unknownSection
}

// sectionOf is the section of a heading, in any case. A heading may have
// additions in parentheses.
func sectionOf(name string) section {
	name, _, _ = strings.Cut(name, " (")
	if s, ok := sections[strings.ToUpper(name)]; ok {
		return s
	}
	return unknownSection
}

// rule takes a line of equals signs: it ends the section that it follows,
// unless it belongs to the section's heading.
func (t *textReader) rule() {
	t.afterRule = true
	if t.underHeading {
		t.underHeading = false
		return
	}
	t.close()
}

func (t *textReader) close() {
	if t.section == performanceSection {
		t.draft.closed = true
	}
	t.section = noSection
}

func (t *textReader) heading(name string) {
	t.close()
	plain, simulated := strings.CutSuffix(name, simulatedMark)
	s := sectionOf(name)
	if t.draft.seen[s] && s != unknownSection || t.draft.seen[datasetSection] || s == engineSection {
		t.finish()
	}
	d := &t.draft
	d.seen[s] = true
	if d.line == 0 && s != datasetSection {
		d.line = t.at
	}
	d.report.Simulated = d.report.Simulated || simulated
	t.simulated = t.simulated || simulated
	t.section, t.underHeading = s, true
	switch s {
	case engineSection:
		d.report.Engine.Backend = backendPytorch
		if strings.EqualFold(plain, "ENGINE DETAILS") {
			d.report.Engine.Backend = backendTRT
		}
	case decodingSection:
		_, mode, _ := strings.Cut(strings.TrimSuffix(plain, ")"), "(")
		d.decoding().Mode = strings.TrimSpace(mode)
	}
}

// finish ends the report that is being read, if one is. A data set alone is
// none: it is printed long before.
func (t *textReader) finish() {
	d := t.draft
	t.draft = draft{}
	begun := false
	for s := engineSection; s <= decodingSection; s++ {
		begun = begun || d.seen[s]
	}
	if !begun {
		return
	}
	d.settle()
	if lacks := d.lacks(); len(lacks) > 0 {
		t.cut, t.lacks = &d.report, lacks
	} else {
		t.whole = &d.report
		if len(t.reports) < mostReports {
			t.reports = append(t.reports, PlacedReport{t.whole, d.line})
		}
	}
}

// end tells that the log is over.
func (t *textReader) end() { t.finish() }

// float is a finite number, nil for anything else.
func float(s string) *float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// fraction is a number from 0 to 1, nil for anything else.
func fraction(s string) *float64 {
	if v := float(s); v != nil && *v >= 0 && *v <= 1 {
		return v
	}
	return nil
}

// count is a whole number that is not negative, 0 for anything else.
func count(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// wholeLength is a length without what is behind its point, 0 if it cannot be one.
func wholeLength(v float64) int {
	if !(v >= 0 && v < 1<<31) {
		return 0
	}
	return int(v)
}

// whenCounted is count with nil for anything else.
func whenCounted(s string) *int {
	if n, err := strconv.Atoi(s); err == nil {
		return &n
	}
	return nil
}

func zeroOr(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// noneOr is a value as the report prints it, nil where it stands for none.
func noneOr(s string) *string {
	if s == "None" || s == "N/A" {
		return nil
	}
	return &s
}
