package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/regular"
)

// Growth is what shows that a running attempt lives: the bytes in the files of its folder,
// and when the last of them grew or appeared, by the file server's clock; zero for never.
// What is sampled on its GPUs is no sign of life, since ranks in a hung collective spin.
func (a *Attempt) Growth() (size int64, written time.Time, err error) {
	l, err := jobdir.List(a.Dir)
	for _, name := range l.Names {
		if name == jobdir.DiagnosisFile || name == jobdir.CancelledFile || strings.HasPrefix(name, jobdir.TelemetryPrefix) {
			continue
		}
		info, err := os.Lstat(filepath.Join(a.Dir, name))
		if err != nil || !info.Mode().IsRegular() {
			continue // it went away
		}
		size += info.Size()
		if info.ModTime().After(written) {
			written = info.ModTime()
		}
	}
	return size, written, err
}

// LogSigns are what the ends of a running attempt's logs show.
type LogSigns struct {
	// End is the line that shows that a process has ended which the run needs, "" for
	// none.
	End string
	// Step is how long an iteration took at most, 0 where none is logged or the
	// measurement is over.
	Step time.Duration
	// Reported says that trtllm-bench has ended well: what goes on is the step.
	Reported bool
}

// Signs reads the ends of the logs.
func (a *Attempt) Signs() (LogSigns, error) {
	var s LogSigns
	status, err := regular.Read(filepath.Join(a.Dir, jobdir.BenchExitFile), regular.MaxText)
	if rc := strings.TrimSpace(string(status)); err == nil && rc == "0" {
		return LogSigns{Reported: true}, nil
	} else if err == nil && rc != "" {
		s.End = fmt.Sprintf("trtllm-bench ended with status %s", rc)
	}
	l, err := jobdir.List(a.Dir)
	if err != nil {
		return s, err
	}
	logs := []string{jobdir.StdoutFile, jobdir.StderrFile, jobdir.JobOutFile}
	for _, rank := range l.Ranks() {
		logs = append(logs, jobdir.RankFile(jobdir.StdoutFile, rank), jobdir.RankFile(jobdir.StderrFile, rank))
	}
	for _, name := range logs {
		end, err := tail(filepath.Join(a.Dir, name), tailBytes)
		if err != nil {
			return s, err
		}
		if f, ok := a.store.causes.Classify(strings.NewReader(end)); ok && f.Ends && s.End == "" {
			s.End = a.Redactor().Clean(f.Line)
		}
		if name == jobdir.StdoutFile {
			s.Step = step(end)
		}
	}
	return s, nil
}

// step is the longest iteration at the end of a log, 0 where something else than
// iterations is logged last.
func step(end string) time.Duration {
	longest := 0.0
	for line := range strings.Lines(end) {
		if _, phase, ok := trtllm.ParseMarker([]byte(line)); ok && phase >= trtllm.PhaseReporting {
			longest = 0
		}
		it, ok := trtllm.ParseIteration([]byte(strings.TrimRight(line, "\n")))
		if !ok {
			continue
		}
		for _, took := range []float64{it.ElapsedS, it.HostStepMS / 1e3, it.DeviceStepMS / 1e3, 1e-3} {
			if !math.IsNaN(took) {
				longest = max(longest, took)
			}
		}
	}
	return time.Duration(longest * float64(time.Second))
}

// RecordDiagnosis keeps what was found out about a job that made no progress,
// beside its logs.
func (a *Attempt) RecordDiagnosis(text string) error {
	return jobdir.ReplaceFile(a.Dir, jobdir.DiagnosisFile, []byte(a.Redactor().Clean(text)), 0o644)
}

// Diagnosis is what RecordDiagnosis kept, and its file; path is "" for nothing.
func (a *Attempt) Diagnosis() (path, text string) {
	path = filepath.Join(a.Dir, jobdir.DiagnosisFile)
	b, err := regular.Read(path, regular.MaxText)
	if err != nil {
		return "", ""
	}
	return path, string(b)
}

// Progress is how far a running benchmark has come, by its own log.
type Progress struct {
	// Stage is the last thing that trtllm-bench said it was doing, in its words;
	// "" while it has said nothing.
	Stage string
	// Phase is the phase that it belongs to.
	Phase trtllm.Phase
	// Done and Total count requests; both are 0 before the first is done.
	Done, Total int
}

// String is the phase in a word or two: "loading", "measuring 63 %"; "" while
// trtllm-bench has said nothing.
func (p *Progress) String() string {
	switch {
	case p.Total > 0:
		return fmt.Sprintf("measuring %d %%", 100*p.Done/p.Total)
	case p.Phase == trtllm.PhaseBenchmarking:
		return "measuring"
	}
	return p.Phase.String()
}

// tailBytes is how much of the end of a log is looked at for progress.
const tailBytes = 128 << 10

// Progress reads the ends of the logs. It returns nil before the benchmark's
// step was started.
func (a *Attempt) Progress() (*Progress, error) {
	l, err := jobdir.List(a.Dir)
	if err != nil || !l.Has(jobdir.StartFile) {
		return nil, err
	}
	p := &Progress{}
	for _, part := range []func(string, int64) (string, error){tail, head} {
		for _, name := range []string{jobdir.StdoutFile, jobdir.StderrFile} {
			text, err := part(filepath.Join(l.Dir, name), tailBytes)
			if err != nil {
				return nil, err
			}
			log, err := trtllm.ReadLog(strings.NewReader(text))
			if err != nil {
				continue
			}
			if log.Stage != "" {
				p.Stage, p.Phase = log.Stage, log.Phase
			}
			if log.Total > 0 {
				p.Done, p.Total = log.Done, log.Total
			}
		}
		if p.Total > 0 && p.Stage == "" {
			p.Stage, p.Phase = "Starting benchmark", trtllm.PhaseBenchmarking // said too long ago
		}
		if p.Stage != "" {
			break
		}
	}
	return p, nil
}

// none reports whether a file is not there, or another user's and private yet.
func none(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) }

// head is the beginning of a file, "" for none.
func head(path string, most int64) (string, error) {
	f, err := regular.Open(path)
	if none(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most))
	return string(b), err
}

// tail is the end of a file, from the beginning of a line on; "" for none.
func tail(path string, most int64) (string, error) {
	end, _, err := endOf(path, most)
	if none(err) {
		err = nil
	}
	return string(end), err
}

// endOf is the end of a regular file. Where cut bytes before it are left out, it begins
// with a line: half a secret would not be recognised.
func endOf(path string, most int64) (end []byte, cut int64, err error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, err
	}
	from := max(0, size-most)
	end, err = io.ReadAll(io.NewSectionReader(f, from, most))
	if err != nil || from == 0 {
		return end, 0, err
	}
	_, end, _ = bytes.Cut(end, []byte("\n"))
	return end, size - int64(len(end)), nil
}
