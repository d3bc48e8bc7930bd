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
	line, ok := s.line()
	return ok && line == "yes"
}

// Ask asks for a text on standard error; an empty answer is otherwise.
func (s *Streams) Ask(question, otherwise string) string {
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	fmt.Fprint(s.Err, question+": ")
	if line, ok := s.line(); ok && line != "" {
		return line
	}
	return otherwise
}

// line is the next line that a person writes.
func (s *Streams) line() (string, bool) {
	if s.lines == nil {
		s.lines = bufio.NewReader(s.In)
	}
	line, err := s.lines.ReadString('\n')
	return strings.TrimSpace(line), err == nil
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
