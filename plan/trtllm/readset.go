package trtllm

import (
	"bufio"
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
	InputIDs     []int64 `json:"input_ids"`
	Logits       []int64 `json:"logits"` // what input_ids was called before
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

func readRow(line []byte) (Length, error) {
	var r row
	if err := json.Unmarshal(line, &r); err != nil {
		return Length{}, fmt.Errorf("not a JSON object of a request: %w", err)
	}
	if r.InputIDs == nil {
		r.InputIDs = r.Logits
	}
	switch {
	case r.TaskID == nil:
		return Length{}, errors.New("task_id is missing")
	case r.OutputTokens == nil:
		return Length{}, errors.New("output_tokens is missing")
	case *r.OutputTokens < 1:
		return Length{}, fmt.Errorf("output_tokens is %d, which asks for nothing", *r.OutputTokens)
	case len(r.InputIDs) > 0:
		return Length{ISL: len(r.InputIDs), OSL: *r.OutputTokens}, nil
	case r.Prompt != nil:
		return Length{ISL: -1, OSL: *r.OutputTokens}, nil
	}
	return Length{}, errors.New("there are neither input_ids nor a prompt")
}
