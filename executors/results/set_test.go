package results

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"
	"pgregory.net/rapid"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/failure"
	"github.com/llmbench/llmbench/plan/trtllm"
)

var update = flag.Bool("update", false, "write the golden files")

// testSet has two samples of one run, one of them suspect, and a failure.
func testSet(t testing.TB) *Set {
	second := measured(t, "performance.output_throughput_per_gpu_tok_s=800")
	second.Sample, second.Exit.RC = 2, 1
	failed := ended("torch.OutOfMemoryError: CUDA out of memory.\n", &jobdir.ExitRecord{RC: 1}, nil)
	failed.Run.Address, failed.Run.Fingerprint = "max_throughput/use_case=long/concurrency=unlimited", strings.Repeat("cd", 32)
	failed.Run.Arguments = map[string]any{"tp": 8.0, "streaming": true, "sampler_options": "a,b"}
	failed.Files.Stderr = ptr("/store/stderr")
	return NewSet([]*Result{Judge(second), Judge(measured(t)), Judge(failed)})
}

func TestGolden(t *testing.T) {
	s := testSet(t)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"results.json":     func(b *bytes.Buffer) error { return s.WriteJSON(b) },
		"results.csv":      func(b *bytes.Buffer) error { return s.WriteCSV(b) },
		"results.benchfmt": func(b *bytes.Buffer) error { return s.WriteBenchfmt(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestJSONIsReadBack(t *testing.T) {
	s := testSet(t)
	var b bytes.Buffer
	if err := s.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := got.WriteJSON(&again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), again.String()); diff != "" {
		t.Error(diff)
	}
	if len(got.Runs[0].Summary.At(trtllm.OutputThroughputPerGPU).Warnings) == 0 {
		t.Error("the warning of too few samples is lost")
	}
	for _, bad := range []string{"", "[]", `{"format_version":"9"}`, `{"format_version":"1","results":[null]}`, `{"format_version":"1","results":[{"verdict":"good"}]}`} {
		if _, err := Read(strings.NewReader(bad)); err == nil {
			t.Errorf("Read(%q) is no error", bad)
		}
	}
}

// The documented keys, and no others, are in every result.
func TestJSONKeys(t *testing.T) {
	var b bytes.Buffer
	if err := testSet(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Runs, Results []map[string]json.RawMessage
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("address fingerprint sample attempt executor executor_settings cluster simulated engine shared_engine verdict reasons caveats " +
		"model hardware image use_case arguments llm_api_options env dataset metrics percentiles estimate job provenance telemetry energy requests facts iterations files")
	slices.Sort(want)
	for _, r := range doc.Results {
		var keys []string
		for k := range r {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Error(diff)
		}
		for part, keys := range map[string]string{
			"metrics": "request_throughput_req_s system_output_throughput_tok_s system_total_throughput_tok_s total_latency_ms avg_request_latency_ms " +
				"output_throughput_per_user_tok_s output_throughput_per_gpu_tok_s avg_ttft_ms avg_tpot_ms token_output_speed_tok_s",
			"percentiles": "request_latency_percentiles_ms ttft_percentiles tpot_percentiles gen_tps_percentiles",
			"job":         "id cluster nodes submitted started ended",
			"provenance": "image_path image_digest image_sha256 image_file checkpoint_sha256 trtllm_version gpu_name driver cuda nccl clocks power_cap_w " +
				"kernel slurm_version definitions_git llmbench_version script_sha256 placement side_by_side argv missing",
			"files": "stdout stderr report requests",
		} {
			var have map[string]json.RawMessage
			if err := json.Unmarshal(r[part], &have); err != nil {
				t.Fatal(err)
			}
			for _, k := range strings.Fields(keys) {
				if _, ok := have[k]; !ok {
					t.Errorf("%s.%s is absent", part, k)
				}
				delete(have, k)
			}
			if len(have) != 0 {
				t.Errorf("%s has more: %v", part, have)
			}
		}
	}
}

func TestCSVIsRectangular(t *testing.T) {
	var b bytes.Buffer
	if err := testSet(t).WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 4 {
		t.Errorf("%d lines, want 4", len(lines))
	}
	seen := map[string]bool{}
	for _, name := range lines[0] {
		if seen[name] {
			t.Errorf("column %s is there twice", name)
		}
		seen[name] = true
	}
}

// A string that a spreadsheet would compute is text; numbers stay numbers.
func TestCSVHoldsNoFormula(t *testing.T) {
	for in, want := range map[string]string{
		"=HYPERLINK(0)": "'=HYPERLINK(0)", "+a": "'+a", "-cmd": "'-cmd", "@SUM": "'@SUM", "\t=1": "'\t=1", "-12.5": "-12.5", "+1e3": "+1e3", "chat": "chat", "": "",
	} {
		if got := cellText(in); got != want {
			t.Errorf("%q is written as %q, want %q", in, got, want)
		}
	}
	set := testSet(t)
	set.Results[0].Address = "=1+1"
	var b bytes.Buffer
	if err := set.WriteCSV(&b); err != nil || !strings.Contains(b.String(), "\n'=1+1,") {
		t.Errorf("%v: %.200s", err, b.String())
	}
}

func TestBenchfmtIsRead(t *testing.T) {
	var b bytes.Buffer
	if err := testSet(t).WriteBenchfmt(&b); err != nil {
		t.Fatal(err)
	}
	in := benchfmt.NewReader(&b, "results")
	n := 0
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.Result:
			n++
			if v, ok := rec.Value("tok/s/gpu"); !ok || v < 700 {
				t.Errorf("tok/s/gpu is %v", v)
			}
			if string(rec.Name) != "Max_throughput/use_case=chat" || rec.GetConfig("gpu") != "GB200" {
				t.Errorf("%s on %s", rec.Name, rec.GetConfig("gpu"))
			}
		case *benchfmt.SyntaxError:
			t.Error(rec)
		}
	}
	if err := in.Err(); err != nil || n != 2 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestSummarise(t *testing.T) {
	if Summarise(nil) != nil {
		t.Error("a summary of nothing")
	}
	few := Summarise([]float64{3, 1, 2})
	if few.Median != 2 || few.Low != nil || few.High != nil || few.N != 3 || len(few.Warnings) != 1 {
		t.Errorf("%+v", few)
	}
	rapid.Check(t, func(t *rapid.T) {
		one := []float64{rapid.Float64Range(-1e6, 1e6).Draw(t, "one")}
		if diff := cmp.Diff(summarise(one), Summarise(one)); diff != "" {
			t.Errorf("a single value as all are summed up, and by itself:\n%s", diff)
		}
		values := rapid.SliceOfN(rapid.Float64Range(1, 1e6), 6, 40).Draw(t, "values")
		before := slices.Clone(values)
		s := Summarise(values)
		if !slices.Equal(before, values) {
			t.Fatal("the values were reordered")
		}
		if s.Low == nil || *s.Low > s.Median || s.Median > *s.High || *s.Low < slices.Min(values) || *s.High > slices.Max(values) || len(s.Warnings) != 0 {
			t.Fatalf("%+v of %v", s, values)
		}
	})
}

func TestRunSummary(t *testing.T) {
	s := testSet(t)
	if len(s.Runs) != 2 {
		t.Fatalf("%d runs", len(s.Runs))
	}
	chat, long := s.Runs[0], s.Runs[1]
	if chat.Verdict != Suspect || chat.Samples != 2 || chat.Summary.At(trtllm.OutputThroughputPerGPU).Median != (775.75+800)/2 {
		t.Errorf("%+v", chat)
	}
	if long.Verdict != Failed || long.Samples != 0 || long.Summary.At(trtllm.AvgTTFT) != nil || long.Results[0].Code() != "gpu_oom" {
		t.Errorf("%+v", long)
	}
}

func TestSimulatedIsKeptApart(t *testing.T) {
	in := measured(t, "simulated=true")
	in.Simulated = true
	defer func() {
		if recover() == nil {
			t.Error("real and simulated results went into one set")
		}
	}()
	NewSet([]*Result{Judge(measured(t)), Judge(in)})
}

// Samples of one engine are one value of its run; an engine that drifted is doubted in
// each of its results, and fresh and shared runs are not compared unasked.
func TestSharedEngines(t *testing.T) {
	sample := func(n int, engine string, tps, drift float64) *Result {
		in := measured(t, fmt.Sprintf("performance.output_throughput_per_gpu_tok_s=%g", tps))
		run := *in.Run
		run.Engine, in.Run, in.Sample = "shared", &run, n
		in.Engine = &SharedEngine{ID: engine, Position: n, Starts: 1, Calls: 1, DriftPct: &drift}
		return Judge(in)
	}
	list := []*Result{sample(1, "7.1", 700, 1), sample(2, "7.1", 800, 1), sample(3, "8.1", 900, 1)}
	set := NewSet(list)
	if sum := set.Runs[0].Summary.At(trtllm.OutputThroughputPerGPU); set.Runs[0].Samples != 3 || (*sum).N != 2 || (*sum).Median != 825 {
		t.Errorf("%d samples: %+v", set.Runs[0].Samples, *sum)
	}
	for drift, want := range map[float64]Verdict{5: Valid, -5.7: Suspect, 6: Suspect} {
		if r := sample(1, "7.1", 775.75, drift); r.Verdict != want || want == Suspect && r.Code() != failure.EngineDrift {
			t.Errorf("drift of %g %%: %s %s", drift, r.Verdict, r.Cause())
		}
	}
	for _, c := range []struct{ noise, drift float64 }{{0.01, 2.9}, {0.03, 8.5}, {0.001, 1.1}} { // just above the bounds
		e := &SharedEngine{Starts: 1, Calls: 1, DriftPct: &c.drift, Noise: c.noise}
		if got := e.reasons(); len(got) != 1 {
			t.Errorf("noise of %g, drift of %g %%: %v", c.noise, c.drift, got)
		}
		if *e.DriftPct -= 0.15; len(e.reasons()) != 0 {
			t.Errorf("noise of %g, drift of %g %%: %v", c.noise, *e.DriftPct, e.reasons())
		}
	}
	alone := sample(1, "7.1", 775.75, 0)
	alone.SharedEngine.Calls = 0
	if got := alone.SharedEngine.reasons(); len(got) != 1 || got[0].Code != failure.ArgumentMismatch {
		t.Errorf("a run that made no engine: %v", got)
	}
	how := Comparing{Metrics: []string{trtllm.OutputThroughputPerGPU}}
	fresh := NewSet([]*Result{Judge(measured(t))})
	if c := Compare(fresh, set, how); len(c.Refused) != 1 || !strings.Contains(c.Refused[0].Reason, "-across=engine") {
		t.Errorf("%+v", c.Refused)
	}
	how.Across = []string{"engine"}
	if c := Compare(fresh, set, how); len(c.Metrics) != 1 {
		t.Errorf("%+v", c.Refused)
	}
}
