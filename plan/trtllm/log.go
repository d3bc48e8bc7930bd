// Package trtllm knows what trtllm-bench wants and what it says: its command
// line and options file, the data set it reads, and the report, log and
// iteration lines it writes, for the versions 0.17 to 1.2.
//
// The package is pure: it reads and writes streams. Only [ReadDatasetFile] opens a file.
package trtllm

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strconv"
)

// A Log is what the output of trtllm-bench tells, read in one pass and in
// bounded memory.
type Log struct {
	// Report is the last whole text report, nil if there is none. What the text
	// does not say is nil or zero in it. A whole report is a result whatever
	// comes after it.
	Report *Report
	// Reports are all whole reports of the log, Report last, and Lines the numbers of
	// the lines of their first headings; of very many the first.
	Reports []*Report
	Lines   []int
	// Partial is the last report that began and is not whole; it is never a
	// result. Lacks names what is missing from it.
	Partial *Report
	Lacks   []string
	// Failure is the first cause of a failure, nil for nothing (see Classify).
	Failure *Failure
	// Phase is how far the run has come, and Stage the last of trtllm-bench's own
	// markers, in its words.
	Phase Phase
	Stage string
	// Done and Total count requests by the progress bar, 0 before it is there.
	Done, Total int
	// Iterations counts the engine's steps.
	Iterations int
	// Simulated says that a SIMULATED banner was seen.
	Simulated bool
}

// ReadLog is as Classifier.ReadLog, with the failures of trtllm-bench alone.
func ReadLog(r io.Reader) (*Log, error) { return own.ReadLog(r) }

// ReadLog reads a log: stdout, stderr or both, of one rank or of all under
// `srun -l`. Lines that it does not know are passed over. A log that begins or
// ends anywhere is no error. An error of r comes with what was read before it.
func (c *Classifier) ReadLog(r io.Reader) (*Log, error) {
	log := &Log{}
	l := &logReader{textReader: textReader{log: log}, cause: search{Classifier: c}}
	lines := newLineReader(r)
	line, ok, err := lines.next()
	for ; ok && err == nil; line, ok, err = lines.next() {
		l.stream = lines.stream
		l.at++
		l.line(line, lines.ended)
	}
	l.finish()
	if f, ok := l.cause.result(); ok {
		log.Failure = &f
	}
	switch {
	case log.Report != nil || log.Partial != nil:
		log.Phase = PhaseReporting
	case log.Phase == PhaseNone && log.Iterations > 0:
		log.Phase = PhaseBenchmarking // the markers are too far back
	}
	return log, err
}

// A logReader gives each line to all who read it.
type logReader struct {
	textReader
	cause search
	// stream is that of the line that is read.
	stream int
}

// line takes a line apart at its progress bars, to which anything may be glued.
func (l *logReader) line(line []byte, ended bool) {
	for {
		before, after, done, total, ok := cutBar(line)
		if !ok {
			break
		}
		if len(before) > 0 {
			l.plain(before, true)
		}
		if total > 0 {
			l.cause.alive()
			l.log.Done, l.log.Total = done, total
			l.log.Phase = max(l.log.Phase, PhaseBenchmarking)
		}
		if line = after; len(line) == 0 {
			return
		}
	}
	l.plain(line, ended)
}

// plain takes a line without progress bars. Only a new run takes a phase back.
func (l *logReader) plain(line []byte, ended bool) {
	if _, ok := ParseIteration(line); ok {
		l.cause.alive()
		l.log.Iterations++
		return
	}
	_, rest := cutLogger(line)
	l.textReader.line(rest, ended)
	if text, phase, ok := ParseMarker(line); ok && (phase >= l.log.Phase || phase == PhasePreparing) {
		l.log.Stage, l.log.Phase = text, phase
	}
	l.cause.line(l.stream, line)
}

// token matches what gives itself away as a secret: access tokens of Hugging
// Face, NGC, GitHub and OpenAI, and what stands behind Bearer.
var token = regexp.MustCompile(`\b(?:hf_[A-Za-z0-9]{16,}|nvapi-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,})|\bBearer +[A-Za-z0-9._~+/-]{8,}=*`)

