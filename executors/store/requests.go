package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/trtllm"
	"github.com/llmbench/llmbench/schema/regular"
)

// requestsFile is the file with the records of requests: the one that Condense made, else
// trtllm-bench's own; "" for none.
func (s *snapshot) requestsFile() string {
	for _, name := range []string{jobdir.RequestsCSV, jobdir.RequestsFile} {
		if s.files.Has(name) {
			return name
		}
	}
	return ""
}

// requests reads the records of requests once; nil where there are none.
func (s *snapshot) requests() func() ([]trtllm.Request, error) {
	name := s.requestsFile()
	if name == "" {
		return nil
	}
	return sync.OnceValues(func() ([]trtllm.Request, error) { return ReadRequests(filepath.Join(s.files.Dir, name)) })
}

// ReadRequests reads records out of the file that llmbench keeps of them, *.csv, or
// out of trtllm-bench's own.
func ReadRequests(path string) ([]trtllm.Request, error) {
	f, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(path) == jobdir.RequestsFile { // just made smaller
		path = filepath.Join(filepath.Dir(path), jobdir.RequestsCSV)
		f, err = regular.Open(path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if filepath.Ext(path) == ".csv" {
		return trtllm.ReadRequestsCSV(f)
	}
	return trtllm.ReadRequests(f)
}

// Condense makes the small file of the records of requests out of the big one that
// trtllm-bench left, and removes that. It is for attempts that have ended, does nothing
// where there is nothing to do, and can be done again whenever it was cut short. Records
// that cannot be read are left as they are.
func (a *Attempt) Condense() error {
	big := filepath.Join(a.Dir, jobdir.RequestsFile)
	if !mine(big) {
		return nil
	}
	if state, err := a.State(); err != nil || state != plan.Ended {
		return err
	}
	if _, err := os.Lstat(filepath.Join(a.Dir, jobdir.RequestsCSV)); errors.Is(err, fs.ErrNotExist) {
		list, err := ReadRequests(big)
		if err != nil {
			return nil
		}
		var small bytes.Buffer
		if err := trtllm.WriteRequests(&small, list); err != nil {
			return err
		}
		if err := jobdir.ReplaceFile(a.Dir, jobdir.RequestsCSV, small.Bytes(), 0o644); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return os.Remove(big)
}

// Condense is that of all attempts of a key.
func (s *Store) Condense(k Key) error {
	attempts, err := s.Attempts(k)
	for _, a := range attempts {
		err = errors.Join(err, a.Condense())
	}
	return err
}
