package view

import (
	"io"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/executors"
	"github.com/llmbench/llmbench/plan"
)

type checkDocument struct {
	Name   string    `json:"name"`
	Node   plan.Text `json:"node"`
	Result string    `json:"result"`
	Detail string    `json:"detail"`
	Remedy plan.Text `json:"remedy"`
}

// ChecksJSON prints checks as a document, null for a node or a remedy that there is not.
func ChecksJSON(w io.Writer, checks []executors.Check) error {
	list := make([]checkDocument, len(checks))
	for i, c := range checks {
		list[i] = checkDocument{c.Name, plan.Text(c.Node), c.Result, c.Detail, plan.Text(c.Remedy)}
	}
	return writeJSON(w, map[string]any{"checks": list})
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
	p.line("\n%d ok, %s, %d failed, %d skipped.", bad[executors.CheckOK], Plural(bad[executors.CheckWarn], "warning"), bad[executors.CheckFail], bad[executors.CheckSkipped])
	return p.err
}

// shared are the checks that are not well, each once for all nodes that share it.
func shared(checks []executors.Check) []executors.Check {
	var of tally[executors.Check]
	for _, c := range checks {
		if c.Result == executors.CheckFail || c.Result == executors.CheckWarn {
			node := c.Node
			c.Remedy, c.Node = strings.ReplaceAll(c.Remedy, node, "NODE"), ""
			of.add(c, node)
		}
	}
	for i, c := range of.keys {
		nodes := strings.Join(of.of[c], ",")
		of.keys[i].Node, of.keys[i].Remedy = nodes, strings.ReplaceAll(c.Remedy, "NODE", nodes)
	}
	return of.keys
}

func (t *table) check(c executors.Check, name string) {
	t.add(c.Result, name, strings.ReplaceAll(c.Detail, "\n", " / "))
	if c.Remedy != "" && c.Result != executors.CheckOK {
		t.add("", "", "→ "+c.Remedy)
	}
}

// nodeTable has a line a node and a column a check; what is not well is marked.
func nodeTable(checks []executors.Check) *table {
	names, _ := groupBy(checks, func(c executors.Check) string { return c.Name })
	nodes, of := groupBy(checks, func(c executors.Check) string { return c.Node })
	cols := []column[string]{{head: "node", cell: func(node string) string { return node }}}
	for _, name := range names {
		cols = append(cols, column[string]{head: name, cell: func(node string) string {
			if i := slices.IndexFunc(of[node], func(c executors.Check) bool { return c.Name == name }); i >= 0 {
				return cell(of[node][i])
			}
			return "-"
		}})
	}
	t := &table{}
	addColumns(t, cols, nodes)
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
