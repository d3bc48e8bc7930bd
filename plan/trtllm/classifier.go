package trtllm

import (
	"slices"
	"strings"

	"github.com/llmbench/llmbench/plan/failure"
)

// A Classifier finds in logs why runs failed. It may be used by several goroutines.
type Classifier struct{ failure.Patterns }

// NewClassifier knows the words of trtllm-bench and those of more, such as a
// scheduler's, which are tried first.
func NewClassifier(more failure.Patterns) *Classifier { return &Classifier{more.With(words)} }

// own knows trtllm-bench's words alone.
var own = NewClassifier(failure.Patterns{})

// match finds the signature of a line in lower case, and where it is. It is nil
// for a line that shows nothing. early says that trtllm-bench has not logged yet.
func (c *Classifier) match(lower string, early bool) (*failure.Signature, int) {
	for i := range c.Signatures {
		s := &c.Signatures[i]
		at := strings.Index(lower, s.Marks[0])
		if at >= 0 && (early || !s.Early) && inOrder(lower[at+len(s.Marks[0]):], s.Marks[1:]) {
			return s, at
		}
	}
	if lower == "killed" || lower == "terminated" {
		return &shellSaysKilled, 0
	}
	return nil, 0
}

// shellSaysKilled is a line that a shell writes alone.
var shellSaysKilled = failure.Signature{Code: failure.TaskExit, Grade: failure.Weak}

func inOrder(s string, marks []string) bool {
	ok := true
	for _, m := range marks {
		_, after, found := strings.Cut(s, m)
		s, ok = after, ok && found
	}
	return ok
}

// isNoise reports whether a line, in lower case, is to be passed over.
func (c *Classifier) isNoise(lower string) bool {
	return containsAny(lower, c.Noise) || strings.HasPrefix(lower, "srun: error: ") && strings.HasSuffix(lower, ": killed")
}

func containsAny(s string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

// Remedy is what to do about a failure that text tells.
func (c *Classifier) Remedy(code failure.Code, text string) string {
	return c.advice(code, strings.ToLower(text)).Remedy
}

// advice is what to do about a failure that a line, in lower case, shows: by a mark
// in the line, else what is general.
func (c *Classifier) advice(code failure.Code, lower string) failure.Advice {
	for _, a := range c.Advice {
		if a.Code == code && strings.Contains(lower, a.Mark) {
			return a
		}
	}
	return failure.Advice{Remedy: code.Entry().Remedy}
}
