package view

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/mitchellh/go-wordwrap"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

//go:embed reference.hcl
var referenceSource []byte

// A reference is what docs/reference.md and `llmbench help NAME` say of the
// language: reference.hcl as it is written.
type reference struct {
	Blocks    []refBlock    `hcl:"block,block"`
	Executors []refBlock    `hcl:"executor,block"`
	Flags     []refFlag     `hcl:"flag,block"`
	Functions []refFunction `hcl:"function,block"`
	Metrics   []refMetric   `hcl:"metric,block"`
}

type refBlock struct {
	Name string `hcl:"name,label"`
	// Parent is the block that it stands in, "" for the top level.
	Parent    string        `hcl:"parent,optional"`
	Labels    []string      `hcl:"labels,optional"`
	Doc       string        `hcl:"doc"`
	Arguments []refArgument `hcl:"argument,block"`
}

type refArgument struct {
	Name     string `hcl:"name,label"`
	Type     string `hcl:"type"`
	Required bool   `hcl:"required,optional"`
	Default  string `hcl:"default,optional"`
	Unit     string `hcl:"unit,optional"`
	Range    string `hcl:"range,optional"`
	Example  string `hcl:"example,optional"`
	Doc      string `hcl:"doc"`
}

type refFlag struct {
	Name string `hcl:"name,label"`
	Doc  string `hcl:"doc"`
}

type refFunction struct {
	Name string `hcl:"name,label"`
	Use  string `hcl:"use"`
	Doc  string `hcl:"doc"`
}

type refMetric struct {
	Name    string `hcl:"name,label"`
	Formula string `hcl:"formula"`
	Doc     string `hcl:"doc"`
}

// loadReference reads the embedded file; it panics where that is wrong, which the
// tests would see.
func loadReference() *reference {
	f, diags := hclparse.NewParser().ParseHCL(referenceSource, "reference.hcl")
	r := &reference{}
	if !diags.HasErrors() {
		diags = append(diags, gohcl.DecodeBody(f.Body, nil, r)...)
	}
	if diags.HasErrors() {
		panic("view: " + diags.Error())
	}
	return r
}

// An entry is one name of the reference.
type entry struct {
	name string
	// heading says what the name is, facts are lines of NAME and value.
	heading string
	facts   [][2]string
	doc     string
	// in is the part of the reference that the entry stands in; a header begins a
	// block or an executor there.
	in     string
	header bool
}

func (e *entry) fact(name, value string) {
	if value != "" {
		e.facts = append(e.facts, [2]string{name, value})
	}
}

// entries are all entries, in the order of the reference.
func (r *reference) entries(cat *catalog.Catalog) []entry {
	var out []entry
	for _, b := range r.Blocks {
		if b.Parent != "slurm" {
			out = append(out, b.entries("block", "Blocks")...)
		}
		if b.Name == "benchmark" {
			for _, f := range r.Flags {
				out = append(out, f.entry(cat))
			}
		}
	}
	for _, b := range r.Executors {
		out = append(out, b.entries("executor", "Executors")...)
		for _, inner := range r.Blocks {
			if inner.Parent == b.Name {
				out = append(out, inner.entries("block", "Executors")...)
			}
		}
	}
	for _, f := range r.Functions {
		e := entry{name: f.Name, heading: "function " + f.Name, doc: f.Doc, in: "Functions"}
		e.fact("use", f.Use)
		out = append(out, e)
	}
	for _, m := range r.Metrics {
		out = append(out, m.entry())
	}
	for _, c := range failure.Table {
		out = append(out, codeEntry(c))
	}
	return out
}

func (b refBlock) entries(kind, in string) []entry {
	header := kind + " \"" + b.Name + "\""
	where := b.Name
	if kind == "block" {
		header = "block " + b.Name
		for _, l := range b.Labels {
			header += " " + l
		}
	} else {
		header += " NAME"
	}
	e := entry{name: b.Name, heading: header, doc: b.Doc, in: in, header: true}
	e.fact("inside", b.Parent)
	var names []string
	for _, a := range b.Arguments {
		names = append(names, a.Name)
	}
	e.fact("arguments", strings.Join(names, ", "))
	out := []entry{e}
	for _, a := range b.Arguments {
		e := entry{name: a.Name, heading: "argument " + a.Name + " of " + where, doc: a.Doc, in: in}
		e.fact("type", a.Type)
		if a.Required {
			e.fact("required", "yes")
		}
		e.fact("default", a.Default)
		e.fact("unit", a.Unit)
		e.fact("range", a.Range)
		if a.Example != "" {
			e.fact("example", a.Name+" = "+a.Example)
		}
		out = append(out, e)
	}
	return out
}

