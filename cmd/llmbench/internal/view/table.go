package view

import (
	"bufio"
	"bytes"
	"io"
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
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// plain writes the table without borders. A nil header leaves the header out.
// Lines are laid out here: a plan can have 100,000 of them.
func (t *table) plain(w io.Writer) error {
	rows := t.rows
	if t.header != nil {
		rows = append([][]string{t.header}, rows...)
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for _, row := range rows {
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
			return twwidth.Width(s)
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
	t = &table{header: t.header, right: t.right, rows: rows}
	tbl := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewMarkdown()),
		tablewriter.WithConfig(t.config(tw.Padding{Left: " ", Right: " "})),
	)
	return t.fill(tbl)
}

// markdownText is a string that Markdown shows as it is, HTML and the bars of
// tables included. Code spans stay code spans.
func markdownText(s string) string {
	parts := strings.Split(s, "`")
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

func (t *table) fill(tbl *tablewriter.Table) error {
	if t.header != nil {
		tbl.Header(t.header)
	}
	if err := tbl.Bulk(t.rows); err != nil {
		return err
	}
	return tbl.Render()
}

func (t *table) config(padding tw.Padding) tablewriter.Config {
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Padding:    tw.CellPadding{Global: padding},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft, PerColumn: t.alignment()},
	}
	return tablewriter.Config{Header: cell, Row: cell}
}

func (t *table) alignment() []tw.Align {
	n := len(t.header)
	for _, r := range t.rows {
		n = max(n, len(r))
	}
	align := make([]tw.Align, n)
	for i := range align {
		align[i] = tw.AlignLeft
		if i < len(t.right) && t.right[i] {
			align[i] = tw.AlignRight
		}
	}
	return align
}
