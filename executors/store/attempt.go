package store

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
)

// An Attempt is one try to get one sample: a folder that a client fills before
// the job and the job while it runs.
type Attempt struct {
	jobdir.Folder
	Key Key
	// Sample and Number count from 1.
	Sample, Number int

	store *Store
}

// Attempt is an attempt by its numbers, whether it exists or not.
func (s *Store) Attempt(k Key, sample, number int) *Attempt {
	if homes, err := s.homes(k); err == nil {
		for _, home := range homes[:len(homes)-1] {
			if a := s.attempt(home, k, sample, number); a.exists() {
				return a
			}
		}
	}
	return s.attempt(s.KeyDir(k), k, sample, number)
}

// attempt is an attempt of a key in one of the key's homes.
func (s *Store) attempt(home string, k Key, sample, number int) *Attempt {
	return &Attempt{
		Folder: jobdir.Folder{Dir: sampleDir(home, sample) + string(filepath.Separator) + "attempt-" + strconv.Itoa(number)},
		Key:    k, Sample: sample, Number: number, store: s,
	}
}

func sampleDir(home string, sample int) string {
	return home + string(filepath.Separator) + "sample-" + strconv.Itoa(sample)
}

// String is the attempt's folder below the store.
func (a *Attempt) String() string {
	return strings.TrimPrefix(a.Dir, a.store.dir+string(filepath.Separator))
}

// Attempts lists all attempts of a key, retired ones too, by sample and number. One that
// should be a folder and cannot be looked into is among them.
func (s *Store) Attempts(k Key) ([]*Attempt, error) {
	homes, err := s.homes(k)
	if err != nil {
		return nil, err
	}
	var out []*Attempt
	for _, home := range homes {
		for _, sample := range samplesIn(home) {
			_, numbers := s.attemptsAt(home, sample)
			for _, n := range numbers {
				out = append(out, s.attempt(home, k, sample, n))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Attempt) int { return a.Sample - b.Sample })
	return out, nil
}

// Intents visits the attempts of a key that were prepared, with their intents, in the
// order of Attempts, until one visit fails.
func (s *Store) Intents(k Key, visit func(a *Attempt, intent *jobdir.Intent) error) error {
	attempts, err := s.Attempts(k)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		intent, err := a.Intent()
		if err == nil && intent != nil {
			err = visit(a, intent)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// samplesIn are the numbers of the samples in a home, ascending. What should be a
// folder and cannot be looked into has the first: its attempt is found damaged.
func samplesIn(home string) []int {
	l, err := jobdir.List(home)
	if err != nil {
		return []int{1}
	}
	return l.Numbered("sample-")
}

// attemptsAt is samplesIn for the attempts of a sample.
func (s *Store) attemptsAt(home string, sample int) (jobdir.Listing, []int) {
	l, err := jobdir.List(sampleDir(home, sample))
	if err != nil {
		return l, []int{1}
	}
	return l, s.attemptsIn(l)
}

// attemptsIn are the numbers of the attempts in a sample's folder, ascending.
func (s *Store) attemptsIn(l jobdir.Listing) []int {
	numbers := l.Numbered("attempt-")
	if s.without == "" {
		return numbers
	}
	return slices.DeleteFunc(numbers, func(n int) bool {
		intent, err := jobdir.Folder{Dir: filepath.Join(l.Dir, "attempt-"+strconv.Itoa(n))}.Intent()
		return err == nil && intent != nil && intent.Plan == s.without
	})
}

// Keys lists the keys that have a folder, real ones first, by fingerprint and
// cluster.
func (s *Store) Keys() ([]Key, error) {
	real, err := s.folders(false, false)
	if err != nil {
		return nil, err
	}
	simulated, err := s.folders(true, false)
	if err != nil {
		return nil, err
	}
	return s.allCurrent(append(real, simulated...))
}

// folders lists the keys that folders are named by, all or only those of version 1.
func (s *Store) folders(simulated, early bool) ([]Key, error) {
	prints, err := jobdir.List(s.runsDir(simulated))
	if err != nil {
		return nil, err
	}
	var out []Key
	for _, fp := range prints.Names {
		if early && len(fp) != earlierLength {
			continue
		}
		clusters, err := jobdir.List(filepath.Join(prints.Dir, fp))
		if err != nil {
			continue // not a folder: not ours
		}
		for _, cluster := range clusters.Names {
			if k := (Key{Fingerprint: fp, Cluster: cluster, Simulated: simulated}); k.check() == nil {
				out = append(out, k)
			}
		}
	}
	return out, nil
}

// allCurrent lists the current keys of those that folders are named by, each once.
func (s *Store) allCurrent(stored []Key) ([]Key, error) {
	var out []Key
	for _, k := range stored {
		now, err := s.current(k)
		if err != nil {
			return nil, err
		}
		out = append(out, now...)
	}
	return unique(out), nil
}

// unique leaves the first of keys that are equal.
func unique(keys []Key) []Key {
	seen := make(map[Key]bool, len(keys))
	return slices.DeleteFunc(keys, func(k Key) bool {
		before := seen[k]
		seen[k] = true
		return before
	})
}

// Run returns the run that the attempt is for, nil when it was not written.
func (a *Attempt) Run() (*plan.Run, error) {
	l, err := jobdir.List(a.Dir)
	if err != nil {
		return nil, err
	}
	return a.run(l)
}

// Reserve wins the next attempt of a sample. Its folder is durable with its intent. Two callers never win the same one:
// its folder is made by mkdir, and whoever finds it there takes the next number. What
// killed writers left in the last one goes.
func (s *Store) Reserve(k Key, sample int) (*Attempt, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	changed, err := s.makeAll(sampleDir(s.KeyDir(k), sample))
	if err != nil {
		return nil, err
	}
	first := slices.Contains(changed, s.runsDir(k.Simulated))
	last, err := s.lastAttempt(k, sample)
	if err != nil {
		return nil, err
	}
	if last > 0 {
		jobdir.Sweep(s.attempt(s.KeyDir(k), k, sample, last).Dir)
	}
	for next := last + 1; ; next++ {
		a := s.attempt(s.KeyDir(k), k, sample, next)
		made, err := s.makeDir(a.Dir)
		if err != nil {
			return nil, err
		}
		if made && !first {
			err = s.stir(k)
		}
		if made {
			return a, err
		}
	}
}

// exists reports whether the attempt's folder is there.
func (a *Attempt) exists() bool {
	_, err := os.ReadDir(a.Dir)
	return err == nil
}
