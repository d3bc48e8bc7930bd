package trtllm

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
)

// A traceback is what one stream is raising.
type traceback struct {
	open, group bool
	frames      []string
	// linked says that the next traceback has this one as its reason, whose last line
	// is first.
	linked      bool
	first, last string
}

var (
	beginsTraceback = []byte("Traceback (most recent call last)")
	chains          = [][]byte{
		[]byte("During handling of the above exception, another exception occurred"),
		[]byte("The above exception was the direct cause of the following exception"),
	}
	// asyncio tells of a task that nobody waited for in "future: <Task … exception=…>".
	unretrieved = regexp.MustCompile(`^future: <Task .*exception=(.*)>$`)
	margin      = regexp.MustCompile(`^\s*[|+][-+]*(?: ?-+ \d+ -+$)? ?`)
)

// trace takes in a line of a stream; it is true for one that belongs to a traceback.
func (s *search) trace(stream int, line []byte) bool {
	t := s.streams[stream]
	if m := unretrieved.FindSubmatch(line); m != nil {
		s.raise(stream, t, m[1])
		return true
	}
	if bytes.Contains(line, beginsTraceback) {
		s.begin(stream, line)
		return true
	}
	if t == nil {
		return false
	}
	if !t.open {
		for _, c := range chains {
			t.linked = t.linked || bytes.Contains(line, c)
		}
		return t.linked
	}
	return s.within(stream, t, line)
}

// begin opens a traceback.
func (s *search) begin(stream int, line []byte) {
	if s.streams == nil {
		s.streams = map[int]*traceback{}
	}
	t := s.streams[stream]
	if t == nil {
		t = &traceback{}
		s.streams[stream] = t
	}
	if !t.linked {
		t.first = ""
	}
	t.group = t.open && t.group || bytes.Contains(line, []byte("Exception Group Traceback"))
	t.open, t.frames = true, nil
	if s.raised.Code == "" {
		s.raised = candidate{Failure: Failure{Code: failure.TaskExit, Line: shorten(line, 0), Strong: true}, at: s.at}
		s.raisedBy, s.mild, s.open = stream, true, true
	}
}

// within takes in a line behind the beginning of a traceback. Lines of loggers, and
// whatever is no exception, are between its lines by chance.
func (s *search) within(stream int, t *traceback, line []byte) bool {
	if t.group {
		line = margin.ReplaceAll(line, nil)
	}
	switch {
	case len(line) == 0:
		return true
	case line[0] == ' ' || line[0] == '\t':
		if t.frames = append(t.frames, shown(line)); len(t.frames) > 2*contextLines {
			t.frames = t.frames[1:]
		}
		return true
	case !isException(line):
		return false
	}
	s.raise(stream, t, line)
	return true
}

// raise takes an exception for the cause: the last of the stream that failed first.
func (s *search) raise(stream int, t *traceback, line []byte) {
	text := shorten(line, 0)
	context := text
	if t != nil {
		if t.linked && t.last != "" && t.first == "" {
			t.first = t.last
		}
		context = strings.Join(append(t.frames, shown(line)), "\n")
		t.last, t.linked = text, false
		t.open = t.group && exceptionGroup.Match(line)
		if t.first != "" && t.first != text {
			text = shorten([]byte(text+" (first: "+t.first+")"), 0)
		}
	}
	mild := s.isConsequence(line)
	known := s.raised.Code != ""
	if known && !s.mild && (mild || stream != s.raisedBy) || known && s.mild && mild && !s.open {
		return
	}
	at := s.at
	if known && stream == s.raisedBy {
		at = s.raised.at
	}
	s.raised = candidate{Failure: Failure{Code: failure.TaskExit, Line: text, Context: context, Strong: true}, at: at}
	s.raisedBy, s.mild, s.open = stream, mild, false
}

var exceptionGroup = regexp.MustCompile(`^(?:\w+\.)*(?:Base)?ExceptionGroup\b`)

// consequences are raised by what another process or the end of the program brings
// about.
var consequences = regexp.MustCompile(`^(?:\w+\.)*(?:KeyboardInterrupt|SystemExit|CancelledError|BrokenPipeError|ConnectionResetError|ConnectionAbortedError|EOFError|GeneratorExit|BrokenProcessPool|BaseExceptionGroup|ExceptionGroup)\b|cannot schedule new futures after|Event loop is closed`)

// isConsequence reports whether an exception follows from another failure, or has a
// signature, which is weighed by itself.
func (s *search) isConsequence(line []byte) bool {
	if consequences.Match(line) {
		return true
	}
	sig, _ := s.match(strings.ToLower(string(line)), false)
	return sig != nil && sig.Grade != failure.Hint
}

// node looks in a line for the host of what was found, unless it is known or none is
// to blame.
func (s *search) node(line []byte) {
	if s.best.Node != "" || s.best.Everywhere {
		return
	}
	if s.best.Code == failure.NCCL || s.best.Code == failure.IMEX {
		s.best.Node = ncclHost(line)
	}
	for i := range s.Hosts {
		if h := &s.Hosts[i]; s.best.Node == "" && slices.Contains(h.Codes, s.best.Code) {
			s.best.Node = hostIn(line, h)
		}
	}
}

// hostIn is the host that stands in a line as h says.
func hostIn(line []byte, h *failure.HostPattern) string {
	_, rest, ok := bytes.Cut(line, []byte(h.After))
	if !ok || containsAny(string(line), h.Unless) {
		return ""
	}
	if h.Before == "" {
		host, _, _ := bytes.Cut(rest, []byte(" "))
		return hostName(bytes.TrimRight(host, ".,:;"))
	}
	host, _, ok := bytes.Cut(rest, []byte(h.Before))
	if !ok {
		return ""
	}
	return hostName(host[bytes.LastIndexByte(host, ' ')+1:])
}

// ncclHost is HOST in "HOST:PID:TID [N] … NCCL WARN …".
func ncclHost(line []byte) string {
	host, rest, _ := bytes.Cut(line, []byte(":"))
	if !bytes.Contains(rest, ncclWarn) || !processID.Match(rest) {
		return ""
	}
	return hostName(host)
}

var processID = regexp.MustCompile(`^\d{1,15}:`)

// hostName is a name if it may be a host's, "" if not.
func hostName(b []byte) string {
	const longest = 253
	if len(b) > longest || !host.Match(b) {
		return ""
	}
	return string(b)
}

var host = regexp.MustCompile(`^[-._]*[A-Za-z0-9][-._A-Za-z0-9]*$`)
