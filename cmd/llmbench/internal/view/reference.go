package view

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/catalog"
)

//go:embed reference.hcl
var referenceSource []byte

// A reference is what docs/reference.md and `llmbench help NAME` say: reference.hcl.
type reference struct {
	Blocks    []refName `hcl:"block,block"`
	Executors []refName `hcl:"executor,block"`
	Flags     []refName `hcl:"flag,block"`
	Functions []refName `hcl:"function,block"`
	Metrics   []refName `hcl:"metric,block"`
	// MetricsIntroduction begins docs/metrics.md.
	MetricsIntroduction string `hcl:"metrics_introduction"`
}

type refName struct {
	Name string `hcl:"name,label"`
	Doc  string `hcl:"doc"`
	// Parent is the block that a block stands in, "" for the top level.
	Parent    string    `hcl:"parent,optional"`
	Labels    []string  `hcl:"labels,optional"`
	Arguments []refName `hcl:"argument,block"`
	Type      string    `hcl:"type,optional"`
	Required  bool      `hcl:"required,optional"`
	Default   string    `hcl:"default,optional"`
	Unit      string    `hcl:"unit,optional"`
	Range     string    `hcl:"range,optional"`
	Example   string    `hcl:"example,optional"`
	Use       string    `hcl:"use,optional"`
	Formula   string    `hcl:"formula,optional"`
}

// loadReference reads the embedded file; it panics where that is wrong.
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

func newEntry(in, heading, name, doc string, facts ...[2]string) entry {
	return entry{in: in, heading: heading, name: name, doc: doc, facts: slices.DeleteFunc(facts, func(f [2]string) bool { return f[1] == "" })}
}

// entries are all entries, in the order of the reference.
func (r *reference) entries(cat *catalog.Catalog) []entry {
	var out []entry
	for _, b := range r.Blocks {
		if b.Parent != "slurm" {
			out = append(out, b.entries("Blocks", strings.Join(append([]string{"block", b.Name}, b.Labels...), " "))...)
		}
		if b.Name == "benchmark" {
			for _, f := range r.Flags {
				out = append(out, f.flag(cat))
			}
		}
	}
	for _, e := range r.Executors {
		out = append(out, e.entries("Executors", fmt.Sprintf("executor %q NAME", e.Name))...)
		for _, b := range r.Blocks {
			if b.Parent == e.Name {
				out = append(out, b.entries("Executors", "block "+b.Name)...)
			}
		}
	}
	for _, f := range r.Functions {
		out = append(out, newEntry("Functions", "function "+f.Name, f.Name, f.Doc, [2]string{"use", f.Use}))
	}
	for _, m := range r.Metrics {
		out = append(out, m.metric())
	}
	for _, c := range failure.Table {
		retried := ""
		switch {
		case c.Retry == failure.Elsewhere:
			retried = "on other nodes"
		case c.Retry == failure.Anywhere:
			retried = "yes"
		case c.Final:
			retried = "no: the plan blocks the run until its definition changes, or -retry"
		}
		out = append(out, newEntry("Codes of verdicts", fmt.Sprintf("%s code %s", c.Verdict, c.Code), string(c.Code), c.Rule, [][2]string{
			{"verdict", string(c.Verdict)}, {"at fault", string(c.Fault)}, {"retried", retried}, {"remedy", c.Remedy},
		}...))
	}
	return out
}

// entries are those of a block or an executor and its arguments.
func (b refName) entries(in, heading string) []entry {
	var names []string
	for _, a := range b.Arguments {
		names = append(names, a.Name)
	}
	head := newEntry(in, heading, b.Name, b.Doc, [][2]string{{"inside", b.Parent}, {"arguments", strings.Join(names, ", ")}}...)
	head.header = true
	out := []entry{head}
	for _, a := range b.Arguments {
		required := map[bool]string{true: "yes"}[a.Required]
		if a.Example != "" {
			a.Example = a.Name + " = " + a.Example
		}
		out = append(out, newEntry(in, "argument "+a.Name+" of "+b.Name, a.Name, a.Doc, [][2]string{
			{"type", a.Type}, {"required", required}, {"default", a.Default}, {"unit", a.Unit}, {"range", a.Range}, {"example", a.Example},
		}...))
	}
	return out
}

