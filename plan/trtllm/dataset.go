package trtllm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
)

// A Dataset sums up lines that were written or read.
type Dataset struct {
	Lines int
	// SHA256 is that of the lines with their line ends, in lower-case hexadecimal;
	// Bytes is their size.
	SHA256 string
	Bytes  int64
	// Lengths is one for each line that was read; it is nil for lines that were
	// written, which Shape.Lengths knows.
	Lengths []Length
	// Traits is what else lines that were read hold.
	Traits Traits
}

// Traits is what lines ask of the run that sends them. Lines count from 1; 0 is
// none.
type Traits struct {
	// LongestText is the most tokens, ISL+OSL, that a request whose prompt is text
	// can have, and LongestPrompt is that of its prompt.
	LongestText, LongestPrompt int
	// MediaLine and LoRALine are the first with media_paths and lora_request.
	MediaLine, LoRALine int
	// LargestID is the largest token id, IDLine where it stands first.
	LargestID, IDLine int
}

func (c *Traits) add(line int, r parsedLine) {
	if r.ISL < -1 {
		c.LongestText, c.LongestPrompt = max(c.LongestText, r.OSL-r.ISL), max(c.LongestPrompt, -r.ISL)
	}
	if r.media && c.MediaLine == 0 {
		c.MediaLine = line
	}
	if r.lora && c.LoRALine == 0 {
		c.LoRALine = line
	}
	if r.ISL > 0 && (r.largestID > c.LargestID || c.IDLine == 0) {
		c.LargestID, c.IDLine = r.largestID, line
	}
}

// Write writes the data set as JSON lines that trtllm-bench reads. Lines are made
// on several processors, in memory of a few megabytes whatever their number; the
// bytes depend on the shape alone. progress, which may be nil, is told the lines
// written so far, from this goroutine. An error of w ends the work and is
// returned as it is.
func (s Shape) Write(w io.Writer, progress func(lines int)) (Dataset, error) {
	if err := s.check(); err != nil {
		return Dataset{}, err
	}
	out := &hashWriter{w: w, sum: sha256.New()}
	err := s.makePieces(func(p chunk) error {
		if err := out.write(p.text); err != nil {
			return err
		}
		if progress != nil {
			progress(p.to)
		}
		return nil
	})
	if err != nil {
		return Dataset{}, err
	}
	return Dataset{Lines: s.Lines, SHA256: hex.EncodeToString(out.sum.Sum(nil)), Bytes: out.n}, nil
}

// A hashWriter hashes and counts what it writes.
type hashWriter struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (s *hashWriter) write(b []byte) error {
	s.sum.Write(b)
	n, err := s.w.Write(b)
	s.n += int64(n)
	return err
}

// A generator makes the lines of one shape.
type generator struct {
	shape Shape
	// drawn has a bit for each id of the vocabulary that the prompt has.
	drawn  []uint64
	source rand.PCG
}

func newGenerator(s Shape) *generator {
	return &generator{shape: s, drawn: make([]uint64, (s.Vocab+63)/64)}
}

// lines appends the lines from (inclusive) to to (exclusive).
func (g *generator) lines(b []byte, from, to int) []byte {
	for number := from; number < to; number++ {
		isl, osl := g.shape.Lengths(number)
		b = append(b, `{"task_id":`...)
		b = strconv.AppendInt(b, int64(number), 10)
		b = append(b, `,"input_ids":`...)
		b = g.prompt(b, number, isl)
		b = append(b, `],"output_tokens":`...)
		b = strconv.AppendInt(b, int64(osl), 10)
		b = append(b, "}\n"...)
	}
	return b
}