// entry joins what the file says of a flag with what the catalogue knows.
func (f refFlag) entry(cat *catalog.Catalog) entry {
	e := entry{name: f.Name, heading: "argument " + f.Name + " of benchmark (flag of trtllm-bench)", doc: f.Doc, in: "Blocks"}
	flag, versions := flagFacts(cat, f.Name)
	if flag == nil {
		return e
	}
	kind := map[string]string{"int": "number", "float": "number"}[flag.Type]
	if kind == "" {
		kind = flag.Type
	}
	e.fact("type", kind)
	if !flag.Default.IsNull() {
		value, err := ctyjson.Marshal(flag.Default, flag.Default.Type())
		if err != nil {
			panic("view: " + err.Error())
		}
		e.fact("default", string(value))
	}
	switch {
	case len(flag.Values) > 0:
		e.fact("values", strings.Join(flag.Values, ", "))
	case flag.Min != nil && flag.Max != nil:
		e.fact("range", fmt.Sprintf("%v to %v", *flag.Min, *flag.Max))
	case flag.Min != nil:
		e.fact("range", fmt.Sprintf("%v or more", *flag.Min))
	}
	e.fact("versions", versions)
	return e
}

// flagFacts returns a flag as the newest version that has it knows it, and the
// versions that have it where some do not.
func flagFacts(cat *catalog.Catalog, name string) (flag *catalog.Flag, versions string) {
	have := cat.FlagVersions(name)
	for _, v := range cat.Versions {
		if f, ok := v.Flag(name); ok {
			flag = f
		}
	}
	if len(have) == 0 || len(have) == len(cat.Versions) {
		return flag, ""
	}
	if have[len(have)-1] == cat.Versions[len(cat.Versions)-1].Name {
		return flag, "from " + have[0]
	}
	return flag, have[0] + " to " + have[len(have)-1]
}

func (m refMetric) entry() entry {
	e := entry{name: m.Name, heading: "metric " + m.Name, doc: m.Doc, in: "Metrics"}
	if known, ok := trtllm.FindMetric(m.Name); ok {
		e.fact("column", known.Column)
		e.fact("unit", known.Unit)
		if known.HigherIsBetter {
			e.fact("better", "higher")
		} else {
			e.fact("better", "lower")
		}
		if known.Streaming {
			e.fact("needs", "streaming = true")
		}
		if known.Spread.CSV != "" {
			e.fact("percentiles", known.Spread.Name)
		}
		if len(known.Labels) > 0 {
			e.fact("label in trtllm-bench's report", known.Labels[0])
		}
	}
	e.fact("formula", m.Formula)
	return e
}

// codeEntry is the entry of a failure, verdict or note.
func codeEntry(c failure.Entry) entry {
	e := entry{name: string(c.Code), heading: string(c.Verdict) + " code " + string(c.Code), doc: c.Rule, in: "Codes of verdicts"}
	e.fact("verdict", string(c.Verdict))
	if c.Fault != "" {
		e.fact("at fault", string(c.Fault))
	}
	switch {
	case c.Retry == failure.Elsewhere:
		e.fact("retried", "on other nodes")
	case c.Retry == failure.Anywhere:
		e.fact("retried", "yes")
	case c.Final:
		e.fact("retried", "no: the plan blocks the run until its definition changes, or -retry")
	}
	e.fact("remedy", c.Remedy)
	return e
}

// ReferenceNames lists what Reference knows, without repetition.
func ReferenceNames(cat *catalog.Catalog) []string {
	var out []string
	for _, e := range loadReference().entries(cat) {
		if !slices.Contains(out, e.name) {
			out = append(out, e.name)
		}
	}
	return out
}

