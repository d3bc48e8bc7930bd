package trtllm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"strconv"
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
	sum, d := sha256.New(), Dataset{Lines: s.Lines}
	step := max(1, pieceIDs/(16+max(0, s.ISL)+int(max(0, min(s.ISLStdev, maxLength)))))
	var made []chan []byte // the pieces that are in work, in order
	var space []byte
	for from, written := 0, 0; written < s.Lines; {
		for from < s.Lines && len(made) <= min(runtime.GOMAXPROCS(0), maxWorkers) {
			piece, first, b := make(chan []byte, 1), from, space[:0]
			from, space = min(s.Lines, from+step), nil
			go func() { piece <- s.lines(b, first, min(s.Lines, first+step)) }()
			made = append(made, piece)
		}
		space, made = <-made[0], made[1:]
		sum.Write(space)
		if _, err := w.Write(space); err != nil {
			return Dataset{}, err
		}
		d.Bytes += int64(len(space))
		if written = min(s.Lines, written+step); progress != nil {
			progress(written)
		}
	}
	d.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return d, nil
}

// Bounds of the memory that making pieces takes: about seven bytes an id, and a
// piece a worker. Hashing is faster than no more than a few workers.
const (
	pieceIDs   = 1 << 17
	maxWorkers = 8
)

// lines appends the lines from first (inclusive) to end (exclusive).
func (s Shape) lines(b []byte, first, end int) []byte {
	drawn := make([]uint64, (s.Vocab+63)/64)
	for number := first; number < end; number++ {
		isl, osl := s.Lengths(number)
		b = append(b, `{"task_id":`...)
		b = strconv.AppendInt(b, int64(number), 10)
		b = append(b, `,"input_ids":`...)
		b = s.prompt(b, drawn, number, isl)
		b = append(b, `],"output_tokens":`...)
		b = strconv.AppendInt(b, int64(osl), 10)
		b = append(b, "}\n"...)
	}
	return b
}

// prompt appends isl ids with commas between them, behind an opening bracket. drawn
// has a bit for each id of the vocabulary.
func (s Shape) prompt(b []byte, drawn []uint64, number, isl int) []byte {
	source := rand.NewPCG(s.state(number, streamIDs))
	distinct := isl < s.Vocab
	if distinct {
		clear(drawn)
	}
	start := len(b)
	for n := 0; n < isl; {
		// The upper word of the product is uniform: the vocabulary is tiny beside
		// 2^64.
		id, _ := bits.Mul64(source.Uint64(), uint64(s.Vocab))
		if int(id) == s.EOS {
			continue
		}
		if distinct {
			word, bit := &drawn[id/64], uint64(1)<<(id%64)
			if *word&bit != 0 {
				continue
			}
			*word |= bit
		}
		b = strconv.AppendUint(append(b, ','), id, 10)
		n++
	}
	b[start] = '[' // in place of the first id's comma
	return b
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
