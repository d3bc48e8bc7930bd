package trtllm

import (
	"bytes"
	"cmp"
	"io"
	"regexp"
	"slices"
)

// A Log is what the output of trtllm-bench tells, read in one pass and in
// bounded memory.
type Log struct {
	// Report is the last whole text report, nil if there is none. What the text
	// does not say is nil or zero in it. A whole report is a result whatever
	// comes after it.
	Report *Report
	// Reports are all whole reports of the log, Report last; of very many the first.
	Reports []PlacedReport
	// Partial is the last report that began and is not whole; it is never a
	// result. Lacks names what is missing from it.
	Partial *Report
	Lacks   []string
	// Failure is what Classify says of the same log, nil for nothing.
	Failure *Failure
	// Phase is how far the run has come, and Stage the last of trtllm-bench's own
	// markers, in its words.
	Phase Phase
	Stage string
	// Done and Total count requests by the progress bar, 0 before it is there.
	Done, Total int
	// Iterations counts the engine's steps; Last is the last of them, nil without
	// print_iter_log.
	Iterations int
	Last       *Iteration
	// MaxBatchSize, MaxNumTokens and MaxSeqLen are the limits that the log says
	// are used: by the engine, else by the report, else by
	// the heuristic. 0 where it says nothing.
	MaxBatchSize, MaxNumTokens, MaxSeqLen int
	// Heuristic says that trtllm-bench chose limits itself; ForcedTokens is what
	// it raised max_num_tokens to for want of chunked prefill, 0 if it did not.
	Heuristic    bool
	ForcedTokens int
	// Version is TensorRT-LLM's, as it prints it at the start or in the report.
	Version string
	// Simulated says that a SIMULATED banner was seen.
	Simulated bool
}

// A PlacedReport is a report and the number of the line that its first heading
// stands in.
type PlacedReport struct {
	Report *Report
	Line   int
}

// ReadLog reads a log: stdout, stderr or both, of one rank or of all under
// `srun -l`. Lines that it does not know are passed over. A log that begins or
// ends anywhere is no error.
func ReadLog(r io.Reader) (*Log, error) { return own.ReadLog(r) }

// ReadLog is as ReadLog of the package, with the failures that c knows.
func (c *Classifier) ReadLog(r io.Reader) (*Log, error) {
	l := &logReader{log: &Log{}, cause: c.search()}
	lines := newLineReader(r)
	for {
		line, ok, err := lines.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		l.stream = lines.stream
		l.text.at++
		l.line(line, lines.ended)
	}
	return l.end(), nil
}

// A logReader gives each line to all who read it.
type logReader struct {
	log   *Log
	text  textReader
	cause *search
	// stream is that of the line that is read.
	stream int
	step   Iteration
	// engineTokens is max_num_tokens as the engine logs it, 0 without.
	engineTokens int
}

// line takes a line apart at its progress bars, to which anything may be glued.
func (l *logReader) line(line []byte, ended bool) {
	for {
		b, ok := cutBar(line)
		if !ok {
			break
		}
		if len(b.before) > 0 {
			l.plain(b.before, true)
		}
		if b.label == benchmarkingLabel {
			l.cause.alive()
			l.log.Done, l.log.Total = b.done, b.total
			l.log.Phase = max(l.log.Phase, PhaseBenchmarking)
		}
		if line = b.after; len(line) == 0 {
			return
		}
	}
	l.plain(line, ended)
}

// plain takes a line without progress bars.
func (l *logReader) plain(line []byte, ended bool) {
	if it, ok := ParseIteration(line); ok {
		l.cause.alive()
		l.log.Iterations++
		l.step = it
		return
	}
	level, rest := cutLogger(line)
	l.text.line(rest, ended)
	if level != 0 {
		l.marker(line)
		l.limits(rest)
	}
	if l.log.Version == "" {
		if _, v, ok := bytes.Cut(line, []byte("LLM version: ")); ok {
			l.log.Version = string(v)
		}
	}
	l.cause.line(l.stream, line)
}

// marker follows the phases, which only a new run takes back.
func (l *logReader) marker(line []byte) {
	text, phase, ok := ParseMarker(line)
	if ok && (phase >= l.log.Phase || phase == PhasePreparing) {
		l.log.Stage, l.log.Phase = text, phase
	}
}

