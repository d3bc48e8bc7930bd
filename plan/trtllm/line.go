package trtllm

import (
	"bufio"
	"bytes"
	"errors"
	"hash/fnv"
	"io"
	"regexp"

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
}

// noStream is the stream of lines without a prefix.
const noStream = -1

// newLineReader also reads UTF-16 with a mark at the beginning, which PowerShell and
// some viewers write.
func newLineReader(r io.Reader) *lineReader {
	in := bufio.NewReaderSize(r, 64<<10)
	if b, _ := in.Peek(2); string(b) == "\xff\xfe" || string(b) == "\xfe\xff" {
		in = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(in), 64<<10)
	}
	return &lineReader{in: in}
}

// next returns the next line, valid until the call after; ok is false at the
// end. A last line without an end counts.
func (l *lineReader) next() (line []byte, ok bool, err error) {
	l.buf, l.ended = l.buf[:0], true
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
	line := l.buf
	if bytes.IndexByte(line, 0x1b) >= 0 {
		line = terminalCode.ReplaceAll(line, nil)
	}
	l.stream, line = cutPrefix(line)
	return bytes.TrimRight(line, " \t")
}

// terminalCode is ESC [ … letter, ESC ] … BEL, or ESC with one byte.
var terminalCode = regexp.MustCompile(`\x1b(?:\[[^@-~]*[@-~]?|\][^\x07\x1b]*[\x07\x1b]?|.?)`)

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

// cutLogger splits off what a logger puts before its text, and returns the level
// as one capital: "[09/17/2025-21:24:19] [TRT-LLM] [RANK 2] [E] …", where the
// parts in brackets vary by version, or "[TensorRT-LLM][INFO] …" of the C++
// side. level is 0 for a line of no logger.
func cutLogger(line []byte) (level byte, text []byte) {
	if rest, ok := bytes.CutPrefix(line, []byte("[TensorRT-LLM][")); ok {
		name, text, ok := bytes.Cut(rest, []byte("]"))
		if !ok || len(name) == 0 {
			return 0, line
		}
		return name[0], bytes.TrimLeft(text, " ")
	}
	if !bytes.Contains(line, []byte("[TRT-LLM]")) {
		return 0, line
	}
	m := logger.FindSubmatchIndex(line)
	switch {
	case m == nil:
		return 0, line
	case m[2] < 0:
		return 'I', line[m[1]:]
	}
	return line[m[2]], line[m[1]:]
}

// logger matches a timestamp of 19 bytes, the name, and a level, ranks and modules.
// Other brackets belong to the text.
var logger = regexp.MustCompile(`^\s*(?:\[.{19}\]\s*)?\[TRT-LLM\](?: *\[(?:([A-Z])|(?:_|RANK )[^\]]*)\])* *`)

// cutPrefix splits off what launchers and container runtimes put before every line,
// and returns the stream that it names: a rank, or a source by its name; noStream
// without one. They may stand one behind the other.
func cutPrefix(line []byte) (stream int, rest []byte) {
	stream = noStream
	if at := criEnd(line); at > 0 {
		line = line[at:]
	}
	head := line[:min(len(line), mostPrefix)]
	if bytes.Contains(head, []byte(" | ")) {
		if name := composeName.Find(head); name != nil {
			h := fnv.New32a()
			_, _ = h.Write(bytes.TrimRight(name, " |"))
			stream, line = 1<<32+int(h.Sum32()), line[len(name):]
		}
	}
	if tagged := mpiRank(line); tagged != nil {
		rank, _, _ := scanInt(append(tagged[1], tagged[2]...), 0)
		return rank, line[len(tagged[0]):]
	}
	if rank, rest := cutRank(line); rank >= 0 {
		return rank, rest
	}
	return stream, line
}

const mostPrefix = 200

var (
	// composeName is "bench-1  | " of docker compose.
	composeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*[-_]\d+ +\| ?`)
	// mpiTag is "[1,5]<stdout>:" of mpirun --tag-output, "[prterun-host-77@1,5]<stderr>: "
	// of its later versions.
	mpiTag = regexp.MustCompile(`^\[(?:\d+,(\d+)\]<std\w+>:|[^\]\s]*@\d+,(\d+)\]<std\w+>: ?)`)
	// criLine is "2026-03-02T08:10:02.123456789Z stdout F " of Kubernetes' CRI.
	criLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* (?:stdout|stderr) [FP] `)
)

// mpiRank is the prefix of mpirun and the rank in it, nil without one.
func mpiRank(line []byte) [][]byte {
	head := line[:min(len(line), mostPrefix)]
	if len(head) == 0 || head[0] != '[' || !bytes.Contains(head, []byte("]<std")) {
		return nil
	}
	return mpiTag.FindSubmatch(head)
}

// criEnd is where the prefix of a container runtime ends, 0 without one.
func criEnd(line []byte) int {
	if len(line) < 20 || line[4] != '-' || line[10] != 'T' {
		return 0
	}
	return len(criLine.Find(line[:min(len(line), mostPrefix)]))
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
