package trtllm

import (
	"math"
	"math/rand/v2"
)

// Generator names the generator of data sets and its version: the same name,
// shape and seed give the same bytes for ever.
const Generator = "llmbench-norm-1"

// DefaultSeed is the seed of trtllm-bench's own generator.
const DefaultSeed = 420

// A Shape describes a generated data set: the distribution of trtllm-bench's
// token-norm-dist. Lengths are normal, rounded up and at least 1; ISL and OSL
// are independent. Ids are drawn from 0 to Vocab-1 without replacement within a
// prompt (with replacement where the prompt is longer than the vocabulary) and
// are never EOS.
type Shape struct {
	ISL, OSL           int
	ISLStdev, OSLStdev float64
	Seed               int64
	Rows               int
	Vocab, EOS         int
}

// A Length is one row: tokens in and tokens out. ISL is -1 for a prompt that is
// text, whose length only the tokenizer knows.
type Length struct{ ISL, OSL int }

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

// The random streams of a row.
const (
	streamIDs uint64 = iota
	streamISL
	streamOSL
)

// random is a stream of its own for each seed, row and purpose: the seed and the
// row fill the two words of PCG's state, the purpose the row's upper bits.
func (s Shape) random(row int, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(s.Seed), uint64(row)|stream<<56))
}

func normalLength(r *rand.Rand, mean int, stdev float64) int {
	return max(1, int(math.Ceil(r.NormFloat64()*stdev+float64(mean))))
}
