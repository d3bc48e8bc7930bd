package trtllm

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDatasetIsTheSameWhateverTheProcessors(t *testing.T) {
	s := Shape{ISL: 300, OSL: 20, ISLStdev: 40, OSLStdev: 5, Seed: 420, Rows: 3000, Vocab: 5000, EOS: 7}
	var first Dataset
	for i, procs := range []int{1, 2, 4} {
		before := runtime.GOMAXPROCS(procs)
		var b bytes.Buffer
		d, err := s.Write(&b, nil)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = d
			checkRows(t, s, b.Bytes())
		} else if d.SHA256 != first.SHA256 {
			t.Errorf("%d processors: sha256 %s, want %s", procs, d.SHA256, first.SHA256)
		}
	}
}

func checkRows(t *testing.T, s Shape, b []byte) {
	t.Helper()
	d, err := ReadDataset(bytes.NewReader(b), 0)
	if err != nil {
		t.Fatal(err)
	}
	if d.Rows != s.Rows || d.Bytes != int64(len(b)) {
		t.Fatalf("read %d rows, %d bytes; want %d, %d", d.Rows, d.Bytes, s.Rows, len(b))
	}
	for i, l := range d.Lengths {
		isl, osl := s.Lengths(i)
		if l.ISL != isl || l.OSL != osl {
			t.Fatalf("row %d has lengths %v, want %d %d", i, l, isl, osl)
		}
	}
}

func TestDatasetGolden(t *testing.T) {
	var b strings.Builder
	if _, err := (Shape{ISL: 4, OSL: 2, Seed: 420, Rows: 2, Vocab: 100, EOS: 3}).Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	want := `{"task_id":0,"input_ids":[25,90,33,23],"output_tokens":2}
{"task_id":1,"input_ids":[38,1,71,53],"output_tokens":2}
`
	if b.String() != want {
		t.Errorf("the generator changed: a new one needs a new name\n%s", cmp.Diff(want, b.String()))
	}
}

func TestInvocationRoundTrip(t *testing.T) {
	inv := Invocation{
		Model: "a/b", ModelPath: "/w", Dataset: "d.jsonl", Report: "r.json", Options: "c.yml",
		Args: Arguments{"tp": int64(8), "streaming": true, "concurrency": int64(-1), "kv_cache_free_gpu_mem_fraction": 0.9, "backend": "pytorch"},
	}
	got, err := ParseArgv(inv.Argv())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inv, *got); diff != "" {
		t.Error(diff)
	}
}

func TestParseArgvRefuses(t *testing.T) {
	for _, c := range []struct{ argv, want string }{
		{"-m a --tp 8 throughput", "No such option: --tp"},
		{"-m a throughput --tpx 8", "No such option: --tpx"},
		{"-m a throughput --tp x", "not a valid integer"},
		{"throughput --tp 8", "Missing option '--model'"},
		{"-m a throughput --scheduler_policy best", "is not one of"},
		{"-m a throughput --tp 8", "--dataset is missing"},
		{"-m a throughput --dataset d --kv_cache_free_gpu_mem_fraction 1.5", "validation error"},
	} {
		_, err := ParseArgv(strings.Fields(c.argv))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.argv, err, c.want)
		}
	}
}

func TestIterationFormats(t *testing.T) {
	for _, line := range []string{
		"[01/02/2026-03:04:05] [TRT-LLM] [I] iter = 12, global_rank = 1, rank = 1, currank_total_requests = 3/9, elapsed_time = 0.25s, timestamp = 2026-01-02 03:04:05, states = {'num_ctx_requests': 2, 'num_ctx_tokens': 256, 'num_generation_tokens': 7}",
		"[01/02/2026-03:04:05] [TRT-LLM] [I] iter = 12, global_rank = 1, rank = 1, currank_total_requests = 3/9, elapsed_time = 0.25s, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 5, states = {'num_ctx_requests': 2, 'num_ctx_tokens': 256, 'num_generation_tokens': 7}",
		"[01/02/2026-03:04:05] [TRT-LLM] [RANK 1] [I] iter = 12, global_rank = 1, rank = 1, currank_total_requests = 3/9, host_step_time = 4.5ms, prev_device_step_time = N/A, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 5, states = {'num_ctx_requests': 2, 'num_ctx_tokens': 256, 'num_generation_tokens': 7}",
		"[01/02/2026-03:04:05] [TRT-LLM] [I] [_torch][RANK 1] iter = 12, global_rank = 1, rank = 1, num_scheduled_requests = 5, kv_cache_util = 0.125, currank_total_requests = 3/9, host_step_time = 4.5ms, prev_device_step_time = 4.1ms, timestamp = 2026-01-02 03:04:05, states={'num_ctx_requests': 2, 'num_ctx_tokens': 256, 'num_generation_tokens': 7,'cached_kv_tokens':0}, num_active = 3",
	} {
		it, ok := ParseIteration([]byte(line))
		if !ok || it.Iter != 12 || it.Rank != 1 || it.CtxRequests != 2 || it.CtxTokens != 256 || it.GenTokens != 7 || it.ActiveRequests != 3 || it.Timestamp != "2026-01-02 03:04:05" {
			t.Errorf("%s\n%+v %v", line, it, ok)
		}
	}
}

