package view

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/llmbench/llmbench/plan"
)

// changes prints what was measured otherwise than it is declared now: each change once.
func (v PlanView) changes(p *printer, g *group) {
	var runs tally[[2]string]
	changed := 0
	for _, r := range g.runs {
		for i, c := range r.Changes {
			runs.add([2]string{changeName(c) + "  " + changeText(c), place(v.Plan, c.Range)}, short(r.Address))
			changed += 1 - min(i, 1)
		}
	}
	if changed == 0 {
		return
	}
	t := &table{header: []string{"changed since measured", "from", "in"}, indent: "  "}
	for _, c := range runs.keys {
		in := Some(runs.of[c], 3)
		if n := len(runs.of[c]); n == changed && n > 1 {
			in = fmt.Sprintf("all %d", n)
		}
		t.add("  "+c[0], c[1], in)
	}
	p.line("")
	p.table(t)
}

func changeLines(out *printer, p *plan.Plan, cs []plan.Change) {
	t := &table{indent: "      "}
	for _, c := range cs {
		t.add(changeName(c), changeText(c), place(p, c.Range))
	}
	out.table(t)
}

// ChangeLine writes a change as "num_requests 4000 → 4001 (main.hcl:88)".
func ChangeLine(p *plan.Plan, c plan.Change) string {
	line := changeName(c) + " " + changeText(c)
	if c.Range != nil {
		line += " (" + place(p, c.Range) + ")"
	}
	return line
}

func changeName(c plan.Change) string {
	return strings.ReplaceAll(c.Argument, "llm_api_options.", "")
}

func changeText(c plan.Change) string {
	if strings.Contains(c.Argument, plan.RenameArrow) {
		return "renamed, same meaning (" + literal(c.After) + ")"
	}
	before, after := changeValue(c.Argument, c.Before), changeValue(c.Argument, c.After)
	if c.Argument == "image" {
		// The repository is left out where only the tag differs.
		b, a := strings.LastIndex(before, ":"), strings.LastIndex(after, ":")
		if b >= 0 && a >= 0 && before[:b] == after[:a] {
			before, after = path.Base(before[:b])+before[b:], path.Base(after[:a])+after[a:]
		}
	}
	return before + " → " + after
}

func changeValue(name string, v any) string {
	if n, ok := number(v); ok && name == "concurrency" && n <= 0 {
		return "unlimited"
	}
	if text := literal(v); strings.HasSuffix(name, ".sha256") && len(text) > 12 {
		return text[:12]
	}
	return literal(v)
}

func (v PlanView) undeclared(p *printer) {
	if len(v.Plan.Undeclared) == 0 {
		return
	}
	p.line("\nStored and no longer declared (kept, not measured again):")
	for _, a := range v.Plan.Undeclared {
		p.line("  %s   %s", a, path.Join(v.Plan.Store, "by-address", a))
	}
}

// Against prints how the runs of a plan differ from those of an earlier document.
func Against(w io.Writer, p *plan.Plan, base []*plan.Run, name string) error {
	out := &printer{w: w}
	old := map[string]*plan.Run{}
	for _, r := range base {
		old[r.Address] = r
	}
	same := 0
	for _, r := range p.Runs {
		before := old[r.Address]
		delete(old, r.Address)
		switch {
		case before == nil:
			out.line("+ %s is not in %s", r.Address, name)
		case before.Fingerprint == r.Fingerprint:
			same++
		default:
			out.line("~ %s", r.Address)
			changeLines(out, p, plan.Compare(before, r))
		}
	}
	for _, a := range sortedKeys(old) {
		out.line("- %s is no longer declared", a)
	}
	out.line("%d of %s the same as in %s.", same, Plural(len(p.Runs), "run"), name)
	return out.err
}

// Diff prints a unified diff between two versions of a file.
func Diff(w io.Writer, name string, before, after []byte) error {
	_, err := w.Write(diff.Diff(name, before, name+" (canonical)", after))
	return err
}
