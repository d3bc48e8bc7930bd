package trtllm

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
)

// A Failure is why a run failed, by its output.
type Failure struct {
	// Code is one of the codes of failed results.
	Code failure.Code
	// Line is the line that tells the cause, as it stands but for prefixes, colours
	// and length: at most 500 bytes. Of a chain of exceptions it is the last, with the
	// first behind it.
	Line string
	// Context is what stands around the line: two lines on each side, the last frames
	// of a traceback, or what a container's runtime wrote. Each line has at most 200
	// bytes.
	Context string
	// Strong is false for a consequence, or a warning, that is shown for want of
	// a cause.
	Strong bool
	// Ends says that the log shows the end of a process, not only what may lead to it.
	Ends bool
	// Remedy says what to do, in a sentence without a full stop.
	Remedy string
	// Node is the host that the log names with a failure that may be a host's
	// fault, "" for none. Everywhere says that every host would fail so.
	Node       string
	Everywhere bool
}

// maxFailureLine bounds Failure.Line, in bytes.
const maxFailureLine = 500

// Classify finds the first cause of a failure in a log. One rank's failure makes
// the others fail in other words, so the first strong line counts and a weak one
// only where there is no strong one. A line that only tells that something failed,
// such as MPI_Abort, gives way to a later one that says what, and a consequence or a
// stop from outside to an exception that came before it. ok is false when nothing is
// found; a whole report, which Classify does not look for, outranks whatever is.
func (c *Classifier) Classify(r io.Reader) (f Failure, ok bool) {
	l, _ := c.ReadLog(r)
	if l.Failure == nil {
		return Failure{}, false
	}
	return *l.Failure, true
}

// A search looks for the cause in one log, line by line, without progress bars.
type search struct {
	*Classifier
	best  Failure
	found *failure.Signature // of best
	// refined says that a later line of the same failure has given the remedy.
	refined bool
	// at counts lines; since is where best stood.
	at, since int

	running bool // requests were sent
	spoken  bool // trtllm-bench has logged
	ended   bool // a process has
	// streams are the tracebacks of every stream, which may interleave.
	streams map[int]*traceback
	// raised is the exception that is the cause, of the stream raisedBy; mild says that
	// it only tells of another failure, open that its traceback has not ended.
	raised   candidate
	raisedBy int
	mild     bool
	open     bool
	// said is the first line that calls itself an error and is known to no signature.
	said  candidate
	block *failure.Block // that is open
	told  bool           // best is from a block

	lower  string   // the line that is looked at, in lower case
	recent []string // the last lines before it
	after  int      // lines that are still to be added to best.Context
}

// A candidate for the cause that no signature knows.
type candidate struct {
	Failure
	at int
	// signs counts what shows that the run went on after it.
	signs int
}

// survived reports whether the run went on after a candidate: steps that were under
// way do not count.
func (c *candidate) survived() bool { return c.signs > 3 }

func (s *search) alive() {
	s.raised.signs++
	s.said.signs++
}

// line looks at one line of a stream.
func (s *search) line(stream int, line []byte) {
	if len(line) == 0 {
		return
	}
	s.at++
	s.look(stream, line)
	text := shown(line)
	if s.after > 0 {
		s.after--
		s.addContext(text)
	}
	if s.recent = append(s.recent, text); len(s.recent) > contextLines {
		s.recent = s.recent[1:]
	}
}

// How many lines of a log are kept on each side of a cause, and how much of each,
// in bytes.
const (
	contextLines = 2
	contextWidth = 200
)

func shown(line []byte) string {
	return strings.ToValidUTF8(string(Redact(line[:min(len(line), contextWidth)])), "")
}

func (s *search) addContext(text string) {
	if s.best.Context != "" {
		text = s.best.Context + "\n" + text
	}
	s.best.Context = text
}