// limits reads what the heuristic, the engine and the warning about chunked
// prefill say.
func (l *logReader) limits(line []byte) {
	switch {
	case bytes.Contains(line, []byte("Using heuristics")):
		l.log.Heuristic = true
		take(&l.log.MaxBatchSize, line, "max_batch_size=")
		take(&l.log.MaxNumTokens, line, "max_num_tokens=")
	case bytes.HasPrefix(line, []byte("Initial settings: ")): // 1.3
		limits := bytes.Count(line, []byte("max_batch_size=")) + bytes.Count(line, []byte("max_num_tokens="))
		l.log.Heuristic = limits > bytes.Count(line, []byte("(user-provided)"))
		take(&l.log.MaxBatchSize, line, "max_batch_size=")
		take(&l.log.MaxNumTokens, line, "max_num_tokens=")
	case bytes.HasPrefix(line, []byte("max_seq_len=")):
		take(&l.log.MaxSeqLen, line, "max_seq_len=")
		take(&l.engineTokens, line, "max_num_tokens=")
	case take(&l.log.ForcedTokens, line, "Forcing max_num_tokens to "):
		l.log.MaxNumTokens = l.log.ForcedTokens
	}
}

// take reads the number behind a mark.
func take(to *int, line []byte, mark string) bool {
	i := bytes.Index(line, []byte(mark))
	if i < 0 {
		return false
	}
	n, _, ok := scanInt(line, i+len(mark))
	if ok {
		*to = n
	}
	return ok
}

// end draws the conclusions.
func (l *logReader) end() *Log {
	out := l.log
	l.text.end()
	out.Report, out.Partial, out.Lacks = l.text.whole, l.text.cut, l.text.lacks
	out.Reports = l.text.reports
	if f, ok := l.cause.result(); ok {
		out.Failure = &f
	}
	if out.Iterations > 0 {
		out.Last = &l.step
	}
	report := out.Report
	if report == nil {
		report = out.Partial
	}
	if report != nil {
		out.Phase = PhaseReporting
		out.MaxBatchSize = cmp.Or(report.World.MaxBatchSize, out.MaxBatchSize)
		out.MaxNumTokens = cmp.Or(report.World.MaxNumTokens, out.MaxNumTokens)
		out.Version = cmp.Or(out.Version, report.Engine.Version)
	}
	out.MaxNumTokens = cmp.Or(l.engineTokens, out.MaxNumTokens)
	if out.Phase == PhaseNone && out.Iterations > 0 {
		out.Phase = PhaseBenchmarking // the markers are too far back
	}
	out.Simulated = l.text.simulated
	return out
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

// benchmarkingLabel is of the progress bar that counts requests.
const benchmarkingLabel = "Benchmarking"

// A bar is one state of a tqdm progress bar, with what stands around it in its
// line.
type bar struct {
	label         string
	done, total   int
	before, after []byte
}

// cutBar finds the first bar in a line. A terminal's codes must be gone.
func cutBar(line []byte) (bar, bool) {
	for from := 0; ; {
		i := bytes.Index(line[from:], []byte("%|"))
		if i < 0 {
			return bar{}, false
		}
		i += from
		if b, end, ok := parseBar(line, i+2); ok {
			b.before, b.label = cutLabel(line[:i])
			b.after = line[end:]
			return b, true
		}
		from = i + 2
	}
}

// parseBar reads "██▌   | 1/4 [00:51<02:35, 51.86s/it]" from i on.
func parseBar(line []byte, i int) (b bar, end int, ok bool) {
	n := bytes.IndexByte(line[i:], '|')
	if n < 0 {
		return
	}
	i = skipSpaces(line, i+n+1)
	if b.done, i, ok = scanInt(line, i); !ok || i >= len(line) || line[i] != '/' {
		return b, 0, false
	}
	if b.total, i, ok = scanInt(line, i+1); !ok || b.done > b.total {
		return b, 0, false
	}
	i = skipSpaces(line, i)
	if i >= len(line) || line[i] != '[' {
		return b, 0, false
	}
	n = bytes.IndexByte(line[i:], ']')
	return b, i + n + 1, n >= 0
}

// cutLabel splits "textBenchmarking:  25" into what comes before the label, and
// the label. Only the label Benchmarking is told from what is glued to it.
func cutLabel(b []byte) (before []byte, label string) {
	b = bytes.TrimRight(b, " 0123456789")
	b = bytes.TrimSuffix(b, []byte(":"))
	if before, ok := bytes.CutSuffix(b, []byte(benchmarkingLabel)); ok {
		return before, benchmarkingLabel
	}
	return nil, string(bytes.TrimSpace(b))
}
