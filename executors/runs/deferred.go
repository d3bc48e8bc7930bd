package runs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// A deferral is a claim that no job makes.
type deferral struct {
	Why  string    `json:"deferred"`
	Time time.Time `json:"time"`
}

// Defer ends an attempt before any job has claimed it: it counts for nothing,
// and its sample is measured in another. It reports false when a job was first;
// that job decides then. Deferring what is deferred is no error.
//
// Whoever claims an attempt owns it, so that deferring is a claim too: a job that
// starts later finds it taken.
func (a *Attempt) Defer(why string) (bool, error) {
	claim, err := a.Claim()
	if err != nil || claim != nil {
		return claim != nil && claim.Deferred != "", err
	}
	record := encodeRecord(deferral{Why: why, Time: a.store.now().UTC()})
	temp, err := os.CreateTemp(a.Dir, ".claim.*")
	if err != nil {
		return false, err
	}
	temp.Close()
	defer os.Remove(temp.Name())
	if err := writeFile(a.Dir, filepath.Base(temp.Name()), record, 0o644); err != nil {
		return false, err
	}
	err = a.store.link(temp.Name(), filepath.Join(a.Dir, claimFile))
	switch {
	case err == nil:
		return true, syncDir(a.Dir)
	case noLinks(err):
		return a.deferWithoutLinks(record)
	case !errors.Is(err, fs.ErrExist):
		return false, err
	}
	// Another was first, or NFS repeats its answer to a link that was made.
	claim, err = a.Claim()
	return err == nil && claim != nil && claim.Deferred != "", err
}

// deferWithoutLinks wins the folder that jobs make where there are no links.
func (a *Attempt) deferWithoutLinks(record []byte) (bool, error) {
	err := os.Mkdir(filepath.Join(a.Dir, claimDir), 0o777)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, renameio.WriteFile(filepath.Join(a.Dir, claimFile), record, 0o644, renameio.WithTempDir(a.Dir))
}

// Deferred says why the attempt was deferred, "" if it was not.
func (a *Attempt) Deferred() (string, error) {
	s, err := a.snapshot()
	if err != nil || s.phase() != Deferred {
		return "", err
	}
	return s.deferred, nil
}