func (s *search) look(stream int, line []byte) {
	s.running = s.running || bytes.Contains(line, []byte("Starting benchmark")) || bytes.Contains(line, []byte("_forward_step"))
	level, text := cutLogger(line)
	s.spoken = s.spoken || level != 0
	if _, _, marker := ParseMarker(line); marker {
		s.said.signs += 4
	}
	s.lower = strings.ToLower(string(line))
	traced := s.trace(stream, line)
	if s.inBlock(line) || traced && (line[0] == ' ' || line[0] == '\t') {
		return // source in a traceback says what might be raised
	}
	if s.found != nil {
		s.node(line)
	}
	if s.isNoise(s.lower) {
		return
	}
	sig, at := s.match(s.lower, !s.spoken)
	if sig == nil {
		s.refine("")
		if !traced && s.said.Code == "" && callsItselfAnError(level, line) {
			context := strings.Join(append(slices.Clone(s.recent), shown(line)), "\n")
			s.said = candidate{Failure: Failure{Code: failure.TaskExit, Line: shorten(line, 0), Context: context, Strong: true}, at: s.at}
		}
		return
	}
	s.take(sig, line, at, isWarning(level, text))
	s.openBlock()
}

// take weighs a line with a signature against what was found before.
func (s *search) take(sig *failure.Signature, line []byte, at int, mild bool) {
	strong := sig.Grade != failure.Weak && sig.Grade != failure.Hint && !mild
	if !mild && sig.Grade != failure.Hint && sig.Code.Entry().Ends && !bytes.Contains(line, ncclWarn) {
		s.ended = true
	}
	if s.best.Code == sig.Code {
		s.refine(sig.Code)
	}
	if strong && s.found != nil && confirms(s.found, sig) {
		s.best.Strong, s.found = true, sig
		return
	}
	if !s.betterThanBest(sig, strong) {
		return
	}
	a := s.advice(sig.Code, s.lower)
	s.best = Failure{
		Code: sig.Code, Line: shorten(line, at), Strong: strong, Remedy: named(a.Remedy, line), Everywhere: a.Everywhere,
		Context: strings.Join(s.recent, "\n"),
	}
	s.after, s.found, s.since, s.told, s.refined = 1+contextLines, sig, s.at, false, a.Everywhere
	s.node(line)
}

// confirms reports whether a line makes the cause of what was only a hint before: NCCL
// warns of what it then fails with.
func confirms(hint, sig *failure.Signature) bool {
	return hint.Grade == failure.Hint && (hint.Code == sig.Code || hint.Code == failure.Network && sig.Code == failure.NCCL)
}

// thePath is what a remedy calls the path that a line names.
const thePath = "the path"

var quotedPath = regexp.MustCompile(`['"\x60](/[^'"\x60]*)['"\x60]`)

// named is a remedy with the path that the line names.
func named(remedy string, line []byte) string {
	if m := quotedPath.FindSubmatch(line); m != nil {
		return strings.Replace(remedy, thePath, string(Redact(m[1])), 1)
	}
	return remedy
}

// betterThanBest says whether a line with this signature is nearer to the cause
// than what was found before.
func (s *search) betterThanBest(sig *failure.Signature, strong bool) bool {
	switch {
	case s.found == nil:
		return true
	case strong != s.best.Strong:
		return strong
	}
	return strong && s.found.Grade == failure.Vague && sig.Grade == failure.Root
}

// result is the nearest to a cause that was found. An error that no signature knows
// counts where there is nothing better: only a consequence, or a stop from outside
// that came after it.
func (s *search) result() (Failure, bool) {
	f, ok := s.best, s.found != nil
	if s.raised.Code != "" && s.raisedOutranks() {
		f, ok = s.raised.Failure, true
		f.Remedy = "read the traceback in the log"
		if s.running {
			f.Code = failure.RequestFailed
		}
	} else if s.said.Code != "" && s.saidOutranks() {
		f, ok = s.said.Failure, true
		f.Remedy = f.Code.Entry().Remedy
	}
	f.Ends = ok && s.ended
	return f, ok
}

// raisedOutranks reports whether the exception is nearer to the cause than best.
func (s *search) raisedOutranks() bool {
	if s.mild {
		return s.found == nil || s.best.Code == failure.TaskExit
	}
	if s.found == nil || !s.best.Strong || s.best.Code == failure.TaskExit || s.found.Grade == failure.Vague {
		return true
	}
	e := s.best.Code.Entry()
	return s.raised.at < s.since && !s.raised.survived() && (e.Stop != failure.NotStopped || e.Follows != failure.FollowsNone)
}

