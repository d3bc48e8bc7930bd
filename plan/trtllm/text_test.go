package trtllm

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// anyReport makes a report up whose numbers have no more places than the text
// report prints.
func anyReport(r *rand.Rand) *Report {
	number := func() *float64 { return new(math.Round(r.Float64()*1e9) / 1e4) }
	two := func() float64 { return math.Round(r.Float64()*1e5) / 1e2 }
	spread := func() *Percentiles {
		return &Percentiles{*number(), *number(), *number(), *number(), *number(), *number(), *number()}
	}
	coarse := func() *Percentiles { return &Percentiles{two(), two(), two(), two(), two(), two(), two()} }
	lengths := func() *Percentiles {
		p := spread()
		for _, key := range PercentileNames {
			*p.At(key) = math.Round(*p.At(key)*1e4/2) / 1e4
		}
		return p
	}
	word := func() *string {
		return [...]*string{nil, new("FP8"), new("a b: c"), new("/with space/x=y"), new("[x] y")}[r.IntN(5)]
	}
	rep := &Report{
		Engine: Engine{Model: "org/m", ModelPath: word(), Version: "1.0.0", Backend: backendPytorch, Dtype: word(), KVCacheDtype: word(), Quantization: word()},
		World: World{
			TP: 1 + r.IntN(8), PP: 1 + r.IntN(4), MaxBatchSize: r.IntN(9000), MaxNumTokens: r.IntN(90000), SchedulingPolicy: "GUARANTEED_NO_EVICT",
		},
		Request:     RequestInfo{NumRequests: 1 + r.IntN(1e6), AvgConcurrent: number(), AvgInputLength: *number(), AvgOutputLength: *number()},
		Metrics:     figures(*number(), *number(), *number(), *number(), *number(), *number(), *number()),
		Percentiles: spreads(spread()),
	}
	rep.World.WorldSize = rep.World.TP * rep.World.PP
	if r.IntN(2) == 0 {
		rep.World.EP = new(r.IntN(9))
		rep.World.KVCachePercentage = new(float64(r.IntN(10001)) / 10000)
		rep.World.IssueRate = new(float64(r.IntN(1e5)) * 1e12)
	}
	if r.IntN(2) == 0 {
		rep.Streaming = true
		for _, m := range Metrics {
			if m.Streaming {
				rep.Metrics.Set(m.Name, number())
			}
			if m.Streaming && m.Spread.Name != "" {
				rep.Percentiles.Set(m.Name, spread())
			}
		}
	}
	if r.IntN(3) == 0 {
		rep.Decoding = &Decoding{Mode: "MTP", Drafted: coarse(), Accepted: coarse(), AcceptanceRate: coarse(), AcceptanceLength: coarse()}
	}
	if r.IntN(3) == 0 {
		rep.Energy = &Energy{number(), number(), number()}
	}
	if r.IntN(3) == 0 {
		rep.Machine = &Machine{Name: "GPU 9", Memory: new(two())}
	}
	if r.IntN(3) == 0 {
		rep.Engine.Backend, rep.Engine.EngineDir, rep.Engine.MaxInputLength = backendTRT, new("/e"), new(5)
	}
	if r.IntN(2) == 0 {
		d := &DatasetInfo{ISL: lengths(), OSL: lengths(), SeqLen: lengths(), Requests: r.IntN(1e6), Path: "dataset.jsonl"}
		d.MaxISL, d.MaxOSL, d.MaxSeqLen = int(d.ISL.Maximum), int(d.OSL.Maximum), int(d.SeqLen.Maximum)
		d.AvgISL, d.AvgOSL, d.AvgSeqLen = d.ISL.Average, d.OSL.Average, d.SeqLen.Average
		rep.Dataset = d
	}
	if r.IntN(3) == 0 {
		rep.Simulated, rep.SimulatedBy = true, "llmbench dev"
	}
	return rep
}

