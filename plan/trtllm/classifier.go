package trtllm

import (
	"bytes"

	"github.com/llmbench/llmbench/plan/failure"
)

// A Classifier finds in logs why runs failed. It may be used by several goroutines.
type Classifier struct {
	failure.Patterns
	marks [][][]byte // of Signatures
	noise [][]byte
}

// NewClassifier knows the words of trtllm-bench and those of more, such as a
// scheduler's, which are tried first.
func NewClassifier(more failure.Patterns) *Classifier {
	c := &Classifier{Patterns: more.With(words)}
	for _, s := range c.Signatures {
		c.marks = append(c.marks, asBytes(s.Marks))
	}
	c.noise = asBytes(c.Noise)
	return c
}

// own knows trtllm-bench's words alone.
var own = NewClassifier(failure.Patterns{})

func (c *Classifier) search() *search { return &search{Classifier: c} }

func asBytes(in []string) [][]byte {
	out := make([][]byte, len(in))
	for i, s := range in {
		out[i] = []byte(s)
	}
	return out
}

// match finds the signature of a line in lower case, and where it is. It is nil
// for a line that shows nothing. early says that trtllm-bench has not logged yet.
func (c *Classifier) match(lower []byte, early bool) (*failure.Signature, int) {
	for i, marks := range c.marks {
		s := &c.Signatures[i]
		if s.Early && !early {
			continue
		}
		at := bytes.Index(lower, marks[0])
		if at >= 0 && inOrder(lower[at+len(marks[0]):], marks[1:]) {
			return s, at
		}
	}
	if string(lower) == "killed" || string(lower) == "terminated" {
		return &shellSaysKilled, 0
	}
	return nil, 0
}

// shellSaysKilled is a line that a shell writes alone.
var shellSaysKilled = failure.Signature{Code: failure.TaskExit, Grade: failure.Weak}

func inOrder(b []byte, marks [][]byte) bool {
	for _, m := range marks {
		i := bytes.Index(b, m)
		if i < 0 {
			return false
		}
		b = b[i+len(m):]
	}
	return true
}

// isNoise reports whether a line, in lower case, is to be passed over.
func (c *Classifier) isNoise(lower []byte) bool {
	for _, n := range c.noise {
		if bytes.Contains(lower, n) {
			return true
		}
	}
	return bytes.HasPrefix(lower, []byte("srun: error: ")) && bytes.HasSuffix(lower, []byte(": killed"))
}

// Remedy is what to do about a failure that text tells.
func (c *Classifier) Remedy(code failure.Code, text string) string {
	remedy, _ := c.remedy(code, appendLower(nil, []byte(text)))
	return remedy
}

// remedy is what to do about a failure that a line, in lower case, shows, and
// whether every node would fail so.
func (c *Classifier) remedy(code failure.Code, lower []byte) (remedy string, everywhere bool) {
	if remedy, everywhere, ok := c.finer(code, lower); ok {
		return remedy, everywhere
	}
	return code.Entry().Remedy, false
}

// finer is the advice of a mark in the line.
func (c *Classifier) finer(code failure.Code, lower []byte) (remedy string, everywhere, ok bool) {
	for i := range c.Advice {
		if a := &c.Advice[i]; a.Code == code && bytes.Contains(lower, []byte(a.Mark)) {
			return a.Remedy, a.Everywhere, true
		}
	}
	return "", false, false
}
