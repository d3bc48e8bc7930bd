package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/llmbench/llmbench/executors/jobdir"
	"github.com/llmbench/llmbench/executors/results"
	"github.com/llmbench/llmbench/plan"
	"github.com/llmbench/llmbench/plan/document"
	"github.com/llmbench/llmbench/plan/trtllm"
)

// A snapshot is an attempt's folder at one moment, with the records that the
// state depends on.
type snapshot struct {
	attempt *Attempt
	files   jobdir.Listing
	exit    *jobdir.ExitRecord
	ended   *jobdir.EndRecord
	// claim is nil where exit, ended or a start tells more.
	claim *jobdir.Claim
	// damaged says which of these records cannot be read, "" for none.
	damaged string
	// intent, job and start are set by records, and unread is its error.
	intent *jobdir.Intent
	job    *jobdir.JobRecord
	start  *jobdir.Start
	known  bool
	unread error
}

// stale reports whether a file has been there for so long that no write of it is
// still on its way.
func (s *snapshot) stale(name string) bool {
	if !s.files.Has(name) {
		return false
	}
	info, err := os.Stat(filepath.Join(s.files.Dir, name))
	return err == nil && s.attempt.store.now().Sub(info.ModTime()) > arrival
}

func (a *Attempt) snapshot() (*snapshot, error) {
	l, err := jobdir.List(a.Dir)
	if err != nil {
		return nil, err
	}
	s := &snapshot{attempt: a, files: l}
	if a.Number > mostNumbered || a.Sample > mostNumbered {
		s.damaged = fmt.Sprintf("no sample and no attempt has a number above %d: remove the folder", mostNumbered)
	}
	if s.exit, err = jobdir.Record[jobdir.ExitRecord](l, jobdir.ExitFile); err != nil {
		s.damaged = err.Error()
	} else if s.exit == nil && s.stale(jobdir.ExitFile) {
		s.damaged = "exit, the job's last word, is not whole"
	}
	if s.ended, err = jobdir.Document[jobdir.EndRecord](l, jobdir.EndedFile); err != nil {
		s.damaged = err.Error()
	}
	if s.exit != nil || s.ended != nil || l.Has(jobdir.StartFile) || !l.Has(jobdir.ClaimFile) {
		return s, nil
	}
	if s.claim, err = jobdir.Record[jobdir.Claim](l, jobdir.ClaimFile); err != nil {
		s.damaged = err.Error()
	}
	return s, nil
}

// records reads, once, the records that the state does not depend on. An error is that
// of the first that cannot be read.
func (s *snapshot) records() error {
	if !s.known {
		var errs [3]error
		s.intent, errs[0] = jobdir.Document[jobdir.Intent](s.files, jobdir.IntentFile)
		s.job, errs[1] = jobdir.Document[jobdir.JobRecord](s.files, jobdir.JobFile)
		s.start, errs[2] = jobdir.Record[jobdir.Start](s.files, jobdir.StartFile)
		s.known, s.unread = true, cmp.Or(errs[:]...)
	}
	return s.unread
}

// deferred is why the attempt was given back, "" while it was not.
func (s *snapshot) deferred() string {
	if s.claim == nil {
		return ""
	}
	return s.claim.Deferred
}

// mostNumbered is the largest number of a sample or of an attempt.
const mostNumbered = 1_000_000

// clockSlip is how far the clocks of hosts may be apart.
const clockSlip = 10 * time.Minute

// ahead is an error for a time of a record that is not yet.
func (s *snapshot) ahead(name string, times ...time.Time) error {
	for _, t := range times {
		if t.After(s.attempt.store.now().Add(clockSlip)) {
			return fmt.Errorf("%s has the time %s, which is not yet: the clock of the host that wrote it was ahead", name, t.UTC().Format("2006-01-02 15:04:05 MST"))
		}
	}
	return nil
}

// arrival is how long after its job's end a file may take to be seen by other
// hosts.
const arrival = 2 * time.Minute

// arriving reports whether the report that the job wrote, or the log that holds it, is
// not to be seen whole yet, or the records of requests.
func (s *snapshot) arriving(run *plan.Run, report []byte, requests func() ([]trtllm.Request, error)) bool {
	if s.exit == nil || s.ended != nil || s.attempt.store.now().Sub(s.exit.Ended) >= arrival {
		return false
	}
	switch {
	case s.exit.Report != nil:
		if int64(len(report)) != s.exit.Report.Bytes {
			return true
		}
	case s.exit.Stdout != nil:
		if info, err := os.Stat(filepath.Join(s.files.Dir, jobdir.StdoutFile)); err != nil || info.Size() < s.exit.Stdout.Bytes {
			return true
		}
	}
	if rc := s.exit.BenchRC; !run.RequestLog || rc == nil || *rc != 0 {
		return false
	}
	if requests == nil {
		return true
	}
	_, err := requests()
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// state does not look at the report: an attempt that it calls Ended may still be
// Finishing.
func (s *snapshot) state() plan.State {
	l := s.files
	prepared := l.Has(jobdir.IntentFile) || l.Has(jobdir.ClaimFile)
	switch {
	case !l.Has(jobdir.RunFile) && !prepared:
		return plan.Vacant
	case s.exit != nil || s.ended != nil || s.damaged != "":
		return plan.Ended
	case !prepared:
		return plan.Vacant
	case s.deferred() != "":
		return plan.Deferred
	case l.Has(jobdir.BenchExitFile):
		return plan.Finishing
	case l.Has(jobdir.StartFile):
		return plan.Running
	case l.Has(jobdir.ClaimFile):
		return plan.Starting
	case l.Has(jobdir.JobFile):
		return plan.Submitted
	}
	return plan.Intent
}

// State tells where the attempt stands, from its files alone.
func (a *Attempt) State() (plan.State, error) {
	_, state, err := a.Look()
	return state, err
}

// damage is the outcome of an attempt of which a record cannot be read: it is known
// to have been there, and no more.
func (s *snapshot) damage(why string) *results.Result {
	a := s.attempt
	doc, err := a.document(s.files)
	if err != nil {
		doc, err = jobdir.Document[document.Run](s.files, jobdir.RunFile)
	}
	if err != nil || doc == nil {
		doc = &document.Run{}
	}
	run := doc.Planned()
	if run.Address == "" {
		run = &plan.Run{Fingerprint: a.Key.Fingerprint, Simulated: a.Key.Simulated}
		if _ = s.records(); s.intent != nil {
			run.Address = s.intent.Address
			if a.Key.owns(s.intent.Fingerprint) {
				run.Fingerprint = s.intent.Fingerprint
			}
		}
	}
	return results.Judge(results.Evidence{
		Run: run, Argv: doc.Argv(), Sample: a.Sample, Attempt: a.Number, Cluster: a.Key.Cluster, Simulated: a.Key.Simulated,
		Damaged: a.String() + ": " + why,
	})
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
	won, err := a.Take(jobdir.Claim{Time: a.store.now().UTC(), Deferred: why}, a.store.link)
	if err != nil || won {
		return won, err
	}
	claim, err = a.Claim() // another was first
	return err == nil && claim != nil && claim.Deferred != "", err
}
