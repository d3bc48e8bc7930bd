package runs

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// diagnosisFile is what was found out about a job that made no progress.
const diagnosisFile = "diagnosis.txt"

// Growth is what shows that a running attempt lives: any file of its folder that
// grows or appears. What is sampled on its GPUs is no sign of life, since ranks in
// a hung collective spin.
type Growth struct {
	Bytes int64
	// Written is the newest change, by the file server's clock; zero where there
	// is none.
	Written time.Time
}

// Growth sums up the attempt's files.
func (a *Attempt) Growth() (Growth, error) {
	l, err := jobdir.List(a.Dir)
	if err != nil {
		return Growth{}, err
	}
	var g Growth
	for _, name := range l.Names {
		if name == diagnosisFile || name == jobdir.CancelledFile || strings.HasPrefix(name, telemetryPrefix) {
			continue
		}
		info, err := os.Lstat(filepath.Join(a.Dir, name))
		if err != nil || !info.Mode().IsRegular() {
			continue // it went away
		}
		g.Bytes += info.Size()
		if info.ModTime().After(g.Written) {
			g.Written = info.ModTime()
		}
	}
	return g, nil
}

// Signs are what the ends of a running attempt's logs show.
type Signs struct {
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
func (a *Attempt) Signs() (Signs, error) {
	var s Signs
	status, err := os.ReadFile(filepath.Join(a.Dir, jobdir.BenchExitFile))
	if rc := strings.TrimSpace(string(status)); err == nil && rc == "0" {
		return Signs{Reported: true}, nil
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
	return jobdir.ReplaceFile(a.Dir, diagnosisFile, []byte(a.Redactor().Clean(text)), 0o644)
}

// Diagnosis is what RecordDiagnosis kept, and its file; path is "" for nothing.
func (a *Attempt) Diagnosis() (path, text string) {
	path = filepath.Join(a.Dir, diagnosisFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return "", ""
	}
	return path, string(b)
}
