package command

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// helpTemplate prints what a command does, its flags, examples that the tests
// run, and its exit status: the last two stand in the description.
const helpTemplate = `Usage: llmbench {{.Name}}{{if .VisibleFlags}} [flags]{{end}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}

{{.Usage}}.
{{if .VisibleFlags}}
FLAGS
{{range .VisibleFlags}}  {{.}}
{{end}}{{end}}{{if .Description}}
{{.Description}}
{{end}}`

// flagHelp writes a flag as the command line takes it, with one dash.
func flagHelp(f cli.Flag) string {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	name := "-" + f.Names()[0]
	if doc.TakesValue() {
		name += "=" + valueName(doc)
	}
	usage := strings.ReplaceAll(doc.GetUsage(), "`", "")
	return fmt.Sprintf("%-24s %s", name, usage)
}

// valueName is the word in backquotes in a flag's usage, or VALUE.
func valueName(doc cli.DocGenerationFlag) string {
	parts := strings.SplitN(doc.GetUsage(), "`", 3)
	if len(parts) == 3 {
		return parts[1]
	}
	return "VALUE"
}

// description joins the examples and the exit status of a command's help.
func description(examples []string, status ...string) string {
	var b strings.Builder
	b.WriteString("EXAMPLES\n")
	for _, e := range examples {
		b.WriteString("  " + e + "\n")
	}
	b.WriteString("\nEXIT STATUS\n")
	for _, s := range status {
		b.WriteString("  " + s + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
