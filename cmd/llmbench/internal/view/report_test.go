package view

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmbench/llmbench/executors/results"
)

var update = flag.Bool("update", false, "write the golden files")

func reportPageOf(t testing.TB, sets ...*results.Set) string {
	t.Helper()
	var b bytes.Buffer
	r := Report{Title: "maverick", Origin: "definitions 3f2c9ab, clean, llmbench 0.1.0", Sets: sets, Price: Price{PerGPUHour: 10.5, Currency: "USD"}}
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReportGolden(t *testing.T) {
	got := reportPageOf(t, reportSet())
	path := filepath.Join("testdata", "report.html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// The page loads nothing, and equal results make equal pages.
func TestReportIsSelfContained(t *testing.T) {
	page := reportPageOf(t, sweepSet())
	if again := reportPageOf(t, sweepSet()); page != again {
		t.Error("a second page differs")
	}
	for _, banned := range []string{"<script", "<link", "<img", "@import", "url(", "src=", "href=", "http:", "https:", "#404", "NaN", "%!"} {
		if i := strings.Index(page, banned); i >= 0 {
			t.Errorf("%s: …%s…", banned, page[max(0, i-80):min(len(page), i+80)])
		}
	}
	if n := len(regexp.MustCompile(`<svg `).FindAllString(page, -1)); n != 2+2*48 {
		t.Errorf("%d plots", n)
	}
}

func TestReportMarksSimulated(t *testing.T) {
	set := reportSet()
	for _, r := range set.Results {
		r.Simulated = true
	}
	page := reportPageOf(t, set)
	if !strings.Contains(page, "SIMULATED: nothing here was measured") || strings.Contains(page, "GPU-hours spent") || !strings.Contains(page, `content: "SIMULATED"`) {
		t.Error("a simulation is not marked, or has a cost")
	}
	both := reportPageOf(t, reportSet(), set)
	if !strings.Contains(both, ">Measured</h1>") || !strings.Contains(both, ">Simulated</h1>") || strings.Contains(both, `content: "SIMULATED"`) {
		t.Error("what was measured and what was simulated do not stand apart")
	}
}

func TestRunNames(t *testing.T) {
	runs := func(addresses ...string) (out []results.RunSummary) {
		for _, a := range addresses {
			out = append(out, results.RunSummary{Address: a})
		}
		return out
	}
	for _, c := range []struct {
		runs                []results.RunSummary
		group, within, full string
	}{
		{runs("a/use_case=chat"), "chat", "chat", "chat"},
		{runs("a/use_case=chat/tp=8", "a/use_case=long/tp=8"), "chat", "chat", "chat"},
		{runs("a/use_case=chat/tp=8/c=1", "a/use_case=chat/tp=8/c=2"), "chat", "c=1", "chat c=1"},
		{runs("a/use_case=chat", "b/use_case=chat"), "a/chat", "a/chat", "a/chat"},
		{runs("a/use_case=chat/c=1", "a/use_case=long"), "chat", "c=1", "chat c=1"},
	} {
		n, a := newRunNames(c.runs), c.runs[0].Address
		if n.group(a) != c.group || n.within(a) != c.within || n.full(a) != c.full {
			t.Errorf("%s: %q, %q, %q", a, n.group(a), n.within(a), n.full(a))
		}
	}
}

func TestScales(t *testing.T) {
	for most, want := range map[float64]string{15352: "0 5,000 10,000 15,000 20,000", 3: "0 1 2 3", .07: "0 0.02 0.04 0.06 0.08", 100: "0 20 40 60 80 100"} {
		s := linearScale(most)
		s.label = tickText
		if got := labelsOf(s); got != want {
			t.Errorf("to %v: %s, want %s", most, got, want)
		}
	}
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{9.7, 44, "5 ms 10 ms 20 ms 50 ms"}, {31, 10800, "20 ms 100 ms 500 ms 2 s 10 s"}, {600, 650e3, "500 ms 2 s 10 s 30 s 2 min 10 min"},
		{5, 5, "5 ms 10 ms"}, {.01, 1e9, "0.1 ms"},
	} {
		if got := labelsOf(timeScale(c.low, c.high)); !strings.HasPrefix(got, c.want) {
			t.Errorf("%v to %v: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

func labelsOf(s scale) string {
	var out []string
	for _, tick := range s.ticks() {
		out = append(out, tick.Label)
	}
	return strings.Join(out, " ")
}
