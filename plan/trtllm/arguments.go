package trtllm

// Arguments are the flags of trtllm-bench throughput by argument name, without
// dashes. Values are int64, float64, bool, string or []string; float64 stands
// for whole numbers too once a document was read back. A flag that is absent or
// nil is not passed.
type Arguments map[string]any

// Int returns the whole number of a flag; ok is false when it is not passed.
func (a Arguments) Int(name string) (n int, ok bool) {
	switch v := a[name].(type) {
	case int64:
		return int(v), true
	case int:
		return v, true
	case float64:
		return int(v), v == float64(int(v))
	}
	return 0, false
}

// Float returns the number of a flag; ok is false when it is not passed.
func (a Arguments) Float(name string) (f float64, ok bool) {
	switch v := a[name].(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	}
	return 0, false
}

// Bool reports whether a switch is on.
func (a Arguments) Bool(name string) bool {
	v, _ := a[name].(bool)
	return v
}

// String returns the text of a flag, "" when it is not passed.
func (a Arguments) String(name string) string {
	v, _ := a[name].(string)
	return v
}

// ForcedMaxNumTokens is the token limit that trtllm-bench really uses: without
// chunked prefill it raises max_num_tokens to the longest prompt plus
// max_batch_size where it is less (bench/benchmark/utils/general.py).
func ForcedMaxNumTokens(maxNumTokens, maxISL, maxBatch int, chunkedPrefill bool) int {
	if chunkedPrefill {
		return maxNumTokens
	}
	return max(maxNumTokens, maxISL+maxBatch)
}
