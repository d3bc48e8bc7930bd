package trtllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// readRow checks one line of a data set and returns its lengths.
func readRow(line []byte) (Length, error) {
	if l, ok := scanRow(line); ok {
		return l, nil
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return Length{}, errors.New("the line is empty, which trtllm-bench cannot read")
	}
	// Decoding into a struct would also take task_ID for task_id.
	var r row
	if err := json.Unmarshal(line, &r); err != nil || r == nil {
		if err == nil {
			err = errors.New("it is null")
		}
		return Length{}, fmt.Errorf("the line is not one JSON object: %w", err)
	}
	if _, err := r.whole("task_id"); err != nil {
		return Length{}, err
	}
	osl, err := r.whole("output_tokens")
	switch {
	case err != nil:
		return Length{}, err
	case osl < 1:
		return Length{}, fmt.Errorf("output_tokens is %d, which asks for nothing", osl)
	case osl > maxLength:
		return Length{}, fmt.Errorf("output_tokens is %d; the limit is %d", osl, maxLength)
	}
	isl, err := r.isl()
	return Length{ISL: isl, OSL: int(osl)}, err
}

// A row is one line of a data set. Of a key that is there twice the last one
// counts, as in Python.
type row map[string]json.RawMessage

// has reports whether a key is there and not null.
func (r row) has(key string) bool {
	v, ok := r[key]
	return ok && string(v) != "null"
}

func (r row) whole(key string) (int64, error) {
	if !r.has(key) {
		return 0, fmt.Errorf("%s is missing", key)
	}
	var n int64
	if err := json.Unmarshal(r[key], &n); err != nil {
		return 0, fmt.Errorf("%s is not a whole number", key)
	}
	return n, nil
}

// isl is the length of the prompt: that of its ids, which win over text, and -1
// for text and media.
func (r row) isl() (int, error) {
	key := "input_ids"
	if _, ok := r[key]; !ok {
		key = "logits" // as it was called before
	}
	length := -1
	switch {
	case r.has(key):
		n, err := r.countIDs(key)
		if err != nil {
			return 0, err
		}
		length = n
	case r.has("prompt"):
		var s string
		if err := json.Unmarshal(r["prompt"], &s); err != nil {
			return 0, errors.New("prompt is not a string")
		}
		if s == "" {
			return 0, errors.New("prompt is empty")
		}
	default:
		return 0, errors.New("there are neither input_ids nor a prompt")
	}
	if r.has("media_paths") {
		return -1, nil
	}
	return length, nil
}

func (r row) countIDs(key string) (int, error) {
	var ids []int64
	if err := json.Unmarshal(r[key], &ids); err != nil {
		return 0, fmt.Errorf("%s is not a list of whole numbers", key)
	}
	if len(ids) == 0 {
		return 0, fmt.Errorf("%s is empty", key)
	}
	for i, id := range ids {
		if id < 0 {
			return 0, fmt.Errorf("%s[%d] is %d; ids begin at 0", key, i, id)
		}
	}
	return len(ids), nil
}
