package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/llmbench/llmbench/cmd/llmbench/internal/view"
	"github.com/llmbench/llmbench/examples"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/executors/simulate"
	"github.com/llmbench/llmbench/plan"
)

// complete answers the completion script of a shell: the flags of c that begin with the
// last word, the values of a flag that the last word is, or the addresses that a command
// takes. The shell filters them by what is typed, and completes files by itself.
func (e *env) complete(_ context.Context, c *cli.Command) {
	word := ""
	if len(os.Args) > 1 {
		word = os.Args[len(os.Args)-2] // before the flag that the script adds
	}
	out := e.streams.Out
	if !strings.HasPrefix(word, "-") {
		if slices.Contains([]string{"results", "logs", "cancel"}, c.Name) {
			for _, value := range e.addresses() {
				fmt.Fprintln(out, value)
			}
		}
		return
	}
	dash := "-"
	if strings.HasPrefix(word, "--") {
		dash = "--"
	}
	given, _, assigned := strings.Cut(word, "=")
	for _, f := range c.VisibleFlags() {
		name := dash + f.Names()[0]
		if doc, ok := f.(cli.DocGenerationFlag); ok && strings.HasPrefix(name, word) {
			fmt.Fprintf(out, "%s:%s\n", name, strings.ReplaceAll(doc.GetUsage(), "`", ""))
		}
		if name != given {
			continue
		}
		for _, value := range e.flagValues(c.Name, f.Names()[0]) {
			if assigned {
				value = name + "=" + value
			}
			fmt.Fprintln(out, value)
		}
	}
}

// flagValues are the values that a flag of a command can have, nil where they are not
// few.
func (e *env) flagValues(command, flag string) []string {
	switch flag {
	case "target", "replace", "explain":
		return e.addresses()
	case "executor":
		values := []string{simulate.Type}
		for _, x := range e.load(definitionFlags{Dir: "."}).defs.Executors {
			values = append(values, x.Type+"."+x.Name)
		}
		return values
	case "from":
		var values []string
		for _, r := range examples.Recipes() {
			values = append(values, r.Name)
		}
		return values
	case "sort":
		return metricNames()
	case "metric":
		return results.MeasureNames()
	case "format":
		switch command {
		case "plan":
			return []string{"text", "markdown"}
		case "compare":
			return slices.Sorted(maps.Keys(view.CompareFormats))
		case "results":
			return slices.Sorted(maps.Keys(view.ResultFormats))
		}
		return []string{"table", "csv", "json"}
	}
	return nil
}

// addresses are those of the runs that are declared here, as tables print them.
func (e *env) addresses() []string {
	p, _ := e.load(definitionFlags{Dir: ".", Executor: simulate.Type}).plan(plan.Selection{})
	var out []string
	for _, r := range p.Runs {
		out = append(out, view.Shown(r.Address))
	}
	return out
}

// configureCompletion makes the command that prints the script like the others.
func configureCompletion(c *cli.Command) {
	c.Hidden = false
	c.Usage = "print a shell completion script"
	c.ArgsUsage = "bash|zsh|fish|pwsh"
	c.Description = description([]string{"llmbench completion bash", "llmbench completion fish"}, "0  the script was printed", "1  error") +
		"\n\n`source <(llmbench completion bash)` in ~/.bashrc completes in every shell; it needs the package bash-completion. zsh is alike, and fish reads ~/.config/fish/completions/llmbench.fish."
	finish(c)
	c.Action = func(_ context.Context, c *cli.Command) error {
		if c.NArg() == 0 {
			return errors.New("llmbench completion takes the name of a shell: bash, zsh, fish or pwsh")
		}
		return fmt.Errorf("there is no completion for %q; there is for bash, zsh, fish and pwsh", c.Args().First())
	}
}
