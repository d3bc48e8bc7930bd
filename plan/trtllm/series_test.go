package trtllm

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// filling is a log of one request a step more, then many full steps, then one
// less a step, with steps of 20 ms.
func filling(full int) string {
	var b strings.Builder
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	line := func(i, n int) {
		fmt.Fprintf(&b, "[01/02/2026-03:04:05] [TRT-LLM] [I] iter = %d, global_rank = 0, rank = 0, currank_total_requests = 0/0, host_step_time = 20ms, prev_device_step_time = 19ms, timestamp = %s, num_scheduled_requests: %d, states = {'num_ctx_requests': 0, 'num_ctx_tokens': %d, 'num_generation_tokens': %d}\n",
			i, at.Add(time.Duration(i)*20*time.Millisecond).Format(time.DateTime), n, 10*n, n)
	}
	for i := range 100 {
		line(i, i)
	}
	for i := range full {
		line(100+i, 100)
	}
	for i := range 100 {
		line(100+full+i, 99-i)
	}
	return b.String()
}

func TestReadSeries(t *testing.T) {
	s, err := ReadSeries(strings.NewReader(filling(800)))
	if err != nil || s == nil {
		t.Fatalf("%+v, %v", s, err)
	}
	if s.Steps != 1000 || math.Abs(s.Seconds-20) > 0.05 || len(s.Buckets) > MostBuckets || len(s.Buckets) < MostBuckets/4 {
		t.Errorf("%d steps in %v s in %d buckets", s.Steps, s.Seconds, len(s.Buckets))
	}
	w := s.Steady
	if math.Abs(w.StartS-1.8) > 0.1 || math.Abs(w.EndS-18.2) > 0.1 {
		t.Errorf("steady from %v to %v s, want 1.8 to 18.2", w.StartS, w.EndS)
	}
	if w.Requests < 99 || w.Requests > 100 || math.Abs(w.CtxTokens-10*w.GenTokens) > 1e-6 || *w.StepMS != 20 || w.KVUsed != nil {
		t.Errorf("%+v", w)
	}
	for i, b := range s.Buckets[1:] {
		if b.StartS <= s.Buckets[i].StartS || b.Steps == 0 {
			t.Fatalf("bucket %d: %+v after %+v", i+1, b, s.Buckets[i])
		}
	}
}

// What is not of the measured steps of one rank is left out.
func TestReadSeriesLeavesOut(t *testing.T) {
	log := filling(5)
	noise := strings.ReplaceAll(log, "rank = 0", "rank = 1")
	want, err := ReadSeries(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadSeries(strings.NewReader(log + "[01/02/2026-03:04:05] [TRT-LLM] [I] Warmup done.\n" + log + noise + "Traceback\niter = 9, cut"))
	if err != nil || got.Steps != want.Steps || got.Seconds != want.Seconds {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if none, err := ReadSeries(strings.NewReader("no steps\n")); none != nil || err != nil {
		t.Errorf("%+v, %v", none, err)
	}
}

// 1.3 prints the use of the KV cache; 0.19 prints no count of the batch.
func TestReadSeriesOfVersions(t *testing.T) {
	s, err := ReadSeries(bytes.NewReader(content(t, testdataDir+"/logs/iterations-1.3.txt")))
	if err != nil || s.Steady.KVUsed == nil || *s.Steady.KVUsed < 0.2 || s.Buckets[0].KVUsed != nil {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = ReadSeries(strings.NewReader("iter = 12, rank = 0, elapsed_time = 0.25s, " + states))
	if err != nil || s.Steady.Requests != 9 || s.Seconds != 0.25 || *s.Steady.StepMS != 250 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Time that goes back, and steps of an odd length, break nothing.
func FuzzReadSeries(f *testing.F) {
	f.Add([]byte(filling(0)[:900])) // large seeds make fuzzing slow
	f.Add(content(f, testdataDir+"/logs/iterations-1.3.txt"))
	f.Add([]byte("iter = 1, elapsed_time = 1e300s, timestamp = 0001-01-01 00:00:00, " + states + "\niter = 2, elapsed_time = -5s, timestamp = 9999-01-01 00:00:00, " + states))
	f.Fuzz(func(t *testing.T, log []byte) {
		s, err := ReadSeries(bytes.NewReader(log))
		if err != nil {
			t.Fatal(err)
		}
		if s == nil {
			return
		}
		steps := 0
		for _, b := range s.Buckets {
			steps += b.Steps
		}
		if steps != s.Steps || len(s.Buckets) > MostBuckets || s.Steady.StartS > s.Steady.EndS || math.IsNaN(s.Seconds) {
			t.Fatalf("%+v", s)
		}
	})
}

// An endless log repeats a short one and is never in memory.
type endless struct {
	log  []byte
	left int64
	at   int
}

func (r *endless) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.log[r.at:])
	r.at, r.left = (r.at+n)%len(r.log), r.left-int64(n)
	return n, nil
}

func BenchmarkReadSeries(b *testing.B) {
	const size = 64 << 20
	log := []byte(filling(10_000))
	for name, read := range map[string]func(io.Reader) error{
		"llmbench": func(r io.Reader) error { _, err := ReadSeries(r); return err },
		"line-ends": func(r io.Reader) error {
			lines := bufio.NewScanner(r)
			for lines.Scan() {
			}
			return lines.Err()
		},
	} {
		b.Run("of="+name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if err := read(&endless{log: log, left: size}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// formats are iteration lines of several versions and loggers.
var formats = []string{
	"[01/02/2026-03:04:05] [TRT-LLM] [I] iter = 7, global_rank = 0, rank = 0, currank_total_requests = 3/40, elapsed_time = 0.025s, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 9, states = {'num_ctx_requests': 1, 'num_ctx_tokens': 1024, 'num_generation_tokens': 8}",
	"3: [01/02/2026-03:04:05] [TRT-LLM] [RANK 3] [I] iter = 12, global_rank = 3, rank = 3, currank_total_requests = 0/0, host_step_time = 20.12345678901234ms, prev_device_step_time = N/A, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 512, states = {'num_ctx_requests': 0, 'num_ctx_tokens': 0, 'num_generation_tokens': 512}",
	"iter = 1, rank = 5, kv_cache_util = 0.125, other = 8, cached_kv_tokens = 77, num_active = 3, num_dummy = 0, num_unscheduled = 1, states = {'num_ctx_requests': 2, 'num_ctx_tokens': 2, 'num_generation_tokens': 2}",
}

// The series of a log does not depend on how it is read, nor on what stands
// between its lines.
func TestSeriesIsTheSameInAnyPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var log strings.Builder
		for i := range rapid.IntRange(1, 60).Draw(t, "lines") {
			line := rapid.SampledFrom(formats).Draw(t, "format")
			line = strings.Replace(line, "04:05,", fmt.Sprintf("04:%02d,", i), 1)
			log.WriteString(line + rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n", " \n", "\nnoise\n"}).Draw(t, "end"))
		}
		whole, err := ReadSeries(strings.NewReader(log.String()))
		if err != nil {
			t.Fatal(err)
		}
		bytewise, err := ReadSeries(iotest.OneByteReader(strings.NewReader(log.String())))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(whole, bytewise); d != "" {
			t.Fatalf("read byte by byte:\n%s", d)
		}
	})
}
