package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
)

// complete answers the completion script of a shell: the flags of c that go on
// with the last word, with as many dashes as it has. Other words are left to the
// shell, which knows files.
func (e *env) complete(_ context.Context, c *cli.Command) {
	word := lastWord(os.Args)
	dash := "-"
	if strings.HasPrefix(word, "--") {
		dash = "--"
	}
	for _, f := range c.VisibleFlags() {
		name := dash + f.Names()[0]
		if doc, ok := f.(cli.DocGenerationFlag); ok && word != "" && strings.HasPrefix(name, word) {
			fmt.Fprintf(e.streams.Out, "%s:%s\n", name, strings.ReplaceAll(doc.GetUsage(), "`", ""))
		}
	}
}

// lastWord is the word that is being completed: the one before the flag that the
// script adds.
func lastWord(args []string) string {
	if len(args) < 2 {
		return ""
	}
	word := args[len(args)-2]
	if !strings.HasPrefix(word, "-") {
		return ""
	}
	return word
}

// configureCompletion makes the command that prints the script like the others.
func configureCompletion(c *cli.Command) {
	c.Hidden = false
	c.Usage = "print a script that completes commands and flags in a shell"
	c.ArgsUsage = "bash|zsh|fish|pwsh"
	c.HideHelpCommand = true
	c.Description = description([]string{"llmbench completion bash", "llmbench completion fish"}, "0  the script was printed", "1  error") +
		"\n\n`source <(llmbench completion bash)` in ~/.bashrc completes in every shell; it needs the package bash-completion. zsh is alike, and fish reads ~/.config/fish/completions/llmbench.fish."
	c.Action = func(_ context.Context, c *cli.Command) error {
		if c.NArg() == 0 {
			return errors.New("llmbench completion takes the name of a shell: bash, zsh, fish or pwsh")
		}
		return fmt.Errorf("there is no completion for %q; there is for bash, zsh, fish and pwsh", c.Args().First())
	}
}
