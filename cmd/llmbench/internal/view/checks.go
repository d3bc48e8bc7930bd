package view

import (
	"io"
	"strings"

	"github.com/llmbench/llmbench/executors"
)

// A checkDocument is a check as the document shows it.
type checkDocument struct {
	Name   string  `json:"name"`
	Node   *string `json:"node"`
	Result string  `json:"result"`
	Detail string  `json:"detail"`
	Remedy *string `json:"remedy"`
}

// ChecksJSON prints checks as a document, null for a node or a remedy that there
// is not.
func ChecksJSON(w io.Writer, checks []executors.Check) error {
	list := make([]checkDocument, len(checks))
	for i, c := range checks {
		list[i] = checkDocument{Name: c.Name, Node: orNull(c.Node), Result: c.Result, Detail: c.Detail, Remedy: orNull(c.Remedy)}
	}
	return writeJSON(w, map[string]any{"checks": list})
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Checks prints a line a check, with the remedy below what is not well; checks
// of nodes as a table, a line a node, before the remarks on them.
func Checks(w io.Writer, checks []executors.Check) error {
	p := &printer{w: w}
	t := &table{}
	var nodes []executors.Check
	bad := map[string]int{}
	for _, c := range checks {
		bad[c.Result]++
		if c.Node != "" {
			nodes = append(nodes, c)
			continue
		}
		t.check(c, c.Name)
	}
	p.table(t)
	if len(nodes) > 0 {
		p.line("")
		p.table(nodeTable(nodes))
		remarks := &table{}
		for _, c := range shared(nodes) {
			remarks.check(c, c.Node+" "+c.Name)
		}
		if len(remarks.rows) > 0 {
			p.line("")
			p.table(remarks)
		}
	}
	p.line("")
	p.line("%d ok, %s, %d failed, %d skipped.", bad[executors.CheckOK], Plural(bad[executors.CheckWarn], "warning"), bad[executors.CheckFail], bad[executors.CheckSkipped])
	return p.err
}

// shared are the checks that are not well, each once for all nodes that share it.
func shared(checks []executors.Check) []executors.Check {
	var out []executors.Check
	of := map[executors.Check][]string{}
	alike := func(c executors.Check) executors.Check {
		c.Remedy, c.Node = strings.ReplaceAll(c.Remedy, c.Node, "NODE"), ""
		return c
	}
	for _, c := range checks {
		if c.Result != executors.CheckFail && c.Result != executors.CheckWarn {
			continue
		}
		if of[alike(c)] == nil {
			out = append(out, c)
		}
		of[alike(c)] = append(of[alike(c)], c.Node)
	}
	for i, c := range out {
		if nodes := of[alike(c)]; len(nodes) > 1 {
			out[i].Node = strings.Join(nodes, ",")
			out[i].Remedy = strings.ReplaceAll(c.Remedy, c.Node, out[i].Node)
		}
	}
	return out
}

func (t *table) check(c executors.Check, name string) {
	t.add(c.Result, name, strings.ReplaceAll(c.Detail, "\n", " / "))
	if c.Remedy != "" && c.Result != executors.CheckOK {
		t.add("", "", "→ "+c.Remedy)
	}
}

// nodeTable has a line a node and a column a check; what is not well is marked.
func nodeTable(checks []executors.Check) *table {
	t := &table{header: []string{"node"}}
	column, line := map[string]int{}, map[string]int{}
	for _, c := range checks {
		if column[c.Name] == 0 {
			t.header = append(t.header, c.Name)
			column[c.Name] = len(t.header) - 1
		}
		if _, ok := line[c.Node]; !ok {
			line[c.Node] = len(t.rows)
			t.add(c.Node)
		}
	}
	for i := range t.rows {
		for len(t.rows[i]) < len(t.header) {
			t.rows[i] = append(t.rows[i], "-")
		}
	}
	for _, c := range checks {
		t.rows[line[c.Node]][column[c.Name]] = cell(c)
	}
	return t
}

// cell is a check's detail where that is short, else its result.
func cell(c executors.Check) string {
	const longest = 32
	text := c.Detail
	if len(text) > longest {
		text = c.Result
	}
	switch c.Result {
	case executors.CheckFail:
		return "✗ " + text
	case executors.CheckWarn:
		return "! " + text
	}
	return text
}
