package runs

import "github.com/llmbench/llmbench/executors/jobdir"

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

// Deferred says why the attempt was deferred, "" if it was not.
func (a *Attempt) Deferred() (string, error) {
	s, err := a.snapshot()
	if err != nil || s.phase() != Deferred {
		return "", err
	}
	return s.deferred, nil
}
