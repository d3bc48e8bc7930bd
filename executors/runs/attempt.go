package runs

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/llmbench/llmbench/plan"
)

// An Attempt is one try to get one sample: a folder that a client fills before
// the job and the job while it runs.
type Attempt struct {
	// Dir is the folder, absolute.
	Dir string
	Key Key
	// Sample and Number count from 1.
	Sample, Number int

	store *Store
}

// Attempt is an attempt by its numbers, whether it exists or not.
func (s *Store) Attempt(k Key, sample, number int) *Attempt { return s.attempt(k, sample, number) }

func (s *Store) attempt(k Key, sample, number int) *Attempt {
	return &Attempt{
		Dir: filepath.Join(s.sampleDir(k, sample), "attempt-"+strconv.Itoa(number)),
		Key: k, Sample: sample, Number: number, store: s,
	}
}

func (s *Store) sampleDir(k Key, sample int) string {
	return filepath.Join(s.KeyDir(k), "sample-"+strconv.Itoa(sample))
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
	samples, err := list(s.KeyDir(k))
	if err != nil {
		return nil, err
	}
	var out []*Attempt
	for _, sample := range samples.numbered("sample-") {
		l, err := list(s.sampleDir(k, sample))
		if err != nil {
			return nil, err
		}
		for _, n := range l.numbered("attempt-") {
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
	prints, err := list(s.runsDir(simulated))
	if err != nil {
		return nil, err
	}
	var out []Key
	for _, fp := range prints.names {
		clusters, err := list(filepath.Join(prints.dir, fp))
		if err != nil {
			continue // not a folder: not ours
		}
		for _, cluster := range clusters.names {
			if k := (Key{Fingerprint: fp, Cluster: cluster, Simulated: simulated}); k.check() == nil {
				out = append(out, k)
			}
		}
	}
	return out, nil
}

// Intent returns nil when the attempt was never prepared to the end.
func (a *Attempt) Intent() (*Intent, error) { return readDocument[Intent](a, intentFile) }

// Run returns the run that the attempt is for, nil when it was not written.
func (a *Attempt) Run() (*plan.Run, error) { return readDocument[plan.Run](a, runFile) }

// Job returns the receipt of the submission, nil while there is none.
func (a *Attempt) Job() (*JobRecord, error) { return readDocument[JobRecord](a, jobFile) }

// Ended returns the backend's word on the end, nil while there is none.
func (a *Attempt) Ended() (*EndRecord, error) { return readDocument[EndRecord](a, endedFile) }

// Claim returns the owner of the attempt, nil while there is none.
func (a *Attempt) Claim() (*Claim, error) { return readRecord[Claim](a, claimFile) }

// Start returns nil until the benchmark's step was started.
func (a *Attempt) Start() (*Start, error) { return readRecord[Start](a, startFile) }

// Exit returns the job's last word, nil until it is there and whole.
func (a *Attempt) Exit() (*Exit, error) { return readRecord[Exit](a, exitFile) }

// Cancelled reports whether the attempt was asked to stop. Its job may still
// run; one that starts later refuses to.
func (a *Attempt) Cancelled() bool {
	l, err := list(a.Dir)
	return err == nil && l.has(cancelledFile)
}

// RecordJob writes the receipt of the submission.
func (a *Attempt) RecordJob(r JobRecord) error {
	return replaceFile(a.Dir, jobFile, encodeRecord(r), 0o644)
}

// RecordEnd writes the backend's word on the end.
func (a *Attempt) RecordEnd(r EndRecord) error {
	return replaceFile(a.Dir, endedFile, encodeRecord(r), 0o644)
}

// MarkCancelled asks the attempt to stop, durably: call it before the backend
// is asked.
func (a *Attempt) MarkCancelled() error {
	return replaceFile(a.Dir, cancelledFile, nil, 0o644)
}

func readDocument[T any](a *Attempt, name string) (*T, error) {
	return readWith[T](a, name, listing.document)
}

func readRecord[T any](a *Attempt, name string) (*T, error) {
	return readWith[T](a, name, listing.record)
}

func readWith[T any](a *Attempt, name string, read func(listing, string, any) (bool, error)) (*T, error) {
	l, err := list(a.Dir)
	if err != nil {
		return nil, err
	}
	return from[T](l, name, read)
}

func from[T any](l listing, name string, read func(listing, string, any) (bool, error)) (*T, error) {
	v := new(T)
	ok, err := read(l, name, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(l.dir, name), err)
	}
	if !ok {
		return nil, nil
	}
	return v, nil
}