func (f refName) flag(cat *catalog.Catalog) entry {
	flag, versions := flagFacts(cat, f.Name)
	if flag != nil {
		f.Type = flag.Type
		if f.Type == "int" || f.Type == "float" {
			f.Type = "number"
		}
		if !flag.Default.IsNull() {
			value, err := ctyjson.Marshal(flag.Default, flag.Default.Type())
			if err != nil {
				panic("view: " + err.Error())
			}
			f.Default = string(value)
		}
		if flag.Min != nil {
			f.Range = fmt.Sprintf("%v or more", *flag.Min)
			if flag.Max != nil {
				f.Range = fmt.Sprintf("%v to %v", *flag.Min, *flag.Max)
			}
		}
		f.Labels = flag.Values
	}
	return newEntry("Blocks", "argument "+f.Name+" of benchmark (flag of trtllm-bench)", f.Name, f.Doc, [][2]string{
		{"type", f.Type}, {"default", f.Default}, {"values", strings.Join(f.Labels, ", ")}, {"range", f.Range}, {"versions", versions},
	}...)
}

// flagFacts returns the newest form of a flag, and the versions that have it unless all do.
func flagFacts(cat *catalog.Catalog, name string) (flag *catalog.Fact, versions string) {
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

func (m refName) metric() entry {
	known, ok := trtllm.FindMetric(m.Name)
	better, needs, label := "", "", ""
	if ok {
		better = map[bool]string{true: "higher", false: "lower"}[known.HigherIsBetter]
		needs = map[bool]string{true: "streaming = true"}[known.Streaming]
	}
	if len(known.Labels) > 0 {
		label = known.Labels[0]
	}
	percentiles := known.Spread.Name
	if known.Spread.CSV == "" {
		percentiles = ""
	}
	return newEntry("Metrics", "metric "+m.Name, m.Name, m.Doc, [][2]string{
		{"column", known.Column}, {"unit", known.Unit}, {"better", better}, {"needs", needs}, {"percentiles", percentiles},
		{"label in trtllm-bench's report", label}, {"formula", m.Formula},
	}...)
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

// Reference prints the entries of a name; false where there is none.
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
		p.line("%s\n", e.heading)
		for _, line := range Wrap(e.doc, 76) {
			p.line("  %s", line)
		}
		if len(e.facts) > 0 {
			p.line("")
		}
		for _, f := range e.facts {
			label := f[0] + ":"
			if len(label) > 12 {
				p.line("  %s", label)
				label = ""
			}
			for _, line := range Wrap(f[1], 76-14) {
				p.line("  %-12s  %s", label, line)
				label = ""
			}
		}
	}
	return found, p.err
}

const generated = "<!-- Generated: go test ./cmd/llmbench/internal/view -run TestReferenceMarkdown -update -->"

// ReferenceMarkdown writes docs/reference.md.
func ReferenceMarkdown(w io.Writer, cat *catalog.Catalog) error {
	p := &printer{w: w}
	p.line("# Reference\n\n%s\n\n`llmbench help NAME` prints an entry in the terminal.", generated)
	part, head := "", true
	for _, e := range loadReference().entries(cat) {
		if e.in != part {
			part, head = e.in, true
			p.line("\n## %s", part)
		}
		if e.header {
			head = true
			p.line("\n### %s\n\n%s", e.heading, markdownText(e.doc))
			continue
		}
		if head {
			head = false
			p.line("\n| Name | Meaning |\n|---|---|")
		}
		p.line("| `%s` | %s |", e.name, markdownText(e.meaning()))
	}
	return p.err
}

// MetricsMarkdown writes docs/metrics.md.
func MetricsMarkdown(w io.Writer) error {
	p, r := &printer{w: w}, loadReference()
	p.line("# Metrics\n\n%s\n\n%s", generated, strings.TrimSpace(r.MetricsIntroduction))
	for _, m := range r.Metrics {
		e := m.metric()
		known, _ := trtllm.FindMetric(m.Name)
		p.line("\n## %s\n\n`%s`. %s\n", strings.ToUpper(known.Title[:1])+known.Title[1:], m.Name, markdownText(e.doc))
		for _, f := range e.facts {
			p.line("- %s: `%s`", f[0], f[1])
		}
	}
	return p.err
}

// meaning is what a cell of the reference says: the sentence, then the facts.
func (e *entry) meaning() string {
	if len(e.facts) == 0 {
		return e.doc
	}
	var facts []string
	for _, f := range e.facts {
		switch f[0] {
		case "required":
			facts = append(facts, f[0])
		case "remedy", "retried", "at fault":
			facts = append(facts, f[0]+": "+f[1])
		default:
			facts = append(facts, f[0]+" `"+f[1]+"`")
		}
	}
	return e.doc + " (" + strings.Join(facts, "; ") + ")"
}
