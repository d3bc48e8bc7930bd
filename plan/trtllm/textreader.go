package trtllm

import (
	"bytes"
	"slices"
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
	log *Log
	at  int // the number of the line that is read

	draft   draft
	section section
	// underHeading says that the next rule is the one below a heading.
	underHeading, afterRule bool
}

// mostReports bounds how many reports of a log are kept.
const mostReports = 10_000

// line takes the next line of the log, without rank and colours. ended is false
// for a last line that nothing ends.
func (t *textReader) line(line []byte, ended bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	// A rule stands above or below a heading, and may have lost a part.
	if len(line) >= 10 && len(bytes.Trim(line, "=")) == 0 {
		t.rule()
		return
	}
	afterRule := t.afterRule
	t.afterRule = false
	if name, ok := strings.CutPrefix(string(line), "= "); ok && ended && (afterRule || sectionOf(name) != unknownSection) {
		t.heading(strings.TrimSpace(name))
	} else if t.section != noSection {
		t.readLine(string(line), ended)
	}
}

// sectionOf is the section of a heading, in any case. A heading may have
// additions in parentheses.
func sectionOf(name string) section {
	name, _, _ = strings.Cut(name, " (")
	if s, ok := sections[strings.ToUpper(strings.TrimSpace(name))]; ok {
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
	if d.begin == 0 && s != datasetSection {
		d.begin = t.at
	}
	d.report.Simulated = d.report.Simulated || simulated
	t.log.Simulated = t.log.Simulated || simulated // be it of the data set alone
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
	if !slices.Contains(d.seen[engineSection:datasetSection], true) {
		return
	}
	d.settle()
	if lacks := d.lacks(); len(lacks) > 0 {
		t.log.Partial, t.log.Lacks = &d.report, lacks
		return
	}
	t.log.Report = &d.report
	if len(t.log.Reports) < mostReports {
		t.log.Reports, t.log.Lines = append(t.log.Reports, t.log.Report), append(t.log.Lines, d.begin)
	}
}

// readLine reads one line of a section.
func (t *textReader) readLine(line string, ended bool) {
	d := &t.draft
	if t.section == performanceSection || t.section == decodingSection {
		if d.breakdown(line) {
			return
		}
	}
	if t.section == machineSection {
		d.machine(line)
		return
	}
	label, value, ok := splitLabel(line)
	if !ok {
		return
	}
	if t.section == datasetSection {
		d.dataset(label, value)
		return
	}
	if t.section == performanceSection {
		d.figure(label, value)
		if d.report.Energy == nil {
			d.report.Energy = &Energy{}
		}
		if ended {
			d.field(requestSection, label, value) // 0.17 counts requests here
		}
	}
	if ended {
		d.field(t.section, label, value)
	}
}