// Reference prints the entries of a block, argument, flag, function, metric or code;
// false where there is none.
func Reference(w io.Writer, cat *catalog.Catalog, name string) (bool, error) {
	p := &printer{w: w}
	found := false
	for _, e := range loadReference().entries(cat) {
		if e.name != name {
			continue
		}
		if found {
			p.line("")
		}
		found = true
		p.line("%s", e.heading)
		p.line("")
		for _, line := range Wrap(e.doc, 76) {
			p.line("  %s", line)
		}
		if len(e.facts) > 0 {
			p.line("")
		}
		for _, f := range e.facts {
			for i, line := range Wrap(f[1], 76-14) {
				label := f[0] + ":"
				if len(label) > 12 && i == 0 {
					p.line("  %s", label)
					label = ""
				} else if i > 0 {
					label = ""
				}
				p.line("  %-12s  %s", label, line)
			}
		}
	}
	return found, p.err
}

// ReferenceMarkdown writes docs/reference.md.
func ReferenceMarkdown(w io.Writer, cat *catalog.Catalog) error {
	p := &printer{w: w}
	p.line("# Reference")
	p.line("")
	p.line("<!-- Generated: go test ./cmd/llmbench/internal/view -run TestReferenceMarkdown -update -->")
	p.line("")
	p.line("`llmbench help NAME` prints an entry in the terminal.")
	part, head := "", true
	for _, e := range loadReference().entries(cat) {
		if e.in != part {
			part, head = e.in, true
			p.line("")
			p.line("## %s", part)
		}
		if e.header {
			head = true
			p.line("")
			p.line("### %s", e.heading)
			p.line("")
			p.line("%s", markdownText(e.doc))
			continue
		}
		if head {
			head = false
			p.line("")
			p.line("| Name | Meaning |")
			p.line("|---|---|")
		}
		p.line("| `%s` | %s |", e.name, markdownText(e.meaning()))
	}
	return p.err
}

// MetricsMarkdown writes docs/metrics.md.
func MetricsMarkdown(w io.Writer) error {
	p := &printer{w: w}
	p.line("# Metrics")
	p.line("")
	p.line("<!-- Generated: go test ./cmd/llmbench/internal/view -run TestReferenceMarkdown -update -->")
	for _, text := range strings.Split(strings.TrimSpace(metricsIntroduction), "\n\n") {
		p.line("")
		p.line("%s", text)
	}
	for _, m := range loadReference().Metrics {
		e := m.entry()
		known, _ := trtllm.FindMetric(m.Name)
		p.line("")
		p.line("## %s", strings.ToUpper(known.Title[:1])+known.Title[1:])
		p.line("")
		p.line("`%s`. %s", m.Name, markdownText(e.doc))
		p.line("")
		for _, f := range e.facts {
			p.line("- %s: `%s`", f[0], f[1])
		}
	}
	return p.err
}

const metricsIntroduction = `
All figures but those of an slo come from trtllm-bench's own report; llmbench computes
none of these anew. With ` + "`request_log = true`" + ` it also reads the records of requests: that
gives goodput, and the percentiles of the steady window, ` + "`steady_ttft_ms_p99`" + ` and the like.
The opening burst is the requests that are sent before any has ended. The steady window
begins when all of these have ended and ends when the last request is sent, and its
requests are those that end inside it. The 95 % intervals come from the means of blocks
of at least one median request latency; there is none below 3 blocks, and no p99 below 300
requests. Where the load is never steady, goodput is of all requests, and a note says so.

trtllm-bench sends the requests from inside the engine's process: there is no HTTP, no
tokenization and no network in them. AIPerf and InferenceX measure at an HTTP client, so
that their TTFT and latency are a little higher for the same engine.

A run is measured ` + "`samples`" + ` times. A table shows the median of the samples, and with two
or more the 95 % interval of the throughput per GPU. ` + "`n`" + ` is how many samples count:
valid and suspect ones do, invalid and failed ones never become a number. Percentiles
are over the requests of a sample, and a table shows the median over samples.

What does not apply is empty: TTFT and TPOT exist with ` + "`streaming = true`" + ` only.
`

// meaning is what a cell of the reference says: the sentence, then the facts.
func (e *entry) meaning() string {
	text := e.doc
	for i, f := range e.facts {
		if i == 0 {
			text += " ("
		} else {
			text += "; "
		}
		text += f[0]
		switch f[0] {
		case "required":
		case "remedy", "retried", "at fault":
			text += ": " + f[1]
		default:
			text += " `" + f[1] + "`"
		}
	}
	if len(e.facts) > 0 {
		text += ")"
	}
	return text
}

// Wrap breaks text into lines of at most n columns at spaces.
func Wrap(text string, n int) []string {
	return strings.Split(wordwrap.WrapString(strings.Join(strings.Fields(text), " "), uint(n)), "\n")
}
