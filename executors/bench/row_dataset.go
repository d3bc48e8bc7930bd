package main

import (
	"context"
	"os"

	"github.com/llmbench/llmbench/executors/runs"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// datasetRow generates a data set into a store: hashed, written, synced.
func datasetRow() *row {
	return &row{
		name: "Dataset", work: "data set of 4,000 x 8,000 ids", unit: "rows",
		sizes: []int{1000, 4000, 16000}, counts: 4000,
		do: func(l *lab, size int) (sample, error) {
			return l.child("dataset", size, l.path("dataset"))
		},
		floorName: "the same bytes written and synced",
		floor: func(l *lab, size int) (sample, error) {
			return l.child("bytes", size, l.path("bytes"))
		},
		targets: []target{faster(30, "trtllm-bench's generator", 12.8), within(3), memory(64)},
	}
}

func datasetShape(rows int) trtllm.Shape {
	return trtllm.Shape{ISL: 8000, OSL: 512, Seed: 420, Rows: rows, Vocab: 202048, EOS: 200001}
}

func init() {
	children["dataset"] = func(size int, args []string) (sample, error) {
		defer os.RemoveAll(args[0])
		_, _, err := runs.Open(args[0]).EnsureDataset(context.Background(), datasetShape(size), nil)
		return sample{Bytes: datasetBytes(size)}, err
	}
	children["bytes"] = func(size int, args []string) (sample, error) {
		defer os.Remove(args[0])
		f, err := os.Create(args[0])
		if err != nil {
			return sample{}, err
		}
		defer f.Close()
		buf := make([]byte, 1<<20)
		for i := range buf {
			buf[i] = byte('0' + i%10)
		}
		for left := datasetBytes(size); left > 0; left -= int64(len(buf)) {
			if _, err := f.Write(buf[:min(left, int64(len(buf)))]); err != nil {
				return sample{}, err
			}
		}
		return sample{Bytes: datasetBytes(size)}, f.Sync()
	}
}

// datasetBytes is close to the size of such a data set: 6.44 bytes an id.
func datasetBytes(rows int) int64 { return int64(rows) * 51_540 }
