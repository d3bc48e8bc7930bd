package runs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan/trtllm"
)

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
			p.read(text)
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

func (p *Progress) read(end string) {
	log, err := trtllm.ReadLog(strings.NewReader(end))
	if err != nil {
		return
	}
	if log.Stage != "" {
		p.Stage, p.Phase = log.Stage, log.Phase
	}
	if log.Total > 0 {
		p.Done, p.Total = log.Done, log.Total
	}
}

// head is the beginning of a file, "" for one that is not there.
func head(path string, most int64) (string, error) {
	f, err := jobdir.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most))
	return string(b), err
}

// tail is the end of a file, from the beginning of a line on; "" for one that is not
// there.
func tail(path string, most int64) (string, error) {
	f, err := jobdir.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	from := max(0, size-most)
	b, err := io.ReadAll(io.NewSectionReader(f, from, most))
	if err != nil {
		return "", err
	}
	s := string(b)
	if from > 0 {
		_, s, _ = strings.Cut(s, "\n")
	}
	return s, nil
}
