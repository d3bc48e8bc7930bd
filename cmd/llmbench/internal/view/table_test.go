package view

import (
	"strings"
	"testing"
)

func TestTablePlain(t *testing.T) {
	tbl := table{header: []string{"", "ISL/OSL", "limit"}, right: []bool{false, true, true}, indent: "  "}
	tbl.add("+ …/chat", "128/128", "30 min")
	tbl.add("+ …/summarization", "8000/512", "30 min")
	var b strings.Builder
	if err := tbl.plain(&b); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"                      ISL/OSL   limit\n" +
		"  + …/chat            128/128  30 min\n" +
		"  + …/summarization  8000/512  30 min\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestTableMarkdown(t *testing.T) {
	tbl := table{header: []string{"use case", "n"}, right: []bool{false, true}}
	tbl.add("chat", "1")
	var b strings.Builder
	if err := tbl.markdown(&b); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"| use case | n |\n" +
		"|:---------|--:|\n" +
		"| chat     | 1 |\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
