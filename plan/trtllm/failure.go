package trtllm

import (
	"bytes"
	"io"
	"strings"
)

// A Failure is why a run failed, by its output.
type Failure struct {
	// Class is one of submit_rejected, time_limit, preempted, node_fail, requeue,
	// host_oom, container, model_access, cli, gpu_oom, kv_too_small, network,
	// nccl, mpi, bus_error, request_failed, task_exit and hang.
	Class string
	// Line is the first line that shows it, as it stands but for rank prefix,
	// colours and length: at most 500 bytes.
	Line string
	// Context is the lines around it in the log, it in the middle: two on each side,
	// each of at most 200 bytes; "" for what Python raised.
	Context string
	// Strong is false for a consequence, or a warning, that is shown for want of
	// a cause.
	Strong bool
	// Remedy says what to do, in a sentence without a full stop.
	Remedy string
	// Node is the host that the log names with a failure that may be a host's
	// fault (node_fail, host_oom, container, bus_error, nccl), "" for none.
	Node string
}

// maxFailureLine bounds Failure.Line, in bytes.
const maxFailureLine = 500

// Classify finds the first cause of a failure in a log. One rank's failure makes
// the others fail in other words, so the first strong line counts and a weak one
// only where there is no strong one. There is one exception: a line that only
// tells that something failed, such as MPI_Abort, gives way to a later one that
// says what. ok is false when nothing is found; a whole report, which Classify
// does not look for, outranks whatever is.
func Classify(r io.Reader) (f Failure, ok bool) {
	var c classifier
	lines := newLineReader(r)
	for {
		line, more, err := lines.next()
		if err != nil || !more {
			return c.result()
		}
		if _, ok := ParseIteration(line); ok {
			continue // most lines of most logs
		}
		for {
			b, ok := cutBar(line)
			if !ok {
				break
			}
			c.line(b.before)
			line = b.after
		}
		c.line(line)
	}
}

// A classifier is given a log line by line, without progress bars.
type classifier struct {
	best  Failure
	found *signature // of best
	// refined says that a later line of the same class has given the remedy.
	refined bool

	traceback bool // in a Python traceback, before its last line
	running   bool // requests were sent
	raised    Failure
	buf       []byte
	around    surroundings
}

// line looks at one line.
func (c *classifier) line(line []byte) {
	if len(line) == 0 {
		return
	}
	c.look(line)
	c.around.pass(line, &c.best.Context)
}

func (c *classifier) look(line []byte) {
	c.running = c.running || bytes.Contains(line, []byte("Starting benchmark")) || bytes.Contains(line, []byte("_forward_step"))
	c.python(line)
	c.buf = appendLower(c.buf[:0], line)
	if c.found != nil {
		c.node(line)
	}
	if isNoise(c.buf) {
		return
	}
	s, at := match(c.buf)
	if s == nil {
		c.refine("")
		return
	}
	strong := s.grade != weak && !isMild(line)
	if c.best.Class == s.class {
		c.refine(s.class)
	}
	if !c.betterThanBest(s, strong) {
		return
	}
	c.best = Failure{Class: s.class, Line: shorten(line, at), Strong: strong, Remedy: remedy(s.class, c.buf)}
	c.best.Context, c.around.after = c.around.before(), 1+contextLines
	c.found, c.refined = s, false
	c.node(line)
}

// betterThanBest says whether a line with this signature is nearer to the cause
// than what was found before.
func (c *classifier) betterThanBest(s *signature, strong bool) bool {
	switch {
	case c.found == nil:
		return true
	case strong != c.best.Strong:
		return strong
	}
	return strong && c.found.grade == vague && s.grade == root
}

// refine lets a later line say what to do about a failure whose first line was
// too general: pyxis and sbatch tell the cause in their own lines.
func (c *classifier) refine(class string) {
	if c.found == nil || c.refined || c.best.Class != "container" || class != "" && class != c.best.Class {
		return
	}
	if finer := finerRemedy(c.best.Class, c.buf); finer != "" {
		c.best.Remedy, c.refined = finer, true
	}
}

// python follows tracebacks: the line after one says what was raised.
func (c *classifier) python(line []byte) {
	switch {
	case bytes.Contains(line, []byte("Traceback (most recent call last)")):
		c.traceback = true
		if c.raised.Class == "" {
			c.raised = Failure{Line: shorten(line, 0), Class: "task_exit"}
		}
	case c.traceback && line[0] != ' ' && line[0] != '\t':
		c.traceback = false
		if strings.HasPrefix(c.raised.Line, "Traceback") || strings.HasSuffix(c.raised.Line, "(most recent call last):") {
			c.raised.Line = shorten(line, 0)
		}
	}
	if c.running && c.raised.Class != "" {
		c.raised.Class = "request_failed"
	}
}

// result is what was found. What Python raised says more than a task's exit.
func (c *classifier) result() (Failure, bool) {
	if c.raised.Class != "" && (c.found == nil || c.best.Class == "task_exit") {
		f := c.raised
		f.Remedy = "read the traceback in the log"
		return f, true
	}
	return c.best, c.found != nil
}

// isMild reports whether a logger says that a line is no error.
func isMild(line []byte) bool {
	level, _ := cutLogger(line)
	return level != 0 && level != 'E' && level != 'F' && level != 'C'
}

// appendLower appends ASCII in lower case.
func appendLower(to, from []byte) []byte {
	for _, b := range from {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		to = append(to, b)
	}
	return to
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