// prompt appends isl ids with commas between them, behind an opening bracket.
func (g *generator) prompt(b []byte, number, isl int) []byte {
	g.source.Seed(g.shape.state(number, streamIDs))
	distinct := isl < g.shape.Vocab
	if distinct {
		clear(g.drawn)
	}
	vocab, eos := uint64(g.shape.Vocab), g.shape.EOS
	start := len(b)
	for n := 0; n < isl; {
		if cap(b)-len(b) < maxIDText {
			b = slices.Grow(b, min(isl-n, pieceIDs)*8+maxIDText)
		}
		// The upper word of the product is uniform: the vocabulary is tiny beside
		// 2^64.
		id, _ := bits.Mul64(g.source.Uint64(), vocab)
		if int(id) == eos {
			continue
		}
		if distinct {
			word, bit := &g.drawn[id/64], uint64(1)<<(id%64)
			if *word&bit != 0 {
				continue
			}
			*word |= bit
		}
		b = appendID(b, id)
		n++
	}
	b[start] = '[' // in place of the first id's comma
	return b
}

// maxIDText is the space that appendID may need.
const maxIDText = 24

// appendID appends a comma and an id in decimal; b must have room for maxIDText
// bytes. Up to six digits are put together in one word from two halves of three.
func appendID(b []byte, id uint64) []byte {
	if id >= 1_000_000 {
		return strconv.AppendUint(append(b, ','), id, 10)
	}
	upper, lower := id/1000, id%1000
	first := trimmed[upper]
	if upper == 0 {
		first = trimmed[lower]
	}
	word, length := ','|uint64(first.text)<<8, 1+first.length
	if upper > 0 {
		word |= uint64(padded[lower]) << (8 * length)
		length += 3
	}
	n := len(b)
	binary.LittleEndian.PutUint64(b[n:n+8], word)
	return b[:n+int(length)]
}

// Numbers below 1000 as text, the first digit in the lowest byte: without leading
// zeros, and padded with them to three digits.
var trimmed, padded = newDigits()

type digits struct{ text, length uint32 }

func newDigits() (trimmed [1000]digits, padded [1000]uint32) {
	for i := range 1000 {
		for j, c := range []byte(strconv.Itoa(i)) {
			trimmed[i].text |= uint32(c) << (8 * j)
			trimmed[i].length++
		}
		for j, c := range []byte(strconv.Itoa(1000 + i))[1:] {
			padded[i] |= uint32(c) << (8 * j)
		}
	}
	return trimmed, padded
}

// Generator names the generator of data sets and its version: the same name,
// shape and seed give the same bytes for ever, on every machine and with any
// number of processors. Whoever changes what it writes must change its name.
const Generator = "llmbench-norm-1"

// A Shape describes a generated data set: the distribution of trtllm-bench's
// token-norm-dist. Lengths are normal, rounded up and at least 1; ISL and OSL
// are independent (trtllm-bench draws both from the same seed, which ties them
// together). Ids are drawn from 0 to Vocab-1 without replacement within a prompt
// (with replacement where the prompt is at least as long as the vocabulary) and
// are never EOS; an EOS outside the vocabulary is none.
//
// Row i depends on the seed and i alone, so that a longer data set begins with
// the shorter one. Its ids come from PCG-DXSM with the state (Seed, i), each the
// upper word of a 64-bit draw times Vocab, and its two lengths from streams of
// their own.
type Shape struct {
	ISL, OSL           int     // tokens, on average
	ISLStdev, OSLStdev float64 // tokens; 0 makes all lines alike
	Seed               int64
	Lines              int
	Vocab, EOS         int // ids of the tokenizer without added special tokens
}

// A Length is one line: tokens in and tokens out. ISL is negative where only the
// tokenizer knows it: minus the most tokens that a prompt of text can have, a byte each
// and one that begins it, and -1 for media.
type Length struct{ ISL, OSL int }

// Assumed is the ISL that a simulation takes: a token for every four bytes of a text,
// as English has, and otherwise for media.
func (l Length) Assumed(otherwise int) int {
	switch {
	case l.ISL > 0:
		return l.ISL
	case l.ISL < -1:
		return (2 - l.ISL) / 4
	}
	return otherwise
}

