package trtllm

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const states = "states = {'num_ctx_requests': 2, 'num_ctx_tokens': 256, 'num_generation_tokens': 7}"

func iteration(change func(*Iteration)) Iteration {
	it := Iteration{
		Iter: 12, Rank: 1, ScheduledRequests: -1, CtxRequests: 2, CtxTokens: 256, GenTokens: 7,
		ElapsedS: math.NaN(), HostStepMS: math.NaN(), DeviceStepMS: math.NaN(), KVUtil: math.NaN(), Timestamp: "2026-01-02 03:04:05",
	}
	change(&it)
	return it
}

func TestParseIteration(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		want Iteration
	}{
		"0.19": {
			"[01/02/2026-03:04:05] [TRT-LLM] [I] iter = 12, global_rank = 1, rank = 0, currank_total_requests = 3/9, elapsed_time = 0.25s, timestamp = 2026-01-02 03:04:05, " + states,
			iteration(func(it *Iteration) { it.ElapsedS = .25 }),
		},
		"1.0": {
			"iter = 12, global_rank = 1, rank = 1, currank_total_requests = 3/9, elapsed_time = 1.5e-05s, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 5, " + states,
			iteration(func(it *Iteration) { it.ElapsedS, it.ScheduledRequests = 1.5e-05, 5 }),
		},
		"1.1": {
			"[01/02/2026-03:04:05] [TRT-LLM] [RANK 1] [I] iter = 12, global_rank = 1, rank = 1, currank_total_requests = 3/9, host_step_time = 4.5ms, prev_device_step_time = N/A, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 5, " + states,
			iteration(func(it *Iteration) { it.HostStepMS, it.ScheduledRequests = 4.5, 5 }),
		},
		"1.1 with the unit behind N/A": {
			"iter = 12, global_rank = 1, rank = 1, currank_total_requests = 3/9, host_step_time = N/Ams, prev_device_step_time = 4.25ms, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 5, " + states,
			iteration(func(it *Iteration) { it.DeviceStepMS, it.ScheduledRequests = 4.25, 5 }),
		},
		"1.3": {
			"[01/02/2026-03:04:05] [TRT-LLM] [I] [_torch][RANK 1] iter = 12, global_rank = 1, rank = 1, num_scheduled_requests = 5, kv_cache_util = 0.125, currank_total_requests = 3/9, host_step_time = 4.5ms, prev_device_step_time = 4.1ms, timestamp = 2026-01-02 03:04:05, cached_kv_len = [4, 5], states={'num_ctx_requests': 2,'num_ctx_tokens':256,'num_generation_tokens':7,'cached_kv_tokens':96}, num_active = 3, num_fetched = 1, num_dummy = 2, num_unscheduled = 4",
			iteration(func(it *Iteration) {
				it.ScheduledRequests, it.KVUtil, it.HostStepMS, it.DeviceStepMS = 5, .125, 4.5, 4.1
			}),
		},
		"without most": {
			"x iter = 12, rank = 1, " + states,
			iteration(func(it *Iteration) { it.Timestamp = "" }),
		},
		"after a word that ends like the key": {
			"max_iter = 4, iter = 12, rank = 1, timestamp = 2026-01-02 03:04:05, currank_total_requests = 3/9, " + states,
			iteration(func(*Iteration) {}),
		},
	} {
		got, ok := ParseIteration([]byte(c.line))
		if diff := cmp.Diff(c.want, got, nan); !ok || diff != "" {
			t.Errorf("%s: %v\n%s", name, ok, diff)
		}
	}
}

func TestParseIterationRefuses(t *testing.T) {
	whole := "iter = 12, global_rank = 1, rank = 1, currank_total_requests = 3/9, host_step_time = 4.5ms, prev_device_step_time = N/A, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: 5, " + states
	for n := range len(whole) {
		if it, ok := ParseIteration([]byte(whole[:n])); ok {
			t.Errorf("%q: %+v", whole[:n], it)
		}
	}
	for _, line := range []string{
		"", "max_iter = 5", "iter = ", "iter = x, " + states, "iter = 99999999999999999999, " + states, "iter = 1, iter = 2, " + states,
		"iter = 1, host_step_time = fastms, " + states, "iter = 1, num_scheduled_requests: -4, " + states,
	} {
		if it, ok := ParseIteration([]byte(line)); ok {
			t.Errorf("%q: %+v", line, it)
		}
	}
}

// iterations is a log of steps.
func iterations(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[01/02/2026-03:04:05] [TRT-LLM] [I] iter = %d, global_rank = 0, rank = 0, currank_total_requests = %d/%d, host_step_time = %d.%dms, prev_device_step_time = %d.5ms, timestamp = 2026-01-02 03:04:05, num_scheduled_requests: %d, states = {'num_ctx_requests': %d, 'num_ctx_tokens': %d, 'num_generation_tokens': %d}\n",
			i, i%9, i%80, i%20, i%97, i%15, i%512, i%3, i%3*1024, i%512)
	}
	return []byte(b.String())
}

func TestParseIterationAllocatesOnlyTheTimestamp(t *testing.T) {
	line := iterations(1)
	line = line[:len(line)-1]
	if n := testing.AllocsPerRun(100, func() { ParseIteration(line) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParseIteration(b *testing.B) {
	log := iterations(10_000)
	lines := strings.SplitAfter(string(log), "\n")
	lines = lines[:len(lines)-1]
	split := make([][]byte, len(lines))
	for i, l := range lines {
		split[i] = []byte(l[:len(l)-1])
	}
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		for _, l := range split {
			if _, ok := ParseIteration(l); !ok {
				b.Fatalf("%s", l)
			}
		}
	}
}

func FuzzParseIteration(f *testing.F) {
	for _, name := range []string{"whole.txt", "iterations-1.3.txt"} {
		for _, line := range strings.Split(string(content(f, testdataDir+"/logs/"+name)), "\n") {
			if strings.Contains(line, "iter = ") {
				f.Add([]byte(line))
			}
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		it, ok := ParseIteration(line)
		if !ok {
			if !cmp.Equal(it, Iteration{}) {
				t.Fatalf("refused, and yet %+v", it)
			}
			return
		}
		if it.Iter < 0 || it.CtxRequests < 0 || it.CtxTokens < 0 || it.GenTokens < 0 || it.ScheduledRequests < -1 {
			t.Fatalf("%+v", it)
		}
		again, ok := ParseIteration(append([]byte("0: [x] "), line...))
		if diff := cmp.Diff(it, again, nan); !ok || diff != "" {
			t.Fatalf("behind a prefix: %v\n%s", ok, diff)
		}
	})
}
