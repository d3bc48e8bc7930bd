package view

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/mitchellh/go-wordwrap"
)

// A printer writes lines of text, or of Markdown, and keeps the first error.
type printer struct {
	w   io.Writer
	md  bool
	err error
}

func (p *printer) item() string {
	if p.md {
		return "- "
	}
	return ""
}

// strong prints a line that stands out in Markdown.
func (p *printer) strong(text string) {
	if p.md {
		text = "**" + text + "**"
	}
	p.line("%s", text)
}

// banner prints a line that stands out, and an empty line, where simulated.
func (p *printer) banner(simulated bool, text string) {
	if simulated {
		p.strong(text)
		p.line("")
	}
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// wrapped prints a paragraph after begin; on a narrow terminal its other lines hang.
func (p *printer) wrapped(begin string, hang int, text string) {
	room := math.MaxInt32
	if columns := columnsOf(p.w); columns > 0 {
		room = max(columns-max(hang, width(begin)), 20)
	}
	for i, line := range Wrap(text, room) {
		if i > 0 {
			begin = strings.Repeat(" ", hang)
		}
		p.line("%s%s", begin, line)
	}
}

// paragraphs prints an empty line, and paragraphs after what begins each; nothing for none.
func (p *printer) paragraphs(begin string, hang int, list []string) {
	if len(list) > 0 {
		p.line("")
	}
	for _, text := range list {
		p.wrapped(begin, hang, text)
	}
}

// named prints paragraphs with a name before each, in a column or a list.
func (p *printer) named(lines [][2]string) {
	names := 0
	for _, l := range lines {
		names = max(names, width(l[0]))
	}
	for _, l := range lines {
		if p.md {
			p.line("- %s: %s", l[0], markdownText(l[1]))
		} else {
			p.wrapped(fmt.Sprintf("  %-*s  ", names, l[0]), names+4, l[1])
		}
	}
}

// table prints a table, without the columns for which the terminal has no room.
func (p *printer) table(t *table) {
	if !p.md {
		p.without(t, t.fit(columnsOf(p.w)))
	} else if p.err == nil {
		p.err = t.markdown(p.w)
	}
}

// without prints a table that fits, and names the columns that it was left without.
func (p *printer) without(t *table, left []string) {
	if p.err == nil {
		p.err = t.plain(p.w)
	}
	if len(left) > 0 {
		p.line("")
		p.wrapped(t.indent, len(t.indent)+2, fmt.Sprintf("Not shown in %d columns: %s.", columnsOf(p.w), strings.Join(left, ", ")))
	}
}

// Wrap breaks text into lines of at most n columns at spaces.
func Wrap(text string, n int) []string {
	return strings.Split(wordwrap.WrapString(strings.Join(strings.Fields(text), " "), uint(n)), "\n")
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
