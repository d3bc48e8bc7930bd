package trtllm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"strconv"
)

// A Dataset sums up rows that were written or read.
type Dataset struct {
	Rows int
	// SHA256 is that of the rows, in lower-case hexadecimal; Bytes their size.
	SHA256  string
	Bytes   int64
	Lengths []Length
}

// chunkIDs is about how many ids one piece of work holds: it bounds memory
// whatever the number of rows.
const chunkIDs = 1 << 18

// Write writes the data set as JSON lines that trtllm-bench reads. Rows are made
// on all processors; the bytes depend on the shape alone. progress, which may be
// nil, is told the rows written so far, from this goroutine. Lengths of the
// result is nil.
func (s Shape) Write(w io.Writer, progress func(rows int)) (Dataset, error) {
	if s.Vocab < 2 {
		return Dataset{}, fmt.Errorf("a vocabulary of %d ids cannot make prompts", s.Vocab)
	}
	out := &sink{w: w, sum: sha256.New()}
	step := max(1, chunkIDs/max(1, s.ISL))
	stop := make(chan struct{})
	defer close(stop)
	for piece := range s.pieces(step, stop) {
		p := <-piece
		if err := out.write(p.text); err != nil {
			return Dataset{}, err
		}
		if progress != nil {
			progress(p.to)
		}
	}
	return Dataset{Rows: s.Rows, SHA256: hex.EncodeToString(out.sum.Sum(nil)), Bytes: out.n}, nil
}

type piece struct {
	text []byte
	to   int // rows up to here, exclusive
}

// pieces starts one goroutine a processor and gives the pieces in order.
func (s Shape) pieces(step int, stop <-chan struct{}) <-chan chan piece {
	type order struct {
		from, to int
		result   chan piece
	}
	workers := runtime.GOMAXPROCS(0)
	orders := make(chan order)
	inOrder := make(chan chan piece, 2*workers)
	for range workers {
		go func() {
			g := newGenerator(s)
			for o := range orders {
				o.result <- piece{g.rows(o.from, o.to), o.to}
			}
		}()
	}
	go func() {
		defer close(inOrder)
		defer close(orders)
		for from := 0; from < s.Rows; from += step {
			o := order{from, min(s.Rows, from+step), make(chan piece, 1)}
			select {
			case orders <- o:
			case <-stop:
				return
			}
			select {
			case inOrder <- o.result:
			case <-stop:
				return
			}
		}
	}()
	return inOrder
}

type sink struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (s *sink) write(b []byte) error {
	s.sum.Write(b)
	n, err := s.w.Write(b)
	s.n += int64(n)
	return err
}

// A generator makes rows of one shape.
type generator struct {
	shape  Shape
	digits []string // ids as text, with a comma in front
	seen   []uint32 // by id: the last prompt that has it
	epoch  uint32
	source rand.PCG
}

func newGenerator(s Shape) *generator {
	g := &generator{shape: s, digits: make([]string, s.Vocab), seen: make([]uint32, s.Vocab)}
	for i := range g.digits {
		g.digits[i] = "," + strconv.Itoa(i)
	}
	return g
}

func (g *generator) rows(from, to int) []byte {
	var b []byte
	for row := from; row < to; row++ {
		isl, osl := g.shape.Lengths(row)
		if b == nil {
			b = make([]byte, 0, (to-from)*(isl*7+64))
		}
		b = append(b, `{"task_id":`...)
		b = strconv.AppendInt(b, int64(row), 10)
		b = append(b, `,"input_ids":[`...)
		b = g.prompt(b, row, isl)
		b = append(b, `],"output_tokens":`...)
		b = strconv.AppendInt(b, int64(osl), 10)
		b = append(b, "}\n"...)
	}
	return b
}

func (g *generator) prompt(b []byte, row, isl int) []byte {
	g.source.Seed(uint64(g.shape.Seed), uint64(row)|streamIDs<<56)
	g.epoch++
	distinct := isl < g.shape.Vocab
	vocab, eos := uint64(g.shape.Vocab), g.shape.EOS
	for n := 0; n < isl; {
		// The upper word of the product is uniform: the vocabulary is tiny beside
		// 2^64.
		id, _ := bits.Mul64(g.source.Uint64(), vocab)
		if int(id) == eos || distinct && g.seen[id] == g.epoch {
			continue
		}
		g.seen[id] = g.epoch
		if n == 0 {
			b = append(b, g.digits[id][1:]...)
		} else {
			b = append(b, g.digits[id]...)
		}
		n++
	}
	return b
}
