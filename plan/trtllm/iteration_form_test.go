package trtllm

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// formats are iteration lines of several versions and loggers.
var formats = []string{
	"[01/02/2026-03:04:05] [TRT-LLM] [I] iter = 7, global_rank = 0, rank = 0, currank_total_requests = 3/40, elapsed_time = 0.025s, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 9, states = {'num_ctx_requests': 1, 'num_ctx_tokens': 1024, 'num_generation_tokens': 8}",
	"3: [01/02/2026-03:04:05] [TRT-LLM] [RANK 3] [I] iter = 12, global_rank = 3, rank = 3, currank_total_requests = 0/0, host_step_time = 20.12345678901234ms, prev_device_step_time = N/A, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 512, states = {'num_ctx_requests': 0, 'num_ctx_tokens': 0, 'num_generation_tokens': 512}",
	"iter = 1, rank = 5, kv_cache_util = 0.125, other = 8, cached_kv_tokens = 77, num_active = 3, num_dummy = 0, num_unscheduled = 1, states = {'num_ctx_requests': 2, 'num_ctx_tokens': 2, 'num_generation_tokens': 2}",
}

// What a form reads is what ParseIteration reads, whatever the line.
func TestFormReadsAsParseIteration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := []byte(rapid.SampledFrom(formats).Draw(t, "line"))
		var f iterationForm
		f.learn(line)
		for range rapid.IntRange(1, 5).Draw(t, "lines") {
			changed := bytes.Clone(line)
			for range rapid.IntRange(0, 6).Draw(t, "changes") {
				at := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
				piece := rapid.SampledFrom([]string{"0", "1", "9", "00000000", "", "N", " ", ".", ",", "}", "1234567890123456", "-", "\x1b[m"}).Draw(t, "piece")
				if isDigit(changed[at]) || rapid.IntRange(0, 9).Draw(t, "anywhere") == 0 {
					changed = bytes.Join([][]byte{changed[:at], []byte(piece), changed[at+1:]}, nil)
				}
			}
			var got Iteration
			if !f.read(changed, &got) {
				continue
			}
			want, ok := ParseIteration((&lineReader{buf: bytes.Clone(changed)}).clean())
			if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); !ok || d != "" {
				t.Fatalf("%s\nread by the form of\n%s\nand parsed (%v):\n%s", changed, line, ok, d)
			}
		}
	})
}

func TestFormsReadTheNextLines(t *testing.T) {
	for _, line := range formats {
		var f iterationForm
		var it Iteration
		f.learn([]byte(line))
		next := strings.NewReplacer("iter = 7", "iter = 123456", "iter = 1", "iter = 19999", "04:05", "04:06", ": 1024", ": 8").Replace(line)
		if !f.read([]byte(line), &it) || !f.read([]byte(next), &it) {
			t.Errorf("not read: %s", next)
		}
	}
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
