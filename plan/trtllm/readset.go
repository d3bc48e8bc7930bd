package trtllm

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// row is one line of a data set (bench/utils/data.py of TensorRT-LLM).
type row struct {
	TaskID       *int64  `json:"task_id"`
	Prompt       *string `json:"prompt"`
	OutputTokens *int    `json:"output_tokens"`
}

// ReadDataset checks the first limit rows of a data set, all of them for 0, as
// trtllm-bench reads them. An error names the line.
func ReadDataset(r io.Reader, limit int) (Dataset, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	sum := sha256.New()
	var ds Dataset
	for limit == 0 || ds.Rows < limit {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return ds, err
		}
		length, problem := readRow(line)
		if problem != nil {
			return ds, fmt.Errorf("line %d: %w", ds.Rows+1, problem)
		}
		sum.Write(line)
		ds.Bytes += int64(len(line))
		ds.Rows++
		ds.Lengths = append(ds.Lengths, length)
	}
	if ds.Rows == 0 {
		return ds, errors.New("there are no rows")
	}
	ds.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return ds, nil
}

// readRow reads one line. The ids of a prompt are only counted: decoding them
// would take most of the time of a large data set.
func readRow(line []byte) (Length, error) {
	line, ids, err := countIDs(line)
	if err != nil {
		return Length{}, err
	}
	var r row
	if err := json.Unmarshal(line, &r); err != nil {
		return Length{}, fmt.Errorf("not a JSON object of a request: %w", err)
	}
	switch {
	case r.TaskID == nil:
		return Length{}, errors.New("task_id is missing")
	case r.OutputTokens == nil:
		return Length{}, errors.New("output_tokens is missing")
	case *r.OutputTokens < 1:
		return Length{}, fmt.Errorf("output_tokens is %d, which asks for nothing", *r.OutputTokens)
	case ids > 0:
		return Length{ISL: ids, OSL: *r.OutputTokens}, nil
	case r.Prompt != nil:
		return Length{ISL: -1, OSL: *r.OutputTokens}, nil
	}
	return Length{}, errors.New("there are neither input_ids nor a prompt")
}

// countIDs takes the ids out of a line and counts them. logits is what
// input_ids was called before.
func countIDs(line []byte) (rest []byte, n int, err error) {
	for _, key := range [][]byte{[]byte(`"input_ids":`), []byte(`"logits":`)} {
		at := bytes.Index(line, key)
		if at < 0 {
			continue
		}
		list := bytes.TrimLeft(line[at+len(key):], " ")
		if len(list) == 0 || list[0] != '[' {
			continue
		}
		end := bytes.IndexByte(list, ']')
		if end < 0 {
			return line, 0, errors.New("not a JSON object of a request: the list of ids does not end")
		}
		if n, err = countWhole(list[1:end]); err != nil {
			return line, 0, err
		}
		rest = append(append([]byte{}, line[:at+len(key)]...), "[]"...)
		return append(rest, list[end+1:]...), n, nil
	}
	return line, 0, nil
}

// countWhole counts whole numbers between commas.
func countWhole(list []byte) (int, error) {
	n, digits := 0, 0
	for _, b := range list {
		switch {
		case b >= '0' && b <= '9':
			digits++
		case b == ',' && digits > 0:
			n, digits = n+1, 0
		case b == ' ':
		default:
			return 0, errors.New("the ids are not whole numbers")
		}
	}
	if digits > 0 {
		n++
	}
	return n, nil
}
