package trtllm

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// maxLine bounds how much of a line is kept; the rest is dropped.
const maxLine = 64 << 10

// A lineReader reads a log line by line: carriage returns end lines too, the
// prefix of a launcher or container runtime and terminal colours are taken off, and memory is
// bounded whatever the line.
type lineReader struct {
	in  *bufio.Reader
	buf []byte
	// ended is false once the last line came without an end.
	ended bool
	// stream is the rank, or else the source, that the line's prefix names; noStream
	// without one.
	stream int
	begun  bool
}

// noStream is the stream of lines without a prefix.
const noStream = -1

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10)}
}

// begin looks for the mark of UTF-16 at the beginning, which PowerShell and some
// viewers write.
func (l *lineReader) begin() {
	l.begun = true
	if b, _ := l.in.Peek(2); string(b) == "\xff\xfe" || string(b) == "\xfe\xff" {
		l.in = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(l.in), 64<<10)
	}
}

// next returns the next line, valid until the call after; ok is false at the
// end. A last line without an end counts.
func (l *lineReader) next() (line []byte, ok bool, err error) {
	l.buf, l.ended = l.buf[:0], true
	if !l.begun {
		l.begin()
	}
	for {
		if _, err := l.in.Peek(1); errors.Is(err, io.EOF) {
			l.ended = false
			return l.clean(), len(l.buf) > 0, nil
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
			return l.clean(), true, nil
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

// clean takes what surrounds the text off the line that was read, and notes its stream.
func (l *lineReader) clean() []byte {
	stream, line := cutPrefix(stripANSI(l.buf))
	l.stream = stream
	return bytes.TrimRight(line, " \t")
}

const escape = 0x1b

// stripANSI removes a terminal's codes: ESC [ … letter, ESC ] … BEL, and ESC
// with one byte.
func stripANSI(line []byte) []byte {
	if bytes.IndexByte(line, escape) < 0 {
		return line
	}
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
