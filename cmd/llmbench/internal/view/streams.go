package view

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/llmbench/llmbench/executors/store"
)

// Streams are where a command reads and writes.
type Streams struct {
	In io.Reader
	// Out and Err are safe (see safe), whatever a log, a definition or another
	// program put into what is written.
	Out, Err io.Writer
	// Interactive says that a person can be asked, on In and Err.
	Interactive bool
	// Color says that Err is a terminal that wants colour: neither NO_COLOR nor TERM=dumb
	// says otherwise.
	Color bool
	// Width is the width of the terminal on Err, 0 when there is none.
	Width int

	lines          *bufio.Reader // of In
	rawOut, rawErr io.Writer     // Out and Err before they were made safe
}

// Standard returns the streams of this process. NO_COLOR switches colour off.
func Standard() *Streams {
	s := &Streams{
		In: os.Stdin, Out: &safeWriter{w: os.Stdout, wide: columns(os.Stdout), sgr: showsColours(os.Stdout)}, Err: &safeWriter{w: os.Stderr, sgr: showsColours(os.Stderr)},
		rawOut: os.Stdout, rawErr: os.Stderr,
	}
	fd := int(os.Stderr.Fd())
	if term.IsTerminal(fd) {
		s.Color = showsColours(os.Stderr)
		if w, _, err := term.GetSize(fd); err == nil {
			s.Width = w
		}
		s.Interactive = term.IsTerminal(int(os.Stdin.Fd()))
	}
	return s
}

// showsColours reports whether a file is a terminal that does.
func showsColours(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// columns is the width of a terminal, or what COLUMNS says; 0 for neither.
func columns(f *os.File) int {
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	w, _ := strconv.Atoi(os.Getenv("COLUMNS")) // 0 for what is no number
	return w
}

// columnsOf is the width that tables on w are held to, 0 for no limit.
func columnsOf(w io.Writer) int {
	switch w := w.(type) {
	case *safeWriter:
		return w.wide
	case *redactingWriter:
		return columnsOf(w.w)
	}
	return 0
}

// Hide takes secrets out of all that is written from here on.
func (s *Streams) Hide(secrets []string) {
	if len(secrets) == 0 {
		return
	}
	hide := store.NewRedactor(secrets...)
	s.Out, s.Err = &redactingWriter{s.Out, hide}, &redactingWriter{s.Err, hide}
}

// redactingWriter removes secrets from each Write.
type redactingWriter struct {
	w    io.Writer
	hide store.Redactor
}

// Write implements io.Writer.
func (h *redactingWriter) Write(b []byte) (int, error) {
	if _, err := h.w.Write(h.hide.CleanBytes(slices.Clone(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// terminal reports whether progress is drawn rather than appended.
func (s *Streams) terminal() bool { return s.Width > 0 }

// Redraw clears the screen where Out is a terminal.
func (s *Streams) Redraw() {
	if f, ok := s.rawOut.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		io.WriteString(f, "\x1b[H\x1b[2J")
	}
}

// Raw returns standard output and error as they are, for what draws and for programs.
func (s *Streams) Raw() (out, err io.Writer) {
	if s.rawOut == nil {
		return s.Out, s.Err
	}
	return s.rawOut, s.rawErr
}

// Confirm asks a question on standard error; only "yes" is a yes.
func (s *Streams) Confirm(question string) bool {
	fmt.Fprintf(s.Err, "\n%s\n  Only 'yes' is taken as approval: ", question)
	line, ok := s.line()
	return ok && line == "yes"
}

// Ask asks a question on standard error and returns the answer, otherwise for an empty one.
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

func (s *Streams) line() (string, bool) {
	if s.lines == nil {
		s.lines = bufio.NewReader(s.In)
	}
	line, err := s.lines.ReadString('\n')
	return strings.TrimSpace(line), err == nil
}