// Lengths returns the lengths of a line, counted from 0. They depend on seed and
// line alone.
func (s Shape) Lengths(number int) (isl, osl int) {
	isl, osl = s.ISL, s.OSL
	if s.ISLStdev > 0 {
		isl = normalLength(s.random(number, streamISL), s.ISL, s.ISLStdev)
	}
	if s.OSLStdev > 0 {
		osl = normalLength(s.random(number, streamOSL), s.OSL, s.OSLStdev)
	}
	return max(1, isl), max(1, osl)
}

// check refuses shapes that have no data set.
func (s Shape) check() error {
	switch {
	case s.Vocab < 2:
		return fmt.Errorf("a vocabulary of %d ids cannot make prompts", s.Vocab)
	case s.Lines < 0:
		return fmt.Errorf("a data set cannot have %d lines", s.Lines)
	case s.ISL > maxLength || s.OSL > maxLength:
		return fmt.Errorf("prompts of %d and answers of %d tokens are too long: the limit is %d", s.ISL, s.OSL, maxLength)
	}
	return nil
}

// maxLength is far above what any model takes and keeps sums of lengths far from
// overflow.
const maxLength = 1 << 30

// The random streams of a line.
const (
	streamIDs uint64 = iota
	streamISL
	streamOSL
)

// state is where PCG starts for a line and a purpose: the seed and the line fill
// its two words, the purpose the line's upper bits.
func (s Shape) state(number int, stream uint64) (hi, lo uint64) {
	return uint64(s.Seed), uint64(number) | stream<<56
}

func (s Shape) random(number int, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.state(number, stream)))
}

func normalLength(r *rand.Rand, mean int, stdev float64) int {
	// The conversion keeps compilers from fusing product and sum, which would
	// round differently on other machines.
	x := math.Ceil(float64(r.NormFloat64()*stdev) + float64(mean))
	return int(max(1, min(x, maxLength)))
}

// A chunk is some consecutive lines of a data set as text.
type chunk struct {
	text []byte
	to   int // the line after the last
}

// Bounds of the memory that making pieces takes: about seven bytes an id, and
// two pieces a worker. Hashing is faster than no more than a few workers.
const (
	pieceIDs   = 1 << 17
	maxWorkers = 8
)

// An order is a piece to be made.
type order struct {
	from, to int
	space    []byte // to write into, and to grow
	made     chan chunk
}

// makePieces makes the pieces of the data set on all processors and hands them
// to use one after the other, in order. A piece's text is valid until use
// returns. The first error of use ends the work.
func (s Shape) makePieces(use func(chunk) error) error {
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	orders, inOrder := make(chan order), make(chan order, 2*workers)
	spaces := make(chan []byte, 2*workers)
	for range cap(spaces) {
		spaces <- nil
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	defer running.Wait()
	defer close(stop)
	for range workers {
		running.Go(func() { s.work(orders) })
	}
	running.Go(func() {
		defer close(inOrder)
		defer close(orders)
		s.order(orders, inOrder, spaces, stop)
	})
	for o := range inOrder {
		p := <-o.made
		if err := use(p); err != nil {
			return err
		}
		spaces <- p.text
	}
	return nil
}

// order splits the data set into orders, each as soon as there is space for its
// piece.
func (s Shape) order(orders, inOrder chan<- order, spaces <-chan []byte, stop <-chan struct{}) {
	step := s.linesPerPiece()
	for from := 0; from < s.Lines; from += step {
		o := order{from: from, to: min(s.Lines, from+step), made: make(chan chunk, 1)}
		select {
		case o.space = <-spaces:
		case <-stop:
			return
		}
		select {
		case orders <- o:
		case <-stop:
			return
		}
		inOrder <- o // never blocks: there are no more orders than spaces
	}
}

func (s Shape) linesPerPiece() int {
	ids := 16 + max(0, s.ISL) + int(max(0, min(s.ISLStdev, maxLength)))
	return max(1, pieceIDs/ids)
}

func (s Shape) work(orders <-chan order) {
	g := newGenerator(s)
	for o := range orders {
		o.made <- chunk{text: g.lines(o.space[:0], o.from, o.to), to: o.to}
	}
}
