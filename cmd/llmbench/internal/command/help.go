package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/schema"
	"github.com/llmbench/llmbench/schema/catalog"
)

// helpTemplate prints what a command does, its flags, examples that the tests
// run, and its exit status: the last two stand in the description.
const helpTemplate = `Usage: {{.FullName}}{{if .VisibleFlags}} [flags]{{end}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}

{{.Usage}}.

{{if .VisibleFlags}}

FLAGS

{{range .VisibleFlags}}  {{.}}

{{end}}{{end}}{{if .Description}}

{{.Description}}

{{end}}`

// finish gives a command and those below it what all have, and their help: what it does
// as a sentence, and paragraphs of at most 80 columns.
func finish(c *cli.Command) {
	c.DisableSliceFlagSeparator, c.OnUsageError, c.HideHelpCommand = true, usageError, true
	for _, sub := range c.Commands {
		finish(sub)
	}
	c.CustomHelpTemplate = strings.Replace(helpTemplate, "{{.Usage}}", strings.ToUpper(c.Usage[:1])+c.Usage[1:], 1)
	var lines []string
	for _, line := range strings.Split(c.Description, "\n") {
		if !strings.HasPrefix(line, " ") {
			lines = append(lines, view.Wrap(line, 80)...)
		} else {
			lines = append(lines, line)
		}
	}
	c.Description = strings.Join(lines, "\n")
}

// appTemplate lists the commands.
const appTemplate = `Usage: llmbench COMMAND [flags] [DIR]

{{.Usage}}.

{{.UsageText}}

FLAGS

  -chdir=DIR  change to DIR first; write it before the command

  -version    print the version

{{.Description}}

llmbench COMMAND -help says more of each, with examples. llmbench help NAME

explains an argument, block, flag, function, metric or failure code.

`

// groups are the commands by their use, as help shows them.
var groups = []struct {
	name     string
	commands []string
}{
	{"WRITE", []string{"init", "validate", "fmt"}},
	{"PLAN", []string{"plan", "show", "estimate"}},
	{"RUN", []string{"apply", "status", "logs", "cancel"}},
	{"READ", []string{"results", "compare", "report", "import", "export"}},
	{"SITE", []string{"doctor", "prepare", "prune", "unlock", "catalog"}},
}

// commandList lists commands by their group; those of no group are about llmbench
// itself.
func commandList(commands []*cli.Command) string {
	grouped := map[string]bool{}
	var b strings.Builder
	list := func(name string, wants func(string) bool) {
		b.WriteString(name + "\n")
		for _, c := range commands {
			if !c.Hidden && wants(c.Name) {
				grouped[c.Name] = true
				fmt.Fprintf(&b, "  %-11s %s\n", c.Name, c.Usage)
			}
		}
		b.WriteString("\n")
	}
	for _, g := range groups {
		list(g.name, func(name string) bool { return slices.Contains(g.commands, name) })
	}
	list("ABOUT", func(name string) bool { return !grouped[name] })
	return strings.TrimSuffix(b.String(), "\n")
}

// appStatus is what the exit codes of all commands mean.
var appStatus = exitStatuses(
	"0  all selected runs have their samples, or the command did what it says",
	"1  error; nothing was started",
	"2  plan -detailed-exitcode: something to do",
	"3  a selected run failed, is invalid or blocked; something differs or is missing",
	"4  jobs were started and are still running",
	"5  compare -gate cannot tell",
	"130, 143  interrupted; jobs keep running",
)

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

	if s, ok := f.(*cli.StringFlag); ok && s.Value != "" {
		usage += " (default: " + s.Value + ")"
	}
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
	return b.String() + "\n" + exitStatuses(status...)
}

// exitStatuses lists exit codes, each written as its number, two spaces and what
// it means.
func exitStatuses(status ...string) string {
	width := 0
	for _, s := range status {
		code, _, _ := strings.Cut(s, "  ")
		width = max(width, len(code))
	}
	lines := []string{"EXIT STATUS"}
	for _, s := range status {
		code, meaning, _ := strings.Cut(s, "  ")
		lines = append(lines, fmt.Sprintf("  %-*s  %s", width, code, strings.TrimSpace(meaning)))
	}
	return strings.Join(lines, "\n")
}

func helpCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "explain a command, block, argument, flag, function, metric or failure code", ArgsUsage: "[NAME]",
		Description: description([]string{"llmbench help plan", "llmbench help max_num_tokens", "llmbench help avg_ttft_ms", "llmbench help gpu_oom"},
			"0  the entry was printed", "1  error, or no such name"),
		Action: func(_ context.Context, c *cli.Command) error {
			switch c.NArg() {
			case 0:
				return cli.ShowRootCommandHelp(c.Root())
			case 1:
				return e.runHelp(c.Root(), c.Args().First())
			}
			return errors.New("llmbench help takes one name")
		},
	}
}

// runHelp prints the help of the command of a name and the entries that the
// reference has of it.
func (e *env) runHelp(root *cli.Command, name string) error {
	cmd := root.Command(name)
	if cmd != nil {
		cli.HelpPrinter(e.streams.Out, cmd.CustomHelpTemplate, cmd)
	}
	cat := catalog.Load()
	found, err := view.Reference(e.streams.Out, cat, name)
	if err != nil || found || cmd != nil {
		return err
	}
	names := view.ReferenceNames(cat)
	for _, c := range root.VisibleCommands() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return fmt.Errorf("no command, block, argument, flag, function, metric or code is called %q.%s", name, schema.DidYouMean(name, names))
}
