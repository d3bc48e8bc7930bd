package trtllm

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// A Log is what the output of trtllm-bench tells, read in one pass and in
// bounded memory.
type Log struct {
	// Report is the last whole text report, nil if there is none. What the text
	// does not say is nil or zero in it.
	Report *Report
	// Partial is a report that began and was cut off; it is never a result.
	Partial *Report
	// Stage is the last of trtllm-bench's own markers, in its words.
	Stage string
	// Done and Total count requests by the progress bar, 0 before it is there.
	Done, Total int
	// MaxBatchSize and MaxNumTokens are the limits that the log says are used, 0
	// where it says nothing.
	MaxBatchSize, MaxNumTokens int
	// Version is TensorRT-LLM's, as it prints it at the start.
	Version string
	// Simulated says that a SIMULATED banner was seen.
	Simulated bool
}

// stages are the markers of trtllm-bench in the order in which they appear.
var stages = []string{
	"Preparing to run throughput benchmark", "Setting PyTorch max sequence length", "Setting up throughput benchmark",
	"Setting up for warmup", "Running warmup", "Warmup done", "Starting benchmarking async task", "Starting benchmark",
	"Request submission complete", "Benchmark complete", "Stopping LLM backend", "LLM Backend stopped",
	"Benchmark done. Reporting results", "Writing report",
}

// ReadLog reads a log. Lines that it does not know are passed over.
func ReadLog(r io.Reader) (*Log, error) {
	l := &Log{}
	t := &textReader{}
	lines := newLineReader(r)
	for {
		line, ok, err := lines.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		l.line(line)
		t.line(line)
		if rep := t.whole(); rep != nil {
			l.Report = rep
		}
	}
	t.end()
	if rep := t.whole(); rep != nil {
		l.Report = rep
	}
	l.Partial = t.cut
	if l.Report != nil {
		l.Simulated = l.Simulated || l.Report.Simulated
	}
	return l, nil
}

func (l *Log) line(line []byte) {
	if done, total, ok := Progress(line); ok {
		l.Done, l.Total = done, total
		return
	}
	if bytes.Contains(line, []byte("SIMULATED")) {
		l.Simulated = true
	}
	if i := bytes.Index(line, []byte("TensorRT-LLM version: ")); i >= 0 {
		l.Version = string(line[i+len("TensorRT-LLM version: "):])
	}
	if !bytes.Contains(line, []byte("[TRT-LLM]")) {
		return
	}
	for _, s := range stages {
		if bytes.Contains(line, []byte(s)) {
			l.Stage = s
		}
	}
	l.limits(string(line))
}

// limits reads "max_batch_size=…, max_num_tokens=…" of the heuristic and
// "Forcing max_num_tokens to …".
func (l *Log) limits(line string) {
	if n, ok := numberAfter(line, "max_batch_size="); ok {
		l.MaxBatchSize = n
	}
	if n, ok := numberAfter(line, "max_num_tokens="); ok {
		l.MaxNumTokens = n
	}
	if n, ok := numberAfter(line, "Forcing max_num_tokens to "); ok {
		l.MaxNumTokens = n
	}
}

func numberAfter(line, mark string) (int, bool) {
	_, rest, ok := strings.Cut(line, mark)
	if !ok {
		return 0, false
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(rest[:end])
	return n, err == nil
}

// Progress reads a line of the progress bar: `Benchmarking:  25%|…| 1/4 […`.
func Progress(line []byte) (done, total int, ok bool) {
	i := bytes.Index(line, []byte("Benchmarking:"))
	if i < 0 {
		return 0, 0, false
	}
	bar := bytes.LastIndexByte(line, '|')
	if bar < i {
		return 0, 0, false
	}
	a, rest, found := strings.Cut(strings.TrimSpace(string(line[bar+1:])), "/")
	if !found {
		return 0, 0, false
	}
	b, _, _ := strings.Cut(rest, " ")
	done, errA := strconv.Atoi(a)
	total, errB := strconv.Atoi(b)
	return done, total, errA == nil && errB == nil && total > 0 && done >= 0 && done <= total
}
