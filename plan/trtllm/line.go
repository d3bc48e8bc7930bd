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
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next line, valid until the call after; ok is false at the
// end. A last line without an end counts.
func (l *lineReader) next() (line []byte, ok bool, err error) {
	l.buf = l.buf[:0]
	for {
		b, err := l.in.ReadByte()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, false, err
			}
			if len(l.buf) == 0 {
				return nil, false, nil
			}
			return clean(l.buf), true, nil
		}
		if b == '\n' || b == '\r' {
			return clean(l.buf), true, nil
		}
		if len(l.buf) < maxLine {
			l.buf = append(l.buf, b)
		}
	}
}

// clean takes colours, the rank prefix and white space at the end off a line.
// It works in place.
func clean(line []byte) []byte {
	if bytes.IndexByte(line, 0x1b) >= 0 {
		line = stripANSI(line)
	}
	return bytes.TrimRight(stripRank(line), " \t")
}

// stripANSI removes control sequences: ESC [ parameters and a final letter.
func stripANSI(line []byte) []byte {
	out := line[:0]
	for i := 0; i < len(line); i++ {
		if line[i] != 0x1b {
			out = append(out, line[i])
			continue
		}
		if i+1 < len(line) && line[i+1] == '[' {
			i += 2
			for i < len(line) && (line[i] < 0x40 || line[i] > 0x7e) {
				i++
			}
		} else {
			i++
		}
	}
	return out
}

// stripRank removes "N: ", which srun -l puts before every line.
func stripRank(line []byte) []byte {
	i := 0
	for i < len(line) && i < 6 && line[i] >= '0' && line[i] <= '9' {
		i++
	}
	if i == 0 || i+1 >= len(line) || line[i] != ':' || line[i+1] != ' ' {
		if i > 0 && i+1 == len(line) && line[i] == ':' {
			return nil
		}
		return line
	}
	return line[i+2:]
}
