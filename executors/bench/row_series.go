package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/llmbench/llmbench/plan/trtllm"
)

// seriesLines is how many lines the file of the log has; a longer log is the
// file read several times.
const seriesLines = 225_000

// seriesRow reads an iteration log into its time series.
func seriesRow() *row {
	read := func(l *lab, size int) (sample, error) { return l.child("series", size, l.path("iterations.log")) }
	return &row{
		name: "Series", work: "iteration log of 1.07 GB as a time series", unit: "lines",
		sizes: []int{seriesLines, 4 * seriesLines, 16 * seriesLines}, counts: 16 * seriesLines,
		prepare:   func(l *lab, _ int) error { return writeIterations(l.path("iterations.log")) },
		do:        read,
		floorName: "bytes scanned for line ends",
		floor:     func(l *lab, size int) (sample, error) { return l.child("scan", size, l.path("iterations.log")) },
		targets:   []target{rate(0.4e9), memory(64)},
	}
}

// writeIterations writes a log as TensorRT-LLM 1.0 does: 297 bytes a step.
func writeIterations(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewWriter(f)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range seriesLines {
		now := at.Add(time.Duration(i) * 21 * time.Millisecond)
		fmt.Fprintf(b, "[%s] [TRT-LLM] [I] iter = %d, global_rank = 0, rank = 0, currank_total_requests = %d/%d, host_step_time = %.14fms, prev_device_step_time = %.14fms, timestamp = %s, num_scheduled_requests: %d, states = {'num_ctx_requests': %d, 'num_ctx_tokens': %d, 'num_generation_tokens': %d}\n",
			now.Format("01/02/2006-15:04:05"), i, i%9, i%80, 20+float64(i%977)/979, 19+float64(i%991)/997, now.Format(time.DateTime), 400+i%113, i%3, i%3*1024, 400+i%111)
	}
	return b.Flush()
}

// openLog reads a file again and again, up to so many lines.
func openLog(path string, lines int) (io.Reader, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	var parts []io.Reader
	for range lines / seriesLines {
		parts = append(parts, io.NewSectionReader(f, 0, info.Size()))
	}
	return io.MultiReader(parts...), info.Size() * int64(len(parts)), nil
}

func init() {
	children["series"] = func(size int, args []string) (sample, error) {
		r, n, err := openLog(args[0], size)
		if err != nil {
			return sample{}, err
		}
		s, err := trtllm.ReadSeries(r)
		if err == nil && s.Steps != size {
			err = fmt.Errorf("%d steps of %d", s.Steps, size)
		}
		return sample{Bytes: n}, err
	}
	children["scan"] = func(size int, args []string) (sample, error) {
		r, n, err := openLog(args[0], size)
		if err != nil {
			return sample{}, err
		}
		buf := make([]byte, 256<<10)
		lines := 0
		for {
			got, err := r.Read(buf)
			lines += bytes.Count(buf[:got], []byte{'\n'})
			if err == io.EOF {
				break
			} else if err != nil {
				return sample{}, err
			}
		}
		if lines != size {
			return sample{}, fmt.Errorf("%d lines of %d", lines, size)
		}
		return sample{Bytes: n}, nil
	}
}
