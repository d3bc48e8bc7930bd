package results

import (
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Reading is the set of results that are read as they are written: what s has are
// briefs, enough for its summaries, and whole reads all of one. It must be safe
// for several goroutines. Writing such a set takes no more memory than the briefs
// do.
func (s *Set) Reading(whole func(brief *Result) (*Result, error)) *Set {
	c := *s
	c.whole = whole
	return &c
}

// result is result number i with all that it has.
func (s *Set) result(i int) (*Result, error) {
	if s.whole == nil {
		return s.Results[i], nil
	}
	return s.whole(s.Results[i])
}

// forEach makes something of every result, of several at once, and uses what was
// made in the order of the results.
func forEach[T any](s *Set, form func(*Result) (T, error), use func(T) error) error {
	const piece = 256
	var made [piece]T
	for from := 0; from < len(s.Results); from += piece {
		n := min(piece, len(s.Results)-from)
		var g errgroup.Group
		g.SetLimit(4 * runtime.GOMAXPROCS(0))
		for i := range n {
			g.Go(func() error {
				r, err := s.result(from + i)
				if err == nil {
					made[i], err = form(r)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, m := range made[:n] {
			if err := use(m); err != nil {
				return err
			}
		}
	}
	return nil
}
