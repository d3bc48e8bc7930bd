package store

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
)

// A PastAttempt is one attempt in the story of an address.
type PastAttempt struct {
	Attempt *Attempt
	// Run is what was to be measured.
	Run   *plan.Run
	State plan.State
	// Result is nil until the attempt has ended.
	Result *results.Result
	// User and Host submitted the attempt at Created; JobID is "" while there is
	// no receipt.
	User, Host string
	Created    time.Time
	JobID      string
	// Replaced says why the attempt counts no more, "" where it does.
	Replaced string
	// Files are the names of what is in the attempt's folder, sorted.
	Files []string
}

// Story lists all attempts of some keys that were prepared, retired ones too:
// those of a key by sample and number, keys by their first attempt. A key that is
// given twice counts once.
func (s *Store) Story(keys []Key) ([][]PastAttempt, error) {
	var out [][]PastAttempt
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i].Fingerprint = keys[i].short()
	}
	for _, k := range unique(keys) {
		attempts, err := s.Attempts(k)
		if err != nil {
			return nil, err
		}
		var list []PastAttempt
		for _, a := range attempts {
			if t := a.pastAttempt(); t != nil {
				list = append(list, *t)
			}
		}
		if len(list) > 0 {
			out = append(out, list)
		}
	}
	slices.SortStableFunc(out, func(a, b []PastAttempt) int {
		return cmp.Or(a[0].Created.Compare(b[0].Created), cmp.Compare(a[0].Attempt.Dir, b[0].Attempt.Dir))
	})
	return out, nil
}

// pastAttempt is nil for an attempt that was never prepared to the end.
func (a *Attempt) pastAttempt() *PastAttempt {
	o := a.outcome()
	if o.State == plan.Vacant {
		return nil
	}
	t := &PastAttempt{Attempt: a, State: o.State, Result: o.result, Files: o.snap.files.Names}
	var err error
	if t.Run, err = a.run(o.snap.files); err != nil || t.Run == nil {
		t.Run = &plan.Run{Fingerprint: a.Key.Fingerprint}
	}
	if intent := o.snap.intent; intent != nil {
		t.User, t.Host, t.Created = intent.User, intent.Host, intent.Created
	}
	if o.snap.job != nil {
		t.JobID = o.snap.job.JobID
	}
	if err := t.retired(); err != nil {
		t.Result = o.snap.damage(err.Error())
	}
	return t
}

// retired looks for the tombstone of the attempt's sample.
func (t *PastAttempt) retired() error {
	a := t.Attempt
	for _, dir := range []string{filepath.Dir(a.Dir), sampleDir(a.store.KeyDir(a.Key), a.Sample)} {
		l, err := jobdir.List(dir)
		if err != nil {
			return err
		}
		stone, err := jobdir.Document[tombstone](l, replacedFile)
		if err != nil {
			return err
		}
		if stone != nil && a.Number <= stone.UpTo {
			t.Replaced = cmp.Or(stone.Why, "replaced")
		}
	}
	return nil
}
