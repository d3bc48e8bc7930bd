package view

import (
	"strings"
	"testing"

	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// The table can be read alone: it says what its runs have in common, and nothing in
// which they differ.
func TestResultsHead(t *testing.T) {
	set := sweepSet()
	const want = "nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8 FP8, 8x GB200, nvcr.io/nvidia/tensorrt-llm/release:1.0.0rc4, TensorRT-LLM 1.0.0rc4, cluster gb, definitions 3f2c9ab, measured 2026-05-04"
	if got := resultsHead(set); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	set.Results[0].Image.Name, set.Results[1].Cluster = "other", "other"
	if got := resultsHead(set); strings.Contains(got, "tensorrt-llm/release") || strings.Contains(got, "cluster") {
		t.Error(got)
	}
}

func TestArrange(t *testing.T) {
	set := reportSet()
	top, _ := Arrange(set, trtllm.OutputThroughputPerGPU, 2)
	if len(top.Runs) != 2 || len(top.Results) != 8 || !strings.HasSuffix(top.Runs[0].Address, "reasoning/concurrency=4096") || !strings.HasSuffix(top.Runs[1].Address, "reasoning/concurrency=512") {
		t.Errorf("%d runs, %d results, first %s", len(top.Runs), len(top.Results), top.Runs[0].Address)
	}
	fast, _ := Arrange(set, trtllm.AvgTTFT, 0) // a time: the least is the best, none is last
	if first, last := fast.Runs[0], fast.Runs[len(fast.Runs)-1]; !strings.HasSuffix(first.Address, "concurrency=64") || last.Samples != 0 {
		t.Errorf("first %s, last %s", first.Address, last.Address)
	}
	if same, _ := Arrange(set, "", 0); same != set {
		t.Error("the order changes without being asked to")
	}
}

// Each use case with several runs has one best run and its frontier marked; a note that
// touches some rows only has a letter on those rows.
func TestRowMarks(t *testing.T) {
	set := reportSet()
	marks, told := rowMarks(set, newRunNames(set.Runs))
	want := map[string]string{
		"reasoning/concurrency=64": "^ a", "reasoning/concurrency=512": "^", "reasoning/concurrency=4096": "* a",
		"summarization/concurrency=64": "^ a", "summarization/concurrency=512": "*", "summarization/concurrency=4096": "",
	}
	for _, run := range set.Runs {
		if got, name := marks[runKey(run)], strings.TrimPrefix(run.Address, "load/use_case="); got != want[name] {
			t.Errorf("%s: %q, want %q", name, got, want[name])
		}
	}
	legend := strings.Join(told, "\n")
	if !strings.Contains(legend, "\na  one sample: no interval\n") || !strings.HasSuffix(legend, "all rows with numbers: model revision not pinned.") {
		t.Error(legend)
	}
}

// With an slo the best has the most goodput, and none is where nothing met it. What noise
// does not tell from the best is marked: 2 % are taken for that of few samples, and
// simulations have none.
func TestMarksOfTheBest(t *testing.T) {
	simulated := func(s *results.Set) *results.Set {
		for _, r := range s.Results {
			r.Simulated = true
		}
		return s
	}
	near := func(noise ...float64) *results.Set {
		var list []*results.Result
		for i, n := range noise {
			list = append(list, measuredResult("chat", 1000, 1000, 64+i, 1, n))
		}
		return results.NewSet(list)
	}
	equal := near(1, 1).Results
	equal[0].Metrics = equal[1].Metrics
	for _, c := range []struct {
		name   string
		set    *results.Set
		marks  []string // each run's
		legend string
	}{
		{"slo", recordedSet(64, 512, 4096), []string{"^", "*", "^"}, "*  the most goodput of its use case\n^"},
		{"slo never met", recordedSet(3072, 4096), []string{"^", "^"}, "^  Pareto-optimal in tok/s/GPU and tok/s/user\nchat: none is marked as the best: no request is within the slo."},
		{"noise", near(.97, 1, 1.03), []string{"^", "~^", "*"}, "*  the most output tok/s/GPU of its use case\n~  cannot be told from *: equal, or less apart than noise explains\n^"},
		{"no noise", simulated(near(.97, 1, 1.03)), []string{"^", "^", "*"}, "*  the most output tok/s/GPU of its use case\n^"},
		{"equal", simulated(results.NewSet(equal)), []string{"*", "~"}, "*  the most output tok/s/GPU of its use case\n~  cannot"},
	} {
		marks, told := rowMarks(c.set, newRunNames(c.set.Runs))
		for i, run := range c.set.Runs {
			if got := marks[runKey(run)]; got != c.marks[i] {
				t.Errorf("%s: run %d has %q, want %q", c.name, i, got, c.marks[i])
			}
		}
		if legend := strings.Join(told, "\n"); !strings.Contains(legend, c.legend) {
			t.Errorf("%s: %s", c.name, legend)
		}
	}
}

// Columns go by their rank until the table fits, those of rank 0 never.
func TestResultsFit(t *testing.T) {
	for columns, want := range map[int]string{
		0:  "run ISL/OSL concurrency verdict n output tok/s/GPU tok/s/user TTFT (ms) TTFT p99 (ms) TPOT (ms) request latency (s) req/s job took notes",
		90: "run concurrency verdict output tok/s/GPU tok/s/user TTFT (ms) TPOT (ms) notes",
		20: "run concurrency verdict output tok/s/GPU notes",
	} {
		set := reportSet()
		names := newRunNames(set.Runs)
		marks, _ := rowMarks(set, names)
		table := resultTable(set, names, marks, true)
		table.fit(columns)
		var heads []string
		for _, head := range table.header {
			heads = append(heads, oneLine(head))
		}
		if got := strings.Join(heads, " "); got != want {
			t.Errorf("%d columns: %s, want %s", columns, got, want)
		}
	}
}
