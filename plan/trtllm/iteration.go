package trtllm

import (
	"bytes"
	"math"
	"strconv"
)

// An Iteration is one line that print_iter_log writes for a step of the engine.
// Counts that a version does not print are -1; times and fractions that it does
// not print, or prints as N/A, are NaN.
type Iteration struct {
	Iter                     int
	Rank                     int // the global rank where it is printed
	ScheduledRequests        int // 0.20 and later
	CtxRequests, CtxTokens   int
	GenTokens                int     // includes the padding of CUDA graphs
	ElapsedS                 float64 // seconds that the step took, up to 1.0
	HostStepMS, DeviceStepMS float64 // 1.1 and later; the device's is of the step before
	KVUtil                   float64 // the used part of the KV cache, 0 to 1; 1.3
	Timestamp                string  // YYYY-MM-DD HH:MM:SS on the node's clock
}

// ParseIteration reads a line in any of the formats of 0.17 to 1.3, with or
// without what the logger puts in front. It is false for any other line and for
// one that was cut off. Fields are found by their names: neither their order nor
// their separators matter.
func ParseIteration(line []byte) (Iteration, bool) {
	i := findIteration(line)
	if i < 0 {
		return Iteration{}, false
	}
	nan := math.NaN()
	it := Iteration{
		Iter: -1, Rank: -1, ScheduledRequests: -1, CtxRequests: -1, CtxTokens: -1, GenTokens: -1,
		ElapsedS: nan, HostStepMS: nan, DeviceStepMS: nan, KVUtil: nan,
	}
	for i < len(line) {
		var key, value []byte
		key, value, i = nextField(line, i)
		if !it.set(key, value) {
			return Iteration{}, false
		}
	}
	states := line[max(0, bytes.LastIndexByte(line, '{')):]
	if min(it.Iter, it.CtxRequests, it.CtxTokens, it.GenTokens) < 0 || bytes.IndexByte(states, '}') < 0 {
		return Iteration{}, false
	}
	it.Rank = max(0, it.Rank)
	return it, true
}

// findIteration is where the fields begin, -1 for another line.
func findIteration(line []byte) int {
	const key = "iter = "
	for from := 0; ; {
		i := bytes.Index(line[from:], []byte(key))
		if i < 0 {
			return -1
		}
		i += from
		if i == 0 || line[i-1] == ' ' || line[i-1] == ']' {
			return i
		}
		from = i + len(key)
	}
}

// nextField reads "key = value", "key: value" or "'key':value" from i on, up to
// the comma or brace behind it. The value of a key that opens a dictionary is
// empty: the fields inside are read next.
func nextField(line []byte, i int) (key, value []byte, next int) {
	for i < len(line) && !isWordByte(line[i]) {
		i++
	}
	start := i
	for i < len(line) && isWordByte(line[i]) {
		i++
	}
	key = line[start:i]
	for i < len(line) && (line[i] == '\'' || line[i] == '"' || line[i] == ' ') {
		i++
	}
	if i >= len(line) || line[i] != '=' && line[i] != ':' {
		return key, nil, i
	}
	i = skipSpaces(line, i+1)
	start = i
	for i < len(line) && line[i] != ',' && line[i] != '}' && line[i] != '{' {
		i++
	}
	return key, bytes.TrimRight(line[start:i], " "), i
}

func isWordByte(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z'
}

// set stores one field. It is false for a value that the key cannot have.
func (it *Iteration) set(key, value []byte) bool {
	switch string(key) {
	case "iter":
		return it.Iter < 0 && setCount(&it.Iter, value)
	case "global_rank":
		return setCount(&it.Rank, value)
	case "rank":
		return it.Rank >= 0 || setCount(&it.Rank, value)
	case "num_scheduled_requests":
		return setCount(&it.ScheduledRequests, value)
	case "num_ctx_requests":
		return setCount(&it.CtxRequests, value)
	case "num_ctx_tokens":
		return setCount(&it.CtxTokens, value)
	case "num_generation_tokens":
		return setCount(&it.GenTokens, value)
	case "elapsed_time":
		return setNumber(&it.ElapsedS, value, "s")
	case "host_step_time":
		return setNumber(&it.HostStepMS, value, "ms")
	case "prev_device_step_time":
		return setNumber(&it.DeviceStepMS, value, "ms")
	case "kv_cache_util":
		return setNumber(&it.KVUtil, value, "")
	case "timestamp":
		it.Timestamp = string(value)
	}
	return true
}

func setCount(to *int, value []byte) bool {
	n, end, ok := scanInt(value, 0)
	if !ok || end != len(value) {
		return false
	}
	*to = n
	return true
}

// setNumber reads a number with a unit, or N/A with or without one.
func setNumber(to *float64, value []byte, unit string) bool {
	value = bytes.TrimSuffix(value, []byte(unit))
	if string(value) == "N/A" || string(value) == "None" {
		return true
	}
	v, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return false
	}
	*to = v
	return true
}
