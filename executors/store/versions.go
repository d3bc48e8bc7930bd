package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
)

// earlierLength is how much of a fingerprint of version 1 names its folder. No
// later version names folders so short: those that do hold attempts whose keys
// follow from what lies in them.
const earlierLength = 12

// Digits are the digits of a fingerprint that each of its keys begins with, one of version
// 1 too.
func Digits(fingerprint string) string { return fingerprint[:min(earlierLength, len(fingerprint))] }

// early reports whether the key stands for all that is in a folder which a
// fingerprint of version 1 names.
func (k Key) early() bool { return len(k.Fingerprint) == earlierLength }

// run reads what the attempt measures, nil where it was not written.
func (a *Attempt) run(l jobdir.Listing) (*plan.Run, error) {
	doc, err := a.document(l)
	if err != nil || doc == nil {
		return nil, err
	}
	return doc.Planned(), nil
}

// document reads the run with its command and job. A run of an earlier fingerprint
// version is brought up to date.
func (a *Attempt) document(l jobdir.Listing) (*document.Run, error) {
	run, err := jobdir.Document[document.Run](l, jobdir.RunFile)
	if err != nil || run == nil || run.Address == "" {
		return nil, err
	}
	if v := run.FingerprintVersion; v > plan.FingerprintVersion {
		return nil, fmt.Errorf("%s is of a later llmbench (fingerprint version %d, this one reads up to %d): use that one", jobdir.RunFile, v, plan.FingerprintVersion)
	}
	if run.FingerprintVersion != 1 {
		return run, nil
	}
	argv := run.Job.Argv
	intent, err := jobdir.Document[jobdir.Intent](l, jobdir.IntentFile)
	if err != nil {
		return nil, err
	}
	if intent != nil && intent.JobFolder != "" {
		job, err := a.store.Job(a.Key.Cluster, a.Key.Simulated, intent.JobFolder).Planned()
		if err != nil {
			return nil, err
		}
		if job != nil {
			argv = job.Argv
		}
	}
	run.Upgrade(a.Key.Simulated, argv)
	return run, nil
}

// earlier tells which attempts of version 1 are in which folders.
type earlier struct {
	once sync.Once
	err  error
	// folders are the names of the folders that hold attempts of a key, keys the
	// keys that have attempts in a folder.
	folders map[Key][]string
	keys    map[Key][]Key
	// secret are the attempts that have a file of secrets.
	secret []*Attempt
}

// earlier looks through the folders of version 1, once.
func (s *Store) earlier(simulated bool) (*earlier, error) {
	e := &s.versions[0]
	if simulated {
		e = &s.versions[1]
	}
	e.once.Do(func() { e.err = e.read(s, simulated) })
	return e, e.err
}

func (e *earlier) read(s *Store, simulated bool) error {
	e.folders, e.keys = map[Key][]string{}, map[Key][]Key{}
	early, err := s.folders(simulated, true)
	if err != nil {
		return err
	}
	found, secret := make([][]Key, len(early)), make([][]*Attempt, len(early))
	_ = jobdir.AtOnce(len(early), func(i int) error {
		found[i], secret[i] = s.keysIn(early[i])
		return nil
	})
	e.secret = slices.Concat(secret...)
	for i, k := range early {
		e.keys[k] = found[i]
		for _, now := range found[i] {
			e.folders[now] = append(e.folders[now], k.Fingerprint)
		}
	}
	return nil
}

// keysIn are the keys that attempts in a folder of version 1 have today, and those
// attempts that have a file of secrets. The folder's own key is among them where one
// cannot be told.
func (s *Store) keysIn(k Key) (keys []Key, secret []*Attempt) {
	attempts, err := s.Attempts(k)
	if err != nil {
		return []Key{k}, nil
	}
	for _, a := range attempts {
		now := k
		if l, err := jobdir.List(a.Dir); err == nil {
			if run, err := a.run(l); err == nil && run != nil {
				now.Fingerprint = run.Fingerprint
				now.Fingerprint = now.short()
			}
			if l.Has(jobdir.SecretsFile) {
				secret = append(secret, a)
			}
		}
		if !slices.Contains(keys, now) {
			keys = append(keys, now)
		}
	}
	return keys, secret
}

// current are the keys that what a listed key stands for has today.
func (s *Store) current(k Key) ([]Key, error) {
	if !k.early() {
		return []Key{k}, nil
	}
	e, err := s.earlier(k.Simulated)
	return e.keys[k], err
}

// homes are the folders that hold the samples of a key, its own last. What is
// made now is made there. It is an error where the key has none inside the store.
func (s *Store) homes(k Key) ([]string, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	own := s.KeyDir(k)
	if k.early() {
		return []string{own}, nil
	}
	e, err := s.earlier(k.Simulated)
	if err != nil {
		return nil, err
	}
	short := k
	short.Fingerprint = k.short()
	var out []string
	for _, name := range e.folders[short] {
		out = append(out, filepath.Join(s.runsDir(k.Simulated), name, k.Cluster))
	}
	return append(out, own), nil
}
