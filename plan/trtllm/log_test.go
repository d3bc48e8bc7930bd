package trtllm

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadLogs(t *testing.T) {
	for _, path := range files(t, "logs", ".txt") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			l := readLog(t, content(t, path))
			if whole := strings.HasPrefix(filepath.Base(path), "whole") || strings.HasPrefix(filepath.Base(path), "two") || strings.Contains(path, "cut-in-dataset"); whole != (l.Report != nil) {
				t.Errorf("whole %v, lacks %v", l.Report != nil, l.Lacks)
			}
			golden(t, path, logText(t, l))
		})
	}
}

// The data set is printed before the model is loaded: no sign of success.
func TestEarlyDatasetIsNoReport(t *testing.T) {
	l := readLog(t, content(t, filepath.Join(testdataDir, "logs", "early-dataset-only.txt")))
	if l.Report != nil || l.Partial != nil {
		t.Errorf("report %+v, partial %+v", l.Report, l.Partial)
	}
}

func TestWriteDatasetAlone(t *testing.T) {
	whole := readLog(t, content(t, filepath.Join(testdataDir, "reports", "1.1-long-lengths.txt"))).Report
	for _, simulated := range []bool{false, true} {
		var b bytes.Buffer
		if err := whole.Dataset.WriteText(&b, "01/02/2026-03:04:05", simulated); err != nil {
			t.Fatal(err)
		}
		l := readLog(t, b.Bytes())
		if l.Report != nil || l.Partial != nil || l.Simulated != simulated {
			t.Errorf("%+v\n%s", l, b.Bytes())
		}
		if !strings.Contains(b.String(), "\nMAX:   1.31e+05           500.0000           1.32e+05\n") {
			t.Errorf("%s", b.Bytes())
		}
	}
}

// Other ranks' text is no end of a run, and neither is a second beginning.
func TestPhaseGoesBackForANewRunOnly(t *testing.T) {
	const prefix = "\n[01/02/2026-03:04:05] [TRT-LLM] [I] "
	log := prefix + "Preparing to run throughput benchmark..." + prefix + "Running warmup." + prefix + "[Autotuner]: late"
	if l := readLog(t, []byte(log)); l.Phase != PhaseWarmup || l.Stage != "Running warmup" {
		t.Errorf("%v, %s", l.Phase, l.Stage)
	}
	if l := readLog(t, []byte(log+prefix+"Preparing to run throughput benchmark...")); l.Phase != PhasePreparing {
		t.Errorf("%v, %s", l.Phase, l.Stage)
	}
}

func TestReadLogPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken disk")
	if _, err := ReadLog(oneByte([]byte("= PERFORMANCE OVERVIEW\n"), broken)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// repeat reads text n times over.
type repeat struct {
	text string
	n    int
	rest string
	// look is called each time that so many have been read, where every is set.
	every int
	look  func()
}

func (r *repeat) Read(b []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.rest = r.text
		r.n--
		if r.every > 0 && r.n%r.every == 0 {
			r.look()
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Memory is bounded for a log without line ends and for one of millions of
// lines: what is alive is looked at on the way.
func TestReadLogMemory(t *testing.T) {
	const most = 4 << 20
	alive := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for name, text := range map[string]string{
		"one line": strings.Repeat("x", 4096), "one bar": strings.Repeat("█%|", 1024), "carriage returns": strings.Repeat("Benchmarking:  25%|##  | 1/4 [00:51<02:35, 51.86s/it]\r", 50),
		"other lines": strings.Repeat("[TensorRT-LLM][INFO] nothing to see\n", 100),
	} {
		before, peak := alive(), int64(0)
		if _, err := ReadLog(&repeat{text: text, n: 1500, every: 300, look: func() { peak = max(peak, alive()) }}); err != nil {
			t.Fatal(err)
		}
		if got := peak - before; got > most || peak == 0 {
			t.Errorf("%s: %d bytes were alive", name, got)
		}
	}
}

func TestCutRankAndColours(t *testing.T) {
	for in, want := range map[string]string{
		"3: text":                      "text",
		"12:":                          "",
		" 7:   indented":               "  indented",
		"\x1b[33m0: yellow\x1b[0m  ":   "yellow",
		"0: \x1b[1;31mred\x1b[m":       "red",
		"\x1b]0;title\x07text":         "text",
		"12:34:56 a time":              "12:34:56 a time",
		"1234567: too long for a rank": "1234567: too long for a rank",
		"text\x1b":                     "text",
		"bench-1  | text":              "text",
		"trt_bench_1 | a | b":          "a | b",
		"| a | b":                      "| a | b",
		"2026-03-02T08:10:02.123456789Z stdout F text": "text",
		"2026-03-02T08:10:02.1+01:00 stderr P 3: text": "text",
		"[1,5]<stderr>:  indented":                     "  indented",
		"[prterun-gb01-77@1,5]<stdout>: text":          "text",
		"[gb01:551] not a tag":                         "[gb01:551] not a tag",
		"a\x1b[":                                       "a",
	} {
		if got := string((&lineReader{buf: []byte(in)}).clean()); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCutLogger(t *testing.T) {
	for in, want := range map[string]string{
		"[01/02/2026-03:04:05] [TRT-LLM] [I] text":                  "I text",
		"[01/02/2026-03:04:05] [TRT-LLM] [RANK 3] [W] text":         "W text",
		"[01/02/2026-03:04:05] [TRT-LLM] [E] [_torch][RANK 0] text": "E text",
		"[01/02/2026-03:04:05] [TRT-LLM] [I] [Autotuner]: starts":   "I [Autotuner]: starts",
		"[TensorRT-LLM][ERROR] text":                                "E text",
		"[TensorRT-LLM] TensorRT-LLM version: 1.0":                  "\x00 [TensorRT-LLM] TensorRT-LLM version: 1.0",
		"he said [TRT-LLM] [I] text":                                "\x00 he said [TRT-LLM] [I] text",
		"[01/02/2026-03:04:05] [TRT-LLM] [I]":                       "I ",
	} {
		level, text := cutLogger([]byte(in))
		if got := string(level) + " " + string(text); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// progress reads the bar that counts requests from a line:
// `Benchmarking:  25%|██▌  | 1/4 [00:51<02:35, 51.86s/it]`. What is glued to the
// bar is ignored, and so are other bars.
func progress(line []byte) (done, total int, ok bool) {
	for {
		_, after, n, of, found := cutBar(line)
		if !found {
			return done, total, ok
		}
		if of > 0 {
			done, total, ok = n, of, true
		}
		line = after
	}
}

func TestProgress(t *testing.T) {
	for in, want := range map[string][2]int{
		"Benchmarking:  25%|██▌       | 1/4 [00:51<02:35, 51.86s/it]":                                    {1, 4},
		"Benchmarking: 100%|##########| 4/4 [00:51<00:00, 51.86s/it]Traceback (most recent call last)":   {4, 4},
		"[I] Starting benchmark...Benchmarking:   0%|          | 0/16384 [00:00<?, ?it/s]":               {0, 16384},
		"Benchmarking:  1%|  | 1/99 [00:01<00:01, 1it/s]Benchmarking:  2%|  | 2/99 [00:01<00:01, 1it/s]": {2, 99},
		"Loading: 50%|# | 1/2 [00:00<00:00, 1it/s]":                                                      {-1},
		"Benchmarking:  25%|██▌       | 1/4 [00:51<02:35":                                                {-1},
		"Benchmarking:  25%|██▌       | 1":                                                               {-1},
		"Benchmarking:  25%|██▌       | 9/4 [00:51<02:35, 51.86s/it]":                                    {-1},
		"Benchmarking: done": {-1},
		"":                   {-1},
	} {
		done, total, ok := progress([]byte(in))
		if ok != (want[0] >= 0) || ok && (done != want[0] || total != want[1]) {
			t.Errorf("%q: %d of %d, %v", in, done, total, ok)
		}
	}
}

func TestParseMarker(t *testing.T) {
	for in, want := range map[string]Phase{
		"[01/02/2026-03:04:05] [TRT-LLM] [I] Preparing to run throughput benchmark...":   PhasePreparing,
		"[01/02/2026-03:04:05] [TRT-LLM] [I] [Autotuner]: Autotuning process starts ...": PhaseLoading,
		"[01/02/2026-03:04:05] [TRT-LLM] [RANK 0] [I] Running warmup.":                   PhaseWarmup,
		"[01/02/2026-03:04:05] [TRT-LLM] [I] Starting benchmark...":                      PhaseBenchmarking,
		"[01/02/2026-03:04:05] [TRT-LLM] [I] Writing report information to r.json.":      PhaseReporting,
		"[01/02/2026-03:04:05] [TRT-LLM] [I] User text: Starting benchmark":              PhaseNone,
		"Starting benchmark...": PhaseNone,
	} {
		text, phase, ok := ParseMarker([]byte(in))
		if phase != want || ok != (want != PhaseNone) || !strings.Contains(in, text) {
			t.Errorf("%q: %q %v", in, text, phase)
		}
	}
}

func FuzzReadLog(f *testing.F) {
	for _, folder := range []string{"reports", "logs", "failures"} {
		for _, path := range files(f, folder, ".txt") {
			f.Add(content(f, path))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := readLog(t, b)
		if l.Phase.String() == "" != (l.Phase == PhaseNone) || l.Done > l.Total {
			t.Fatalf("%+v", l)
		}
		if l.Report == nil || l.Report.Percentiles.At(AvgRequestLatency) == nil {
			return
		}
		if name, ok := l.Report.hollow(); ok {
			t.Fatalf("whole without %s", name)
		}
		// Rounding changes a report once, not twice.
		once := readLog(t, textOf(t, l.Report))
		if once.Report == nil {
			t.Fatalf("written and read again, it lacks %v", once.Lacks)
		}
		twice := readLog(t, textOf(t, once.Report))
		if diff := cmp.Diff(once.Report, twice.Report); diff != "" {
			t.Fatalf("written and read again:\n%s", diff)
		}
	})
}

func BenchmarkReadLog(b *testing.B) {
	log := content(b, filepath.Join(testdataDir, "logs", "whole.txt"))
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		if _, err := ReadLog(bytes.NewReader(log)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"token hf_abcdefghijklmnopqrst is wrong":        "token (secret) is wrong",
		"Authorization: Bearer eyJhbGciOi.J9.abc-_=":    "Authorization: (secret)",
		"NGC nvapi-ABCDEFGHIJKLMNOPQRST":                "NGC (secret)",
		"hf_hub_download failed, see hf_transfer":       "hf_hub_download failed, see hf_transfer",
		"Per GPU Output Throughput (tps/gpu): 875.0012": "Per GPU Output Throughput (tps/gpu): 875.0012",
	} {
		if got := string(Redact([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	for _, start := range []string{"hf_", "nvapi-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "sk-", "Bearer "} {
		if got := string(Redact([]byte("a " + start + "ABCDEFGHIJKLMNOPQRSTUVWX b"))); got != "a (secret) b" {
			t.Errorf("%s: %q", start, got)
		}
	}
}
