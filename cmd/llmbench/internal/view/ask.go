package view

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Confirm asks a question on standard error; only "yes" is a yes.
func (s *Streams) Confirm(question string) bool {
	fmt.Fprintf(s.Err, "\n%s\n  Only 'yes' is taken as approval: ", question)
	line, err := bufio.NewReader(s.In).ReadString('\n')
	return err == nil && strings.TrimSpace(line) == "yes"
}

// Nothing prints one line that says what became of a request.
func Nothing(w io.Writer, line string) error {
	_, err := fmt.Fprintln(w, line)
	return err
}

// List prints lines under a heading.
func List(w io.Writer, heading string, lines []string) error {
	p := &printer{w: w}
	p.line("%s", heading)
	for _, l := range lines {
		p.line("  %s", l)
	}
	return p.err
}
