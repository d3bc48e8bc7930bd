package trtllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// A rowRead is what a row holds.
type rowRead struct {
	Length
	largestID   int
	media, lora bool
}

// readRow checks one line of a data set.
func readRow(line []byte) (rowRead, error) {
	if r, ok := scanRow(line); ok {
		return r, nil
	}
	if !utf8.Valid(line) {
		return rowRead{}, errors.New("the line is not UTF-8, which trtllm-bench cannot read. Convert the file from what it is, for example: `iconv -f LATIN1 -t UTF-8 FILE > rows.jsonl`")
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return rowRead{}, errors.New("the line is empty, which trtllm-bench cannot read")
	}
	// Decoding into a struct would also take task_ID for task_id.
	var r row
	if err := json.Unmarshal(line, &r); err != nil || r == nil {
		if err == nil {
			err = errors.New("it is null")
		}
		return rowRead{}, fmt.Errorf("the line is not one JSON object: %w", err)
	}
	if _, err := r.whole("task_id"); err != nil {
		return rowRead{}, err
	}
	osl, err := r.whole("output_tokens")
	switch {
	case err != nil:
		return rowRead{}, err
	case osl < 1:
		return rowRead{}, fmt.Errorf("output_tokens is %d, which asks for nothing", osl)
	case osl > maxLength:
		return rowRead{}, fmt.Errorf("output_tokens is %d; the limit is %d", osl, maxLength)
	}
	read := rowRead{media: r.has("media_paths"), lora: r.has("lora_request")}
	read.OSL = int(osl)
	return read, r.prompt(&read)
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

// prompt reads the length of the prompt: that of its ids, which win over text.
func (r row) prompt(read *rowRead) error {
	key := "input_ids"
	if _, ok := r[key]; !ok {
		key = "logits" // as it was called before
	}
	read.ISL = -1
	switch {
	case r.has(key):
		n, largest, err := r.countIDs(key)
		if err != nil {
			return err
		}
		read.ISL, read.largestID = n, largest
	case r.has("prompt"):
		var s string
		if err := json.Unmarshal(r["prompt"], &s); err != nil {
			return errors.New("prompt is not a string")
		}
		if s == "" {
			return errors.New("prompt is empty")
		}
		read.ISL = -len(s) - 1
	default:
		return errors.New("there are neither input_ids nor a prompt")
	}
	if read.media {
		read.ISL = -1
	}
	return nil
}

func (r row) countIDs(key string) (n, largest int, err error) {
	var ids []int
	if err := json.Unmarshal(r[key], &ids); err != nil {
		return 0, 0, fmt.Errorf("%s is not a list of whole numbers", key)
	}
	if len(ids) == 0 {
		return 0, 0, fmt.Errorf("%s is empty", key)
	}
	for i, id := range ids {
		if id < 0 {
			return 0, 0, fmt.Errorf("%s[%d] is %d; ids begin at 0", key, i, id)
		}
	}
	return len(ids), slices.Max(ids), nil
}
