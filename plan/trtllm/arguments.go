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

// ChunkedContext reports whether the engine splits prompts over iterations: the
// options file's enable_chunked_prefill decides where it is there, else the flag.
func (a Arguments) ChunkedContext(options any) bool {
	top, _ := options.(map[string]any)
	if on, ok := top["enable_chunked_prefill"].(bool); ok {
		return on
	}
	return a.Bool("enable_chunked_context")
}
