package view

import (
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
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
func (t *table) plain(w io.Writer) error {
	var b strings.Builder
	tbl := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithConfig(t.config(tw.Padding{Left: "", Right: "  ", Overwrite: true})),
		tablewriter.WithTrimSpace(tw.Off),
	)
	if err := t.fill(tbl); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(t.indent+line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// markdown writes the table in Markdown.
func (t *table) markdown(w io.Writer) error {
	tbl := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewMarkdown()),
		tablewriter.WithConfig(t.config(tw.Padding{Left: " ", Right: " "})),
	)
	return t.fill(tbl)
}

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
