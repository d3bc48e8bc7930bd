package trtllm

import "strings"

// How many lines of a log are kept on each side of a cause, and how much of each,
// in bytes.
const (
	contextLines = 2
	contextWidth = 200
)

// A surroundings keeps the last lines of a log, and what follows a cause.
type surroundings struct {
	last  [contextLines][]byte
	n     int // lines seen
	after int // lines that are still to be added to a context
}

// before are the last lines, the oldest first.
func (s *surroundings) before() string {
	var out []string
	for i := max(0, s.n-contextLines); i < s.n; i++ {
		out = append(out, shown(s.last[i%contextLines]))
	}
	return strings.Join(out, "\n")
}

// pass notes a line, and adds it to the context of the cause above it.
func (s *surroundings) pass(line []byte, context *string) {
	if s.after > 0 {
		s.after--
		*context = joined(*context, shown(line))
	}
	slot := &s.last[s.n%contextLines]
	*slot = append((*slot)[:0], line[:min(len(line), contextWidth)]...)
	s.n++
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "\n" + b
}

func shown(line []byte) string {
	return strings.ToValidUTF8(string(Redact(line[:min(len(line), contextWidth)])), "")
}

// with is what stands before a line, and the line.
func (s *surroundings) with(line []byte) string { return joined(s.before(), shown(line)) }
