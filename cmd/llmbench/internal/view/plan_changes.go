package view

import (
	"encoding/json"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/llmbench/llmbench/plan"
)

// changes prints what differs between what was measured at the addresses of
// the group and what is declared there now: what all such runs share first.
func (v PlanView) changes(p *printer, g *group, at positions) {
	var changed []*plan.Run
	for _, r := range g.runs {
		if len(r.Changes) > 0 {
			changed = append(changed, r)
		}
	}
	if len(changed) == 0 {
		return
	}
	common := sharedChanges(changed)
	if len(changed) > 1 && slices.ContainsFunc(changed[0].Changes, func(c plan.Change) bool { return common[changeKey(c)] }) {
		p.line("")
		p.line("  changed in all %d since they were measured", len(changed))
		changeLines(p, changed[0].Changes, func(c plan.Change) bool { return common[changeKey(c)] }, at)
	} else {
		common = nil
	}
	for _, r := range changed {
		own := func(c plan.Change) bool { return !common[changeKey(c)] }
		if !slices.ContainsFunc(r.Changes, own) {
			continue
		}
		p.line("")
		p.line("  %s %s changed since it was measured", painted(r.Action.Symbol()), short(r.Address))
		changeLines(p, r.Changes, own, at)
	}
}

func changeLines(p *printer, cs []plan.Change, show func(plan.Change) bool, at positions) {
	t := &table{indent: "      "}
	for _, c := range cs {
		if show(c) {
			t.add(changeName(c), changeText(c), at.of(c.Range))
		}
	}
	p.table(t)
}

// ChangeLine writes a change as "num_requests 4000 → 4001 (main.hcl:88)", its place
// relative to the definitions of p.
func ChangeLine(p *plan.Plan, c plan.Change) string {
	line := changeName(c) + " " + changeText(c)
	if c.Range != nil {
		line += " (" + newPositions(p).of(c.Range) + ")"
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
		before, after = shortImage(before, after)
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

// shortImage leaves out the repository where only the tag differs.
func shortImage(before, after string) (string, string) {
	b, a := strings.LastIndex(before, ":"), strings.LastIndex(after, ":")
	if b < 0 || a < 0 || before[:b] != after[:a] {
		return before, after
	}
	return path.Base(before[:b]) + before[b:], path.Base(after[:a]) + after[a:]
}

func changeKey(c plan.Change) string {
	b, err := json.Marshal(c)
	if err != nil {
		panic("view: change is not JSON: " + err.Error())
	}
	return string(b)
}

func sharedChanges(runs []*plan.Run) map[string]bool {
	n, common := map[string]int{}, map[string]bool{}
	for _, r := range runs {
		for _, c := range r.Changes {
			key := changeKey(c)
			n[key]++
			common[key] = n[key] == len(runs)
		}
	}
	return common
}

func (v PlanView) undeclared(p *printer) {
	if len(v.Plan.Undeclared) == 0 {
		return
	}
	p.line("")
	p.line("Stored and no longer declared (kept, not measured again):")
	for _, a := range v.Plan.Undeclared {
		p.line("  %s   %s", a, path.Join(v.Plan.Store, "by-address", a))
	}
}

// Against prints how the runs of a plan differ from those of an earlier
// document, address by address.
func Against(w io.Writer, p *plan.Plan, base []*plan.Run, name string) error {
	out := &printer{w: w}
	at := newPositions(p)
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
			changeLines(out, plan.Compare(before, r), func(plan.Change) bool { return true }, at)
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
