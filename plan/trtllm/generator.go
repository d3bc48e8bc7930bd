package trtllm

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
)

// A generator makes rows of one shape.
type generator struct {
	shape Shape
	// drawn has a bit for each id of the vocabulary that the prompt has.
	drawn  []uint64
	source rand.PCG
}

func newGenerator(s Shape) *generator {
	return &generator{shape: s, drawn: make([]uint64, (s.Vocab+63)/64)}
}

// rows appends the rows from (inclusive) to to (exclusive).
func (g *generator) rows(b []byte, from, to int) []byte {
	for row := from; row < to; row++ {
		isl, osl := g.shape.Lengths(row)
		b = append(b, `{"task_id":`...)
		b = strconv.AppendInt(b, int64(row), 10)
		b = append(b, `,"input_ids":`...)
		b = g.prompt(b, row, isl)
		b = append(b, `],"output_tokens":`...)
		b = strconv.AppendInt(b, int64(osl), 10)
		b = append(b, "}\n"...)
	}
	return b
}

// prompt appends isl ids with commas between them, behind an opening bracket.
func (g *generator) prompt(b []byte, row, isl int) []byte {
	g.source.Seed(g.shape.state(row, streamIDs))
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