func samples(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "reference", "samples")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the reference samples are not beside this checkout")
	}
	return dir
}

func TestSampleFailures(t *testing.T) {
	dir := samples(t)
	for name, class := range map[string]string{
		"12-fail-oom-weight-load-multirank.txt":       "gpu_oom",
		"14-fail-nccl-mpirun-tail.txt":                "nccl",
		"17-fail-slurm-time-limit.txt":                "time_limit",
		"18-fail-slurm-host-oom.txt":                  "host_oom",
		"19-fail-pyxis-import.txt":                    "container",
		"22-fail-cli-unknown-option-0.18.1.txt":       "cli",
		"24-fail-kv-cache-too-small-2023-trt.txt":     "kv_too_small",
		"25-fail-mid-benchmark-progress-bar.txt":      "request_failed",
		"28-fail-sbatch-rejected.txt":                 "submit_rejected",
		"09-log-startup-0.20-8b-h100.txt":             "",
		"30-log-healthy-multirank-start-1.2.0rc2.txt": "",
		"02-report-0.21.0rc0-streaming-full.txt":      "",
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		f, ok := Classify(bytes.NewReader(b))
		if ok != (class != "") || f.Class != class {
			t.Errorf("%s: class %q (%s), want %q", name, f.Class, f.Line, class)
		}
	}
}

func TestSampleReports(t *testing.T) {
	dir := samples(t)
	for name, want := range map[string]struct {
		whole      bool
		throughput float64
		ttft       float64
	}{
		"01-report-1.1.0rc2-nonstreaming-tp1.txt":   {true, 1216.0159, 0},
		"02-report-0.21.0rc0-streaming-full.txt":    {true, 11076.7700, 162.6706},
		"04-report-0.18-0.19-labels-multimodal.txt": {true, 185.8351, 0},
		"05-report-0.19-streaming-labels.txt":       {true, 5530.7382, 52667.0339},
		"07-report-1.2-overview-tp8-streaming.txt":  {false, 8618.2158, 19537.7776},
		"10-log-dataset-details-early-0.20.txt":     {false, 0, 0},
		"09-log-startup-0.20-8b-h100.txt":           {false, 0, 0},
	} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		l, err := ReadLog(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		rep := l.Report
		if (rep != nil) != want.whole {
			t.Errorf("%s: whole %v, want %v", name, rep != nil, want.whole)
		}
		if rep == nil {
			rep = l.Partial
		}
		if want.throughput == 0 {
			if rep != nil {
				t.Errorf("%s: a report was found", name)
			}
			continue
		}
		if rep == nil || zeroOr(rep.Performance.OutputThroughput) != want.throughput {
			t.Errorf("%s: throughput is not %v: %+v", name, want.throughput, rep)
		} else if want.ttft != 0 && zeroOr(rep.Streaming.AvgTTFT) != want.ttft {
			t.Errorf("%s: ttft is not %v", name, want.ttft)
		}
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add([]byte("===\n= PERFORMANCE OVERVIEW\n===\nRequest Throughput (req/sec): 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ReadLog(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if l.Report != nil && l.Report.Performance.RequestThroughput == nil {
			t.Fatal("a report without figures is whole")
		}
	})
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(`{"world_info":{"tp_size":1,"pp_size":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ReadReport(bytes.NewReader(b)); err == nil && r.Performance.OutputThroughput == nil {
			t.Fatal("a report without figures is whole")
		}
	})
}

func FuzzParseIteration(f *testing.F) {
	f.Add([]byte("iter = 1, states = {'num_ctx_requests': 2}"))
	f.Fuzz(func(_ *testing.T, b []byte) { ParseIteration(b) })
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte("0: NCCL error\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := Classify(bytes.NewReader(b)); ok && len(r.Line) > maxFailureLine*2 {
			t.Fatal("the line is too long")
		}
	})
}

func FuzzParseArgv(f *testing.F) {
	f.Add("-m a throughput --tp=8 --dataset d")
	f.Fuzz(func(_ *testing.T, s string) { _, _ = ParseArgv(strings.Fields(s)) })
}

func BenchmarkDataset(b *testing.B) {
	s := Shape{ISL: 8000, OSL: 512, Seed: 420, Rows: 4000, Vocab: 202048, EOS: 200001}
	for b.Loop() {
		if _, err := s.Write(io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}
