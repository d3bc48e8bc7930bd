package runs

import (
	"os"
)

// Reserve wins the next attempt of a sample. Two callers never win the same one:
// its folder is made by mkdir, and whoever finds it there takes the next number.
func (s *Store) Reserve(k Key, sample int) (*Attempt, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	if err := s.mkdirAll(sampleDir(s.KeyDir(k), sample)); err != nil {
		return nil, err
	}
	last, err := s.lastAttempt(k, sample)
	if err != nil {
		return nil, err
	}
	for next := last + 1; ; next++ {
		a := s.attempt(s.KeyDir(k), k, sample, next)
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
