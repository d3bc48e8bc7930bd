package view

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/estimate"
	"github.com/llmbench/llmbench/schema"
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

// A run that shares an engine costs what it measures, without the model load.
func TestSharedEngineCosts(t *testing.T) {
	hour := func(hours float64) *estimate.Interval {
		return &estimate.Interval{Low: hours, Mid: hours, High: hours}
	}
	r := &plan.Run{Action: plan.Measure, Hardware: plan.Hardware{GPUs: 8}, State: plan.Samples{Wanted: 1},
		Estimate: &plan.Estimate{MeasureSeconds: hour(900), GPUHours: hour(6)}}
	for engine, want := range map[string]string{schema.FreshEngine: "$60.00 … $60.00", schema.SharedEngine: "$20.00 … $20.00"} {
		r.Engine = engine
		if got := spends(r, Price{PerGPUHour: 10}.between, nil); got != want {
			t.Errorf("%s: %s, want %s", engine, got, want)
		}
	}
}

// Markdown for a comment is below GitHub's limit of 65,536 characters however much
// there is, and says how much is left out.
func TestCommentFits(t *testing.T) {
	rows := func(n int) string {
		return "| run | tok/s |\n|---|---|\n" + strings.Repeat("| max_throughput/use_case=chat/concurrency=64 | 12,345 |\n", n)
	}
	for name, text := range map[string]string{
		"table": "before\n" + rows(10_000) + "\nafter\n", "list": "before\n" + strings.Repeat("- a note of a run\n", 10_000) + "after\n",
		"code":   "<details>\n```\n" + strings.Repeat("| no table\n", 10_000) + "```\n</details>\nafter\n",
		"tables": strings.Repeat(rows(40)+"\n", 500) + "after\n", "prose": strings.Repeat("words\n", 100_000),
	} {
		var b strings.Builder
		if err := Comment(&b, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
			t.Fatal(err)
		}
		if b.Len() > mostComment || b.Len() < 1000 || name != "prose" && (!strings.Contains(b.String(), " more\n") || !strings.HasSuffix(b.String(), "after\n")) {
			t.Errorf("%s: %d bytes: %.200s", name, b.Len(), b.String())
		}
		if strings.Count(b.String(), "```")%2 != 0 {
			t.Errorf("%s: a block of code has no end", name)
		}
	}
	small := rows(300) + "- note\n"
	var b strings.Builder
	if err := Comment(&b, func(w io.Writer) error { io.WriteString(w, small); return errors.New("told") }); err == nil || b.String() != small {
		t.Errorf("%v: %d bytes of %d", err, b.Len(), len(small))
	}
}
