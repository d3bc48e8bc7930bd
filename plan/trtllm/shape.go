package trtllm

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Generator names the generator of data sets and its version: the same name,
// shape and seed give the same bytes for ever, on every machine and with any
// number of processors. Whoever changes what it writes must change its name.
const Generator = "llmbench-norm-1"

// DefaultSeed is the seed of trtllm-bench's own generator.
const DefaultSeed = 420

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
	ISLStdev, OSLStdev float64 // tokens; 0 makes all rows alike
	Seed               int64
	Rows               int
	Vocab, EOS         int // ids of the tokenizer without added special tokens
}

// A Length is one row: tokens in and tokens out. ISL is negative where only the
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

// Lengths returns the lengths of a row, counted from 0. They depend on seed and
// row alone.
func (s Shape) Lengths(row int) (isl, osl int) {
	isl, osl = s.ISL, s.OSL
	if s.ISLStdev > 0 {
		isl = normalLength(s.random(row, streamISL), s.ISL, s.ISLStdev)
	}
	if s.OSLStdev > 0 {
		osl = normalLength(s.random(row, streamOSL), s.OSL, s.OSLStdev)
	}
	return max(1, isl), max(1, osl)
}

// check refuses shapes that have no data set.
func (s Shape) check() error {
	switch {
	case s.Vocab < 2:
		return fmt.Errorf("a vocabulary of %d ids cannot make prompts", s.Vocab)
	case s.Rows < 0:
		return fmt.Errorf("a data set cannot have %d rows", s.Rows)
	case s.ISL > maxLength || s.OSL > maxLength:
		return fmt.Errorf("prompts of %d and answers of %d tokens are too long: the limit is %d", s.ISL, s.OSL, maxLength)
	}
	return nil
}

// maxLength is far above what any model takes and keeps sums of lengths far from
// overflow.
const maxLength = 1 << 30

// The random streams of a row.
const (
	streamIDs uint64 = iota
	streamISL
	streamOSL
)

// state is where PCG starts for a row and a purpose: the seed and the row fill
// its two words, the purpose the row's upper bits.
func (s Shape) state(row int, stream uint64) (hi, lo uint64) {
	return uint64(s.Seed), uint64(row) | stream<<56
}

func (s Shape) random(row int, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.state(row, stream)))
}

func normalLength(r *rand.Rand, mean int, stdev float64) int {
	// The conversion keeps compilers from fusing product and sum, which would
	// round differently on other machines.
	x := math.Ceil(float64(r.NormFloat64()*stdev) + float64(mean))
	return int(max(1, min(x, maxLength)))
}