// saidOutranks is raisedOutranks for a line that only calls itself an error.
func (s *search) saidOutranks() bool {
	if s.found == nil || s.found.Grade == failure.Weak {
		return true
	}
	return s.best.Code.Entry().Stop == failure.Announced && s.said.at < s.since && !s.said.survived()
}

// refine lets a later line say what to do about a failure whose first line was too
// general: pyxis tells the cause in lines of its own.
func (s *search) refine(code failure.Code) {
	if s.found == nil || s.refined || s.best.Code != failure.Container || code != "" && code != s.best.Code {
		return
	}
	if a := s.advice(s.best.Code, s.lower); a.Mark != "" {
		s.best.Remedy, s.refined = a.Remedy, true
		if s.best.Everywhere = a.Everywhere; a.Everywhere {
			s.best.Node = ""
		}
	}
}

// openBlock begins a block at a line that says so.
func (s *search) openBlock() {
	for i := range s.Blocks {
		if b := &s.Blocks[i]; s.best.Code == b.Code && !s.told && strings.Contains(s.lower, b.Begin) {
			s.block, s.best.Context, s.after = b, "", 0
		}
	}
}

// inBlock takes in a line that repeats what another program wrote about best.
func (s *search) inBlock(line []byte) bool {
	if s.block == nil {
		return false
	}
	_, text, ok := bytes.Cut(line, []byte(s.block.Each))
	if !ok {
		s.block, s.told = nil, true
		return false
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return true
	}
	const mostLines = 20
	if strings.Count(s.best.Context, "\n") < mostLines-1 {
		s.addContext(shown(text))
	}
	chatter := containsAny(s.lower, s.block.Chatter)
	if cause := containsAny(s.lower, s.block.Causes); cause && !s.told || !chatter && !s.told {
		s.best.Line, s.told = shorten(line, 0), cause
	}
	s.refine("")
	return true
}

// shorten keeps what stands around at in a long line.
func shorten(line []byte, at int) string {
	line = bytes.TrimSpace(line)
	if len(line) > maxFailureLine {
		from := min(max(0, at-maxFailureLine/5), len(line)-maxFailureLine)
		if at < maxFailureLine*4/5 {
			from = 0
		}
		line = line[from : from+maxFailureLine]
	}
	return strings.ToValidUTF8(string(Redact(line)), "")
}

// isWarning reports whether a line says itself that it is no error: by the level of a
// logger of TensorRT-LLM, of glog or c10d, or of Python.
func isWarning(level byte, text []byte) bool {
	switch level {
	case 0:
		return mild.Match(text) && !bytes.Contains(text, ncclWarn) // its signatures have grades
	case 'E', 'F', 'C':
		return false
	}
	return true
}

var ncclWarn = []byte(" NCCL WARN ")

// mild matches "[W1103 10:00:00.125 socket.cpp:755] …", "W0302 08:10:02.1 …",
// "WARNING:root:…", "… - WARNING - …", "/a/b.py:12: UserWarning: …" and the like.
var mild = regexp.MustCompile(`^\[?[WI]\d{3,4} \d\d:|^\[?(?:WARN|WARNING|INFO|DEBUG)\b|[\s\[|-](?:WARN|WARNING|INFO|DEBUG)[\s\]|:-]+|^\S+:\d+: \w*Warning: `)

// callsItselfAnError reports whether a line begins as an error does, by its logger's
// level, in CUDA's words or in those of an exception.
func callsItselfAnError(level byte, line []byte) bool {
	switch level {
	case 'E', 'F', 'C':
		return true
	case 0:
		return anError.Match(line) && !mild.Match(line)
	}
	return false
}

var anError = regexp.MustCompile(`^(?:CUDA error|\[?[EF]\d{3,4} \d\d:|\[?(?:ERROR|FATAL|CRITICAL)\b|[Ff]atal error\b|(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): )`)

// isException reports whether a line is the last of a traceback: the name of an
// exception, with or without its text.
func isException(line []byte) bool {
	return exception.Match(line) && !bytes.HasPrefix(line, []byte("Loading"))
}

var exception = regexp.MustCompile(`^(?:(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*|[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt|Group|Warning|Failure|Timeout|Iteration)|Exception)(?:: |:?$)`)
