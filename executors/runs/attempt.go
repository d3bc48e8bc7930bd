package runs

import (
	"path/filepath"
	"strconv"

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
func (s *Store) Attempt(k Key, sample, number int) *Attempt { return s.attempt(k, sample, number) }

func (s *Store) attempt(k Key, sample, number int) *Attempt {
	return &Attempt{
		Folder: jobdir.Folder{Dir: s.sampleDir(k, sample) + string(filepath.Separator) + "attempt-" + strconv.Itoa(number)},
		Key:    k, Sample: sample, Number: number, store: s,
	}
}

func (s *Store) sampleDir(k Key, sample int) string {
	return s.KeyDir(k) + string(filepath.Separator) + "sample-" + strconv.Itoa(sample)
}

// String is the attempt's folder below the store.
func (a *Attempt) String() string {
	rel, err := filepath.Rel(a.store.dir, a.Dir)
	if err != nil {
		return a.Dir
	}
	return rel
}

// Attempts lists all attempts of a key, retired ones too, by sample and number.
func (s *Store) Attempts(k Key) ([]*Attempt, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	samples, err := jobdir.List(s.KeyDir(k))
	if err != nil {
		return nil, err
	}
	var out []*Attempt
	for _, sample := range samples.Numbered("sample-") {
		l, err := jobdir.List(s.sampleDir(k, sample))
		if err != nil {
			return nil, err
		}
		for _, n := range l.Numbered("attempt-") {
			out = append(out, s.attempt(k, sample, n))
		}
	}
	return out, nil
}

// Keys lists the keys that have a folder, real ones first, by fingerprint and
// cluster.
func (s *Store) Keys() ([]Key, error) {
	var out []Key
	for _, simulated := range []bool{false, true} {
		keys, err := s.keys(simulated)
		if err != nil {
			return nil, err
		}
		out = append(out, keys...)
	}
	return out, nil
}

func (s *Store) keys(simulated bool) ([]Key, error) {
	prints, err := jobdir.List(s.runsDir(simulated))
	if err != nil {
		return nil, err
	}
	var out []Key
	for _, fp := range prints.Names {
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

// Intent returns nil when the attempt was never prepared to the end.
func (a *Attempt) Intent() (*jobdir.Intent, error) {
	return document[jobdir.Intent](a.Dir, jobdir.IntentFile)
}

// Run returns the run that the attempt is for, nil when it was not written.
func (a *Attempt) Run() (*plan.Run, error) { return document[plan.Run](a.Dir, jobdir.RunFile) }

func document[T any](dir, name string) (*T, error) {
	l, err := jobdir.List(dir)
	if err != nil {
		return nil, err
	}
	return jobdir.Document[T](l, name)
}