func textOf(t testing.TB, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b, "01/02/2026-03:04:05"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTextRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		want := anyReport(rand.New(rand.NewPCG(seed, 1)))
		text := textOf(t, want)
		l := readLog(t, text)
		if diff := cmp.Diff(want, l.Report); diff != "" {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, l.Lacks, diff, text)
		}
		var b bytes.Buffer
		if err := want.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		got, err := ReadReport(&b)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d, as JSON:\n%s", seed, diff)
		}
	}
}

func TestWriteText(t *testing.T) {
	for _, name := range []string{"1.0.json", "1.2-streaming.json", "simulated.json"} {
		path := filepath.Join(testdataDir, "reports", name)
		r, err := ReadReport(bytes.NewReader(content(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		text := string(textOf(t, r))
		golden(t, strings.TrimSuffix(path, ".json")+".text", text)
		if headings, marked := strings.Count(text, "\n= "), strings.Count(text, simulatedMark+"\n"); r.Simulated && headings != marked || !r.Simulated && marked != 0 {
			t.Errorf("%s: %d of %d headings are marked", name, marked, headings)
		}
	}
}

// Every report is read as printed, and goldens hold all that was read.
func TestReadTextReports(t *testing.T) {
	for _, path := range files(t, "reports", ".txt") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b := content(t, path)
			l := readLog(t, b)
			if l.Report == nil {
				t.Errorf("not whole: it lacks %v", l.Lacks)
			}
			golden(t, path, logText(t, l))
			slow, err := ReadLog(oneByte(b, nil))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(l, slow, nan); diff != "" {
				t.Errorf("read a byte at a time:\n%s", diff)
			}
		})
	}
}

// A log that was cut anywhere, at its end or at its beginning, has no report or
// all its figures.
func TestCutReportIsNeverAResult(t *testing.T) {
	for _, path := range files(t, "reports", ".txt") {
		b := content(t, path)
		want := readLog(t, b).Report
		if want == nil {
			t.Fatalf("%s is not whole", path)
		}
		check := func(part []byte, what string, n int) {
			got := readLog(t, part).Report
			if got == nil {
				return
			}
			metrics := slices.Clone(want.Metrics)
			if got.World.TP == 0 && (strings.Contains(path, "0.16") || strings.Contains(path, "0.17")) {
				metrics.Set("output_throughput_per_gpu_tok_s", nil) // it follows from what was cut
			}
			if diff := cmp.Diff(metrics, got.Metrics); diff != "" {
				t.Fatalf("%s, %s %d bytes:\n%s", path, what, n, diff)
			}
			if diff := cmp.Diff(want.Percentiles, got.Percentiles); diff != "" {
				t.Fatalf("%s, %s %d bytes:\n%s", path, what, n, diff)
			}
		}
		from, to := bytes.Index(b, []byte("PERFORMANCE OVERVIEW")), bytes.Index(b, []byte("= DATASET"))
		dense := strings.Contains(path, "0.21") // every byte of the figures of one
		for n := 0; n < len(b); n++ {
			if n%41 != 0 && !(dense && from < n && n < to) {
				continue
			}
			check(b[:n], "first", n)
			check(b[n:], "without the first", n)
			if n%5 == 0 { // srun -l ends lines that were cut
				check(append(b[:n:n], "\nsrun: error: gpu-01: task 0: Killed\n"...), "ended after", n)
			}
		}
	}
}

// Lines of other ranks between those of a report change nothing.
func TestReportAmongOtherLines(t *testing.T) {
	noise := []string{
		"3: [TensorRT-LLM][WARNING] something: 4.5000", "UserWarning: deprecated", "2: ", "Benchmarking: 100%|####| 4/4 [00:01<00:00, 3.9it/s]",
		"\x1b[33mrank3 run mgmn worker node\x1b[0m", "Total Latency:  12.5000", "1: [Latency] P42    : 12.5000",
	}
	for _, path := range files(t, "reports", ".txt") {
		b := content(t, path)
		want := readLog(t, b).Report
		var mixed []string
		for i, line := range strings.Split(string(b), "\n") {
			mixed = append(mixed, line, noise[i%len(noise)])
		}
		if diff := cmp.Diff(want, readLog(t, []byte(strings.Join(mixed, "\n"))).Report); diff != "" {
			t.Errorf("%s:\n%s", path, diff)
		}
	}
}
