package view

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// withMetric declares one more metric while a test runs.
func withMetric(t *testing.T, m trtllm.Metric) {
	before := trtllm.Metrics
	trtllm.Metrics = append(slices.Clip(before), m)
	t.Cleanup(func() { trtllm.Metrics = before })
}

// A metric that is added to the table, and nowhere else, is read from the JSON and
// the text report and stands in every output.
func TestAddedMetricIsEverywhere(t *testing.T) {
	withMetric(t, trtllm.Metric{
		Name: "acceptance_rate_pct", Labels: []string{"Draft Acceptance Rate (pct)"}, Title: "accepted draft tokens", Column: "accepted",
		Rank: 9, Unit: "%", GoUnit: "accepted-pct", HigherIsBetter: true, Headline: true,
		Spread: trtllm.Distribution{Name: "acceptance_percentiles", Tag: "ACC", Title: "Acceptance Breakdown (pct)", CSV: "acceptance_pct_", Unit: "%", Rank: 9},
	})
	// The report of 1.2 in testdata has the form of a real --report_json.
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "testdata", "trtllm", "reports", "1.2-streaming.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trtllm.ReadReport(bytes.NewReader(raw)); err == nil {
		t.Error("a report without the new metric is whole")
	}
	raw = bytes.Replace(raw, []byte(`"performance": {`), []byte(`"performance": { "acceptance_rate_pct": 73.25, "acceptance_percentiles":
		{"p50": 71.5, "p90": 80, "p95": 81, "p99": 82, "minimum": 60, "maximum": 90, "average": 73.25},`), 1)
	report, err := trtllm.ReadReport(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text, "01/02/2026-03:04:05"); err != nil {
		t.Fatal(err)
	}
	log, err := trtllm.ReadLog(&text)
	if err != nil || log.Report == nil || *log.Report.Metrics.At("acceptance_rate_pct") != 73.25 || log.Report.Percentiles.At("acceptance_rate_pct").P50 != 71.5 {
		t.Fatalf("the text report: %+v %v", log, err)
	}

	list := []*results.Result{measuredResult("chat", 128, 128, 64, 1, 1), measuredResult("chat", 128, 128, 512, 1, 1)}
	for _, r := range list {
		r.Metrics, r.Percentiles = report.Metrics, report.Percentiles
	}
	set := results.NewSet(list)
	outputs := map[string]string{"page": reportPageOf(t, set), "story": storyNumbers(list[0])}
	for format, write := range ResultFormats {
		var b bytes.Buffer
		if err := write(&b, set); err != nil {
			t.Fatal(err)
		}
		outputs["results -format="+format] = b.String()
	}
	comparison := results.Compare(set, set, results.Comparing{Threshold: .01, Metrics: []string{"acceptance_rate_pct"}})
	for format, write := range CompareFormats {
		var b bytes.Buffer
		if err := write(&b, comparison); err != nil {
			t.Fatal(err)
		}
		outputs["compare -format="+format] = b.String()
	}
	for output, text := range outputs {
		if !strings.Contains(text, "73.2") {
			t.Errorf("%s does not show the metric:\n%s", output, text)
		}
	}
	for output, name := range map[string]string{
		"results -format=csv": "acceptance_pct_p50", "results -format=json": "acceptance_percentiles", "results -format=benchfmt": "accepted-pct",
		"results -format=overview": "Draft Acceptance Rate (pct):", "results -format=table": "accepted", "page": ">accepted<",
	} {
		if !strings.Contains(outputs[output], name) {
			t.Errorf("%s lacks %s", output, name)
		}
	}
}
