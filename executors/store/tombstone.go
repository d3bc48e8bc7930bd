package store

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
)

// replacedFile retires the attempts of a sample, beside which it lies.
const replacedFile = "replaced.json"

// A tombstone says why attempts no longer count.
type tombstone struct {
	// UpTo is the last attempt that does not count.
	UpTo int       `json:"up_to"`
	Why  string    `json:"why"`
	Time time.Time `json:"time"`
	// Plan is the saved plan that asked for it, as in jobdir.Intent, and Before the
	// last attempt that did not count without it.
	Plan   string `json:"plan,omitempty"`
	Before int    `json:"before,omitempty"`
}

// replace retires all attempts of a sample that exist now, but for those of plan,
// the saved plan that asks for it, "" for none. They stay where they are and are
// judged no more; the sample is measured again.
func (s *Store) replace(k Key, sample int, why, plan string) error {
	if err := k.check(); err != nil {
		return err
	}
	last, err := s.Without(plan).lastAttempt(k, sample)
	if err != nil || last == 0 {
		return err
	}
	dir := sampleDir(s.KeyDir(k), sample)
	if err := s.mkdirAll(dir); err != nil {
		return err
	}
	l, err := jobdir.List(dir)
	if err != nil {
		return err
	}
	before, err := s.Without(plan).retired(l)
	if err != nil {
		return err
	}
	t := tombstone{UpTo: last, Why: why, Time: s.now().UTC(), Plan: plan, Before: before}
	if err := s.stir(k); err != nil { // this process may be killed before it can do so again
		return err
	}
	return cmp.Or(jobdir.ReplaceFile(dir, replacedFile, jobdir.Encode(t), 0o644), s.stir(k))
}

// lastAttempt is the highest number of an attempt of a sample in any home, 0 if
// there is none.
func (s *Store) lastAttempt(k Key, sample int) (int, error) {
	homes, err := s.homes(k)
	if err != nil {
		return 0, err
	}
	last := 0
	for _, home := range homes {
		l, err := jobdir.List(sampleDir(home, sample))
		if err != nil {
			return 0, err
		}
		for _, n := range s.attemptsIn(l) {
			if n <= mostNumbered {
				last = max(last, n)
			}
		}
	}
	return last, nil
}

// ReplaceAll retires all attempts of all samples of a key, those beyond wanted
// too: one that was left would satisfy the run in place of a new one.
func (s *Store) ReplaceAll(k Key, why, plan string) error {
	if err := k.check(); err != nil {
		return err
	}
	samples, err := s.samples(k)
	if err != nil {
		return err
	}
	for _, sample := range samples {
		if err := s.replace(k, sample, why, plan); err != nil {
			return err
		}
	}
	return nil
}

// retired is the number of the last attempt in a sample's folder that does not
// count, 0 if all do.
func (s *Store) retired(l jobdir.Listing) (int, error) {
	t, err := jobdir.Document[tombstone](l, replacedFile)
	if err != nil || t == nil && !l.Has(replacedFile) {
		return 0, err
	}
	if t == nil {
		return 0, fmt.Errorf("%s is empty or not whole", filepath.Join(l.Dir, replacedFile))
	}
	if s.without != "" && t.Plan == s.without {
		return t.Before, nil
	}
	if t.UpTo < 0 || t.UpTo > mostNumbered {
		return 0, fmt.Errorf("%s: up_to is %d", filepath.Join(l.Dir, replacedFile), t.UpTo)
	}
	return t.UpTo, nil
}
