package trtllm

import (
	"runtime"
	"sync"
)

// A piece is some consecutive rows of a data set as text.
type piece struct {
	text []byte
	to   int // the row after the last
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
	made     chan piece
}

// makePieces makes the pieces of the data set on all processors and hands them
// to use one after the other, in order. A piece's text is valid until use
// returns. The first error of use ends the work.
func (s Shape) makePieces(use func(piece) error) error {
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
	step := s.rowsPerPiece()
	for from := 0; from < s.Rows; from += step {
		o := order{from: from, to: min(s.Rows, from+step), made: make(chan piece, 1)}
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

func (s Shape) rowsPerPiece() int {
	ids := 16 + max(0, s.ISL) + int(max(0, min(s.ISLStdev, maxLength)))
	return max(1, pieceIDs/ids)
}

func (s Shape) work(orders <-chan order) {
	g := newGenerator(s)
	for o := range orders {
		o.made <- piece{text: g.rows(o.space[:0], o.from, o.to), to: o.to}
	}
}
