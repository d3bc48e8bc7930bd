package trtllm

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// An iterationForm is the text of one version's iteration lines with holes where
// the values are. Lines of one log differ in nothing else, so that the form of
// one reads the next ones several times faster than ParseIteration, with the
// same result.
type iterationForm struct {
	known  bool
	prefix []byte // of the last line that was read: what the logger puts in front
	holes  []formHole
	end    string // behind the last hole
	stamp  string // of the last line that was read
	blank  Iteration
}

// A formHole is a value and the text before it.
type formHole struct {
	before string
	kind   holeKind
}

type holeKind int

const (
	holeSkip holeKind = iota // a number that says nothing
	holeStamp
	holeIter
	holeRank
	holeActive
	holeLimit
	holeScheduled
	holeCtxRequests
	holeCtxTokens
	holeGenTokens
	holeCached
	holeNumActive
	holeDummy
	holeUnscheduled
	holeElapsed // this and what follows are decimals
	holeHostStep
	holeDeviceStep
	holeKVUtil
	holeDecimal // one that says nothing
)

var holeOf = map[string]holeKind{
	"iter": holeIter, "global_rank": holeRank, "rank": holeRank, "num_scheduled_requests": holeScheduled,
	"num_ctx_requests": holeCtxRequests, "num_ctx_tokens": holeCtxTokens, "num_generation_tokens": holeGenTokens,
	"cached_kv_tokens": holeCached, "num_active": holeNumActive, "num_dummy": holeDummy, "num_unscheduled": holeUnscheduled,
	"elapsed_time": holeElapsed, "host_step_time": holeHostStep, "prev_device_step_time": holeDeviceStep, "kv_cache_util": holeKVUtil,
}

// learn takes the form of a line that ParseIteration reads.
func (f *iterationForm) learn(line []byte) {
	*f = iterationForm{known: true, blank: newIteration()}
	i := findIteration(line)
	f.prefix = bytes.Clone(line[:i])
	from, global := i, false
	hole := func(kind holeKind, start, end int) {
		f.holes = append(f.holes, formHole{string(line[from:start]), kind})
		from = end
	}
	for i < len(line) {
		var key, value []byte
		key, value, i = nextField(line, i)
		if len(value) == 0 {
			continue
		}
		// The value lies in line, so that its place is known.
		at := int(uintptr(unsafe.Pointer(&value[0])) - uintptr(unsafe.Pointer(&line[0])))
		kind, known := holeOf[string(key)]
		digits, whole := numberEnd(value)
		switch {
		case string(key) == "timestamp" && len(value) == len(stampForm):
			hole(holeStamp, at, at+len(value))
			f.stamp = string(value)
		case digits == 0:
		case string(key) == "currank_total_requests":
			slash := bytes.IndexByte(value, '/')
			hole(holeActive, at, at+slash)
			hole(holeLimit, at+slash+1, at+len(value))
		case string(key) == "rank" && global:
			hole(holeSkip, at, at+digits)
		case known && (kind >= holeElapsed || whole):
			hole(kind, at, at+digits)
		case !whole:
			hole(holeDecimal, at, at+digits)
		case !known:
			hole(holeSkip, at, at+digits)
		}
		global = global || string(key) == "global_rank"
	}
	f.end = string(line[from:])
}

const stampForm = "2006-01-02 15:04:05"

// numberEnd is where the number at the beginning of value ends, and whether it
// has no fraction.
func numberEnd(value []byte) (end int, whole bool) {
	whole = true
	for end < len(value) && (isDigit(value[end]) || value[end] == '.' && whole && end > 0) {
		whole = whole && value[end] != '.'
		end++
	}
	return end, whole
}

// read reads a line of the form. It is false for any other line, which may still
// be an iteration.
func (f *iterationForm) read(line []byte, it *Iteration) bool {
	if !f.known || !f.readPrefix(line) {
		return false
	}
	*it = f.blank
	line = line[len(f.prefix):]
	for i := range f.holes {
		h := &f.holes[i]
		n := len(h.before)
		if len(line) <= n || string(line[:n]) != h.before {
			return false
		}
		if n = f.fill(h.kind, line[n:], it); n < 0 {
			return false
		}
		line = line[len(h.before)+n:]
	}
	return string(line) == f.end
}

// readPrefix compares the part before the fields, in which digits may differ.
func (f *iterationForm) readPrefix(line []byte) bool {
	n := len(f.prefix)
	if len(line) < n {
		return false
	}
	if bytes.Equal(line[:n], f.prefix) {
		return true
	}
	for i, c := range f.prefix {
		if line[i] != c && !(isDigit(line[i]) && isDigit(c)) {
			return false
		}
	}
	copy(f.prefix, line)
	return true
}

// fill reads a value and returns its length, -1 for one that it does not read.
func (f *iterationForm) fill(kind holeKind, b []byte, it *Iteration) int {
	if kind >= holeElapsed {
		v, n := shortDecimal(b)
		switch kind {
		case holeElapsed:
			it.ElapsedS = v
		case holeHostStep:
			it.HostStepMS = v
		case holeDeviceStep:
			it.DeviceStepMS = v
		case holeKVUtil:
			it.KVUtil = v
		}
		return n
	}
	if kind == holeStamp {
		return f.fillStamp(b, it)
	}
	v, n := shortInt(b)
	switch kind {
	case holeIter:
		it.Iter = int64(v)
	case holeRank:
		it.Rank = v
	case holeActive:
		it.ActiveRequests = v
	case holeLimit:
		it.ActiveLimit = v
	case holeScheduled:
		it.ScheduledRequests = v
	case holeCtxRequests:
		it.CtxRequests = v
	case holeCtxTokens:
		it.CtxTokens = v
	case holeGenTokens:
		it.GenTokens = v
	case holeCached:
		it.CachedKVTokens = v
	case holeNumActive:
		it.NumActive = v
	case holeDummy:
		it.NumDummy = v
	case holeUnscheduled:
		it.Unscheduled = v
	}
	return n
}

func (f *iterationForm) fillStamp(b []byte, it *Iteration) int {
	n := len(stampForm)
	if len(b) < n {
		return -1
	}
	if string(b[:n]) != f.stamp {
		for i := range n {
			if b[i] != f.stamp[i] && !(isDigit(b[i]) && isDigit(f.stamp[i])) {
				return -1
			}
		}
		f.stamp = string(b[:n])
	}
	it.Timestamp = f.stamp
	return n
}

// shortInt reads up to 15 digits and returns how many; -1 for none or more.
func shortInt(b []byte) (v, n int) {
	for n < len(b) && isDigit(b[n]) {
		v = v*10 + int(b[n]-'0')
		n++
	}
	if n == 0 || n > 15 {
		return 0, -1
	}
	return v, n
}

// shortDecimal reads digits with a point between them and returns the length; -1
// where there are none.
func shortDecimal(b []byte) (v float64, n int) {
	var m uint64
	point := -1
	for ; n < len(b); n++ {
		if c := b[n]; isDigit(c) {
			m = m*10 + uint64(c-'0')
		} else if c == '.' && point < 0 && n > 0 {
			point = n
		} else {
			break
		}
	}
	if n == 0 {
		return 0, -1
	}
	fraction := 0
	if point >= 0 {
		fraction = n - point - 1
	}
	// Both are exact, so that the quotient is the nearest number.
	if n <= 17 && m < 1<<53 {
		return float64(m) / powersOfTen[fraction], n
	}
	v, err := strconv.ParseFloat(unsafe.String(&b[0], n), 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, -1
	}
	return v, n
}

var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
