package view

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// A table is rows of cells under a header, each column aligned left or right.
type table struct {
	header []string
	right  []bool // by column; columns beyond are left
	rows   [][]string
	// indent stands before every line; gap between columns is two spaces.
	indent string
	// ranks say which columns go first where a terminal is too narrow, those of rank 0
	// never; nil for all of rank 0.
	ranks []int
}

// A column says a thing of each row: head, whether it is a number, rank (see table), and cell.
type column[T any] struct {
	head  string
	right bool
	rank  int
	cell  func(T) string
}

// addColumns adds columns with a cell for each of rows. A newline in a head begins a
// second line on a terminal.
func addColumns[T any](t *table, cols []column[T], rows []T) {
	if t.rows == nil {
		t.rows = make([][]string, len(rows))
	}
	for _, c := range cols {
		t.header, t.right, t.ranks = append(t.header, c.head), append(t.right, c.right), append(t.ranks, c.rank)
		for i, row := range rows {
			t.rows[i] = append(t.rows[i], c.cell(row))
		}
	}
}

// fit leaves out columns until the table fits a terminal, and returns what it left out.
func (t *table) fit(columns int) (left []string) {
	for columns > 0 && t.wide() > columns {
		i := 0
		for j, rank := range t.ranks {
			if rank >= t.ranks[i] {
				i = j
			}
		}
		if len(t.ranks) == 0 || t.ranks[i] == 0 {
			break
		}
		left = append(left, oneLine(t.header[i]))
		t.header, t.right, t.ranks = slices.Delete(t.header, i, i+1), slices.Delete(t.right, i, i+1), slices.Delete(t.ranks, i, i+1)
		for j, row := range t.rows {
			t.rows[j] = slices.Delete(row, i, i+1)
		}
	}
	slices.Reverse(left)
	return left
}

func oneLine(head string) string { return strings.ReplaceAll(head, "\n", " ") }

// lines are the one or two lines of the header, and the rows.
func (t *table) lines() [][]string {
	if t.header == nil {
		return t.rows
	}
	upper, lower := make([]string, len(t.header)), make([]string, len(t.header))
	two := false
	for i, head := range t.header {
		above, below, ok := strings.Cut(head, "\n")
		if !ok {
			above, below = "", head
		}
		upper[i], lower[i], two = above, below, two || ok
	}
	if !two {
		return append([][]string{t.header}, t.rows...)
	}
	return append([][]string{upper, lower}, t.rows...)
}

func (t *table) widths() []int {
	var widths []int
	for _, line := range t.lines() {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	return widths
}

func (t *table) wide() int {
	sum := width(t.indent) - 2
	for _, w := range t.widths() {
		sum += w + 2
	}
	return sum
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// plain writes the table without borders, and without a header where that is nil.
func (t *table) plain(w io.Writer) error {
	widths := t.widths()
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for _, row := range t.lines() {
		line = append(line[:0], t.indent...)
		for i, cell := range row {
			pad := widths[i] - width(cell)
			if i < len(t.right) && t.right[i] {
				line = append(spaces(line, pad), cell...)
			} else {
				line = spaces(append(line, cell...), pad)
			}
			line = append(line, "  "...)
		}
		line = append(bytes.TrimRight(line, " "), '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

func spaces(line []byte, n int) []byte {
	for range n {
		line = append(line, ' ')
	}
	return line
}

// width is how many places a text takes on a terminal.
func width(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] < ' ' {
			return twwidth.Width(strings.Map(withoutColours, s))
		}
	}
	return len(s)
}

// markdown writes the table in Markdown; cells are shown as they are.
func (t *table) markdown(w io.Writer) error {
	rows := make([][]string, len(t.rows))
	for i, row := range t.rows {
		for _, cell := range row {
			rows[i] = append(rows[i], markdownText(cell))
		}
	}
	header, align := slices.Clone(t.header), make([]tw.Align, len(t.header))
	for i, head := range header {
		header[i], align[i] = oneLine(head), tw.AlignLeft
		if i < len(t.right) && t.right[i] {
			align[i] = tw.AlignRight
		}
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Padding:    tw.CellPadding{Global: tw.Padding{Left: " ", Right: " "}},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft, PerColumn: align},
	}
	tbl := tablewriter.NewTable(w, tablewriter.WithRenderer(renderer.NewMarkdown()), tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell}))
	tbl.Header(header)
	if err := tbl.Bulk(rows); err != nil {
		return err
	}
	return tbl.Render()
}

// mostComment bounds Markdown in bytes: a comment on GitHub holds 65,536 characters.
const mostComment = 60_000

// Comment writes Markdown that fits into a comment: where there is too much, of each
// table, list and block of code the first lines, and how many more there are. It returns
// the error of write, whose Markdown it has written nevertheless.
func Comment(w io.Writer, write func(io.Writer) error) error {
	var whole strings.Builder
	failed := write(&whole)
	text := whole.String()
	for most := 512; len(text) > mostComment && most > 0; most = most * 3 / 4 {
		text = shortened(whole.String(), most)
	}
	if len(text) > mostComment { // more blocks than lines in them
		end := strings.LastIndexByte(text[:mostComment-10], '\n') + 1
		text = text[:end] + "\n…\n"
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return failed
}

// shortened keeps the first lines of what has more in one piece.
func shortened(text string, most int) string {
	var b strings.Builder
	code, last, n := false, byte(0), 0
	more := func() {
		if over := n - most; over > 0 && last != 0 {
			fmt.Fprintf(&b, map[byte]string{'|': "\n… and %d more\n", '-': "- … and %d more\n", '`': "… and %d more\n"}[last], over)
		}
		n = 0
	}
	for line := range strings.Lines(text) {
		kind := byte(0)
		switch fence := strings.HasPrefix(line, "```"); {
		case fence:
			code = !code
		case code:
			kind = '`'
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "|"):
			kind = line[0]
		}
		if kind != last {
			more()
			if last = kind; kind == '|' {
				n = -2 // the header
			}
		}
		if n++; kind == 0 || n <= most {
			b.WriteString(line)
		}
	}
	more()
	return b.String()
}

// markdownText is a string that Markdown shows as it is; code spans stay code spans.
func markdownText(s string) string {
	parts := strings.Split(strings.Map(withoutColours, s), "`")
	for i := range parts {
		if code := i%2 == 1 && i < len(parts)-1; code {
			parts[i] = strings.ReplaceAll(parts[i], "|", `\|`)
		} else {
			parts[i] = markdownEscapes.Replace(parts[i])
		}
	}
	return strings.Join(parts, "`")
}

var markdownEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`)

func withoutColours(r rune) rune {
	if sequences[colour(r)] != "" {
		return -1
	}
	return r
}
