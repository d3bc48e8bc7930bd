package view

import (
	"encoding/json"
	"io"

	"github.com/llmbench/llmbench/executors"
)

// ChecksJSON prints checks as a document.
func ChecksJSON(w io.Writer, checks []executors.Check) error {
	if checks == nil {
		checks = []executors.Check{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Checks []executors.Check `json:"checks"`
	}{checks})
}

// Checks prints a line a check, with the remedy below what is not well.
func Checks(w io.Writer, checks []executors.Check) error {
	p := &printer{w: w}
	t := &table{}
	bad := map[string]int{}
	for _, c := range checks {
		name := c.Name
		if c.Node != "" {
			name += " on " + c.Node
		}
		t.add(c.Result, name, c.Detail)
		if c.Remedy != "" && c.Result != executors.CheckOK {
			t.add("", "", "→ "+c.Remedy)
		}
		bad[c.Result]++
	}
	p.table(t)
	p.line("")
	p.line("%d ok, %d warnings, %d failed, %d skipped.", bad[executors.CheckOK], bad[executors.CheckWarn], bad[executors.CheckFail], bad[executors.CheckSkipped])
	return p.err
}
