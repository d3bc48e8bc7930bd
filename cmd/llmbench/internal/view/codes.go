package view

import (
	"fmt"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
)

// CodesHelp lists the codes of verdicts and notes, with the rule and the remedy
// of each.
func CodesHelp() string {
	var b strings.Builder
	b.WriteString("VERDICTS AND NOTES\n" +
		"  valid and suspect samples count; suspect ones are marked wherever they are shown. invalid and failed\n" +
		"  ones are never shown as a number. A note changes no verdict. Each has a code:\n")
	level := failure.Verdict("")
	for _, c := range failure.Table {
		if c.Verdict != level {
			level = c.Verdict
			fmt.Fprintf(&b, "\n  %s\n", level)
		}
		fmt.Fprintf(&b, "    %-24s %s\n%29snext: %s\n", c.Code, c.Rule, "", c.Remedy)
	}
	return strings.TrimRight(b.String(), "\n")
}
