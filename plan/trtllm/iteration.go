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
	Iter int64
	Rank int // the global rank where it is printed
	// ActiveRequests is how many requests this rank has taken, ActiveLimit how
	// many all ranks have: currank_total_requests.
	ActiveRequests, ActiveLimit int
	ScheduledRequests           int // 0.20 and later
	CtxRequests, CtxTokens      int
	GenTokens                   int // includes the padding of CUDA graphs
	// CachedKVTokens and the counts after it are of 1.3.
	CachedKVTokens                   int
	NumActive, NumDummy, Unscheduled int
	ElapsedS                         float64 // seconds that the step took, up to 1.0
	HostStepMS, DeviceStepMS         float64 // 1.1 and later; the device's is of the step before
	KVUtil                           float64 // the used part of the KV cache, 0 to 1; 1.3
	Timestamp                        string  // YYYY-MM-DD HH:MM:SS on the node's clock
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
	it := newIteration()
	var found iterationFound
	for i < len(line) {
		var key, value []byte
		key, value, i = nextField(line, i)
		if !it.set(key, value, &found) {
			return Iteration{}, false
		}
	}
	if !found.iter || it.CtxRequests < 0 || it.CtxTokens < 0 || it.GenTokens < 0 || line[len(line)-1] != '}' && !found.closed(line) {
		return Iteration{}, false
	}
	return it, true
}

// newIteration is one of which nothing is printed.
func newIteration() Iteration {
	return Iteration{
		ActiveRequests: -1, ActiveLimit: -1, ScheduledRequests: -1, CtxRequests: -1, CtxTokens: -1, GenTokens: -1,
		CachedKVTokens: -1, NumActive: -1, NumDummy: -1, Unscheduled: -1,
		ElapsedS: math.NaN(), HostStepMS: math.NaN(), DeviceStepMS: math.NaN(), KVUtil: math.NaN(),
	}
}

type iterationFound struct{ iter, globalRank bool }

// closed reports whether the dictionary of states has its end.
func (iterationFound) closed(line []byte) bool {
	open := bytes.LastIndexByte(line, '{')
	return open >= 0 && bytes.IndexByte(line[open:], '}') > 0
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
func (it *Iteration) set(key, value []byte, found *iterationFound) bool {
	switch string(key) {
	case "iter":
		n, end, ok := scanInt(value, 0)
		if found.iter || !ok || end != len(value) {
			return false
		}
		it.Iter, found.iter = int64(n), true
		return true
	case "global_rank":
		found.globalRank = true
		return setCount(&it.Rank, value)
	case "rank":
		if found.globalRank {
			return true
		}
		return setCount(&it.Rank, value)
	case "currank_total_requests":
		n, end, ok := scanInt(value, 0)
		if !ok || end >= len(value) || value[end] != '/' {
			return false
		}
		it.ActiveRequests = n
		return setCount(&it.ActiveLimit, value[end+1:])
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
		return true
	}
	if count := it.count(key); count != nil {
		return setCount(count, value)
	}
	return true
}

// count is the field of a key that counts something, nil for any other.
func (it *Iteration) count(key []byte) *int {
	switch string(key) {
	case "num_scheduled_requests":
		return &it.ScheduledRequests
	case "num_ctx_requests":
		return &it.CtxRequests
	case "num_ctx_tokens":
		return &it.CtxTokens
	case "num_generation_tokens":
		return &it.GenTokens
	case "cached_kv_tokens":
		return &it.CachedKVTokens
	case "num_active":
		return &it.NumActive
	case "num_dummy":
		return &it.NumDummy
	case "num_unscheduled":
		return &it.Unscheduled
	}
	return nil
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