// tokenStarts are what each match of token begins with: to look for them is much faster.
var tokenStarts = []string{"hf_", "nvapi-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "sk-", "Bearer "}

// Redact hides the access tokens that a log holds. A log without any is returned itself.
func Redact(log []byte) []byte {
	if !slices.ContainsFunc(tokenStarts, func(start string) bool { return bytes.Contains(log, []byte(start)) }) {
		return log
	}
	return token.ReplaceAll(log, []byte("(secret)"))
}

// A Phase is how far a run has come.
type Phase int

// The phases of a run in their order. In PhaseLoading the weights are loaded,
// kernels tuned and graphs captured; in PhaseReporting all requests are done.
const (
	PhaseNone Phase = iota
	PhasePreparing
	PhaseLoading
	PhaseWarmup
	PhaseBenchmarking
	PhaseReporting
)

// String is the phase in one word, "" for PhaseNone.
func (p Phase) String() string {
	return [...]string{"", "preparing", "loading", "warmup", "benchmarking", "reporting"}[p]
}

// markers are what the beginnings of log lines say of phases.
var markers = []struct {
	text  string
	phase Phase
}{
	{"Preparing to run throughput benchmark", PhasePreparing},
	{"Preparing to run latency benchmark", PhasePreparing},
	{"Setting PyTorch max sequence length", PhasePreparing},
	{"Setting up throughput benchmark", PhaseLoading},
	{"Setting up latency benchmark", PhaseLoading},
	{"Refreshed the MPI local session", PhaseLoading},
	{"[Autotuner]", PhaseLoading},
	{"Run autotuning warmup", PhaseLoading},
	{"Creating CUDA graph instances", PhaseLoading},
	{"Run generation only CUDA graph warmup", PhaseLoading},
	{"Setting up for warmup", PhaseWarmup},
	{"Running warmup", PhaseWarmup},
	{"Warmup done", PhaseWarmup},
	{"Starting benchmarking async task", PhaseBenchmarking},
	{"Starting benchmark", PhaseBenchmarking},
	{"Request submission complete", PhaseBenchmarking},
	{"Benchmark complete", PhaseReporting},
	{"Stopping LLM backend", PhaseReporting},
	{"LLM Backend stopped", PhaseReporting},
	{"Benchmark done. Reporting results", PhaseReporting},
	{"Writing report", PhaseReporting},
}

// ParseMarker reads a log line in which trtllm-bench or the engine says what it
// is doing. text is that in its words, without details that vary.
func ParseMarker(line []byte) (text string, phase Phase, ok bool) {
	level, rest := cutLogger(line)
	if level == 0 {
		return "", PhaseNone, false
	}
	for _, m := range markers {
		if bytes.HasPrefix(rest, []byte(m.text)) {
			return m.text, m.phase, true
		}
	}
	return "", PhaseNone, false
}

// countBar is what follows the percentage of a tqdm progress bar.
var countBar = regexp.MustCompile(`^[^|]*\| *(\d{1,15})/(\d{1,15}) *\[[^\]]*\]`)

// cutBar finds the first progress bar in a line without a terminal's codes, with what
// stands around it: "beforeBenchmarking:  25%|██▌   | 1/4 [00:51<02:35, 51.86s/it]after".
// For a bar that does not count requests total is 0, and before is nil.
func cutBar(line []byte) (before, after []byte, done, total int, ok bool) {
	for from := 0; ; {
		i := bytes.Index(line[from:], []byte("%|"))
		if i < 0 {
			return nil, nil, 0, 0, false
		}
		from += i + 2
		m := countBar.FindSubmatch(line[from:])
		if m == nil {
			continue
		}
		done, _ = strconv.Atoi(string(m[1]))
		if total, _ = strconv.Atoi(string(m[2])); done > total {
			continue
		}
		after = line[from+len(m[0]):]
		label := bytes.TrimSuffix(bytes.TrimRight(line[:from-2], " 0123456789"), []byte(":"))
		if before, ok = bytes.CutSuffix(label, []byte("Benchmarking")); !ok {
			return nil, after, 0, 0, true
		}
		return before, after, done, total, true
	}
}
