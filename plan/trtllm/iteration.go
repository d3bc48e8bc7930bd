package trtllm

import (
	"bytes"
	"math"
	"strconv"
)

// An Iteration is one line of print_iter_log. Times are NaN where the line has
// none or says N/A; KVUtil is a fraction or NaN. GenTokens includes the padding
// of CUDA graphs.
type Iteration struct {
	Iter                        int64
	Rank                        int
	ScheduledRequests           int
	CtxRequests, CtxTokens      int
	GenTokens                   int
	HostStepMS, DeviceStepMS    float64
	ElapsedS                    float64
	ActiveRequests, ActiveLimit int
	KVUtil                      float64
	Timestamp                   string // YYYY-MM-DD HH:MM:SS, "" where the line has none
}

// ParseIteration reads an iteration line of any version from 0.17 to 1.3; ok is
// false for other lines. Keys are looked up, not counted: their order and the
// sign between key and value changed between versions.
func ParseIteration(line []byte) (it Iteration, ok bool) {
	at := bytes.Index(line, []byte("iter = "))
	states := bytes.Index(line, []byte("states"))
	if at < 0 || states < at {
		return it, false
	}
	body := line[at:]
	it.Iter = int64(numberOf(body, "iter"))
	it.Rank = int(orZero(numberOf(body, "global_rank")))
	it.HostStepMS = numberOf(body, "host_step_time")
	it.DeviceStepMS = numberOf(body, "prev_device_step_time")
	it.ElapsedS = numberOf(body, "elapsed_time")
	it.KVUtil = numberOf(body, "kv_cache_util")
	it.ScheduledRequests = int(orZero(numberOf(body, "num_scheduled_requests")))
	it.CtxRequests = int(orZero(numberOf(body, "'num_ctx_requests'")))
	it.CtxTokens = int(orZero(numberOf(body, "'num_ctx_tokens'")))
	it.GenTokens = int(orZero(numberOf(body, "'num_generation_tokens'")))
	if v := valueOf(body, "currank_total_requests"); v != nil {
		a, b, _ := bytes.Cut(v, []byte("/"))
		it.ActiveRequests, it.ActiveLimit = int(orZero(leading(a))), int(orZero(leading(b)))
	}
	if v := valueOf(body, "timestamp"); len(v) >= 19 {
		it.Timestamp = string(v[:19])
	}
	return it, !math.IsNaN(numberOf(body, "iter"))
}

// valueOf is what follows `key = `, `key: ` or `key=`, up to the end of the
// line.
func valueOf(line []byte, key string) []byte {
	from := 0
	for {
		i := bytes.Index(line[from:], []byte(key))
		if i < 0 {
			return nil
		}
		i += from
		end := i + len(key)
		whole := i == 0 || line[i-1] == ' ' || line[i-1] == '{' || line[i-1] == ','
		rest := bytes.TrimLeft(line[end:], " ")
		if whole && len(rest) > 0 && (rest[0] == '=' || rest[0] == ':') {
			return bytes.TrimLeft(rest[1:], " ")
		}
		from = end
	}
}

func numberOf(line []byte, key string) float64 { return leading(valueOf(line, key)) }

// leading is the number that a value begins with, NaN where it does not.
func leading(v []byte) float64 {
	end := 0
	for end < len(v) && (v[end] >= '0' && v[end] <= '9' || v[end] == '.' || v[end] == 'e' && end > 0 || v[end] == '-' && (end == 0 || v[end-1] == 'e')) {
		end++
	}
	f, err := strconv.ParseFloat(string(v[:end]), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

func orZero(f float64) float64 {
	if math.IsNaN(f) || math.Abs(f) > 1<<53 {
		return 0
	}
	return f
}
