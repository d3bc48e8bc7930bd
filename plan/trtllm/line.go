package trtllm

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine bounds how much of a line is kept; the rest is dropped.
const maxLine = 64 << 10

// A lineReader reads a log line by line: carriage returns end lines too, the
// rank prefix of `srun -l` and terminal colours are taken off, and memory is
// bounded whatever the line.
type lineReader struct {
	in  *bufio.Reader
	buf []byte
	// ended is false once the last line came without an end.
	ended bool
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10)}
}

// whole is the next line as it stands in the buffer, nil where the buffer does
// not hold its end. It stays the next line until skip is called.
func (l *lineReader) whole() []byte {
	b, _ := l.in.Peek(l.in.Buffered())
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		return nil
	}
	return b[:n]
}

// skip takes the line that whole returned.
func (l *lineReader) skip(line []byte) {
	_, _ = l.in.Discard(len(line) + 1)
	l.ended = true
}

// next returns the next line, valid until the call after; ok is false at the
// end. A last line without an end counts.
func (l *lineReader) next() (line []byte, ok bool, err error) {
	l.buf, l.ended = l.buf[:0], true
	for {
		if _, err := l.in.Peek(1); errors.Is(err, io.EOF) {
			l.ended = false
			return clean(l.buf), len(l.buf) > 0, nil
		} else if err != nil {
			return nil, false, err
		}
		b, _ := l.in.Peek(l.in.Buffered())
		n := lineEnd(b)
		part := b
		if n >= 0 {
			part = b[:n]
		}
		l.buf = append(l.buf, part[:min(len(part), maxLine-len(l.buf))]...)
		_, _ = l.in.Discard(min(len(b), len(part)+1))
		if n >= 0 {
			return clean(l.buf), true, nil
		}
	}
}

// lineEnd is where the first line of b ends, -1 if it does not.
func lineEnd(b []byte) int {
	n := bytes.IndexByte(b, '\n')
	if n >= 0 {
		b = b[:n]
	}
	if r := bytes.IndexByte(b, '\r'); r >= 0 {
		return r
	}
	return n
}

// clean takes colours, the rank prefix and white space at the end off a line.
// It works in place.
func clean(line []byte) []byte {
	if bytes.IndexByte(line, escape) >= 0 {
		line = stripANSI(line)
	}
	_, line = cutRank(line)
	return bytes.TrimRight(line, " \t")
}

const escape = 0x1b

// stripANSI removes a terminal's codes: ESC [ … letter, ESC ] … BEL, and ESC
// with one byte.
func stripANSI(line []byte) []byte {
	out := line[:0]
	for i := 0; i < len(line); i++ {
		if line[i] != escape {
			out = append(out, line[i])
			continue
		}
		i++
		switch {
		case i >= len(line):
		case line[i] == '[':
			for i++; i < len(line) && (line[i] < 0x40 || line[i] > 0x7e); i++ {
			}
		case line[i] == ']':
			for i++; i < len(line) && line[i] != 0x07 && line[i] != escape; i++ {
			}
		}
	}
	return out
}

// cutRank splits off "N: ", which srun -l puts before every line. rank is -1
// without one.
func cutRank(line []byte) (rank int, rest []byte) {
	const mostDigits = 6
	start := skipSpaces(line, 0)
	rank, end, ok := scanInt(line, start)
	switch {
	case !ok || end-start > mostDigits || end >= len(line) || line[end] != ':':
		return -1, line
	case end+1 == len(line):
		return rank, nil
	case line[end+1] != ' ':
		return -1, line
	}
	return rank, line[end+2:]
}

// skipSpaces is where the white space from i on ends.
func skipSpaces(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// scanInt reads decimal digits from i on.
func scanInt(b []byte, i int) (v, end int, ok bool) {
	const most = 1 << 52
	for end = i; end < len(b) && '0' <= b[end] && b[end] <= '9'; end++ {
		if v = v*10 + int(b[end]-'0'); v > most {
			return 0, end, false
		}
	}
	return v, end, end > i
}
