package runs

import (
	"os"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// Reserve wins the next attempt of a sample. Two callers never win the same one:
// its folder is made by mkdir, and whoever finds it there takes the next number.
func (s *Store) Reserve(k Key, sample int) (*Attempt, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	dir := s.sampleDir(k, sample)
	if err := s.mkdirAll(dir); err != nil {
		return nil, err
	}
	l, err := jobdir.List(dir)
	if err != nil {
		return nil, err
	}
	next := 1
	if have := l.Numbered("attempt-"); len(have) > 0 {
		next = have[len(have)-1] + 1
	}
	for ; ; next++ {
		a := s.attempt(k, sample, next)
		made, err := s.mkdir(a.Dir)
		if err != nil {
			return nil, err
		}
		if made {
			return a, nil
		}
	}
}

// Exists reports whether the attempt's folder is there.
func (a *Attempt) Exists() bool {
	_, err := os.ReadDir(a.Dir)
	return err == nil
}
