package runs

import (
	"time"

	"github.com/llmbench/llmbench/plan"
)

// A Phase is how far an attempt has come, as its files tell. The names of the
// phases in flight are those of plan.InFlight.
type Phase string

// The phases, in order.
const (
	// Vacant attempts were reserved and never prepared to the end: no job can
	// exist, and the attempt counts for nothing.
	Vacant    Phase = "vacant"
	Intended  Phase = "intent"    // submission not confirmed
	Submitted Phase = "submitted" // has a receipt
	Starting  Phase = "starting"  // claimed by its job
	Running   Phase = "running"   // the benchmark's step was started
	Finishing Phase = "finishing" // trtllm-bench has ended, or the report is still arriving
	Ended     Phase = "ended"     // can be judged
	// Deferred attempts were given back before a job began them: they count for
	// nothing, as vacant ones.
	Deferred Phase = "deferred"
)

// InFlight reports whether a job of an attempt in this phase may bring a result.
func (p Phase) InFlight() bool { return p != Vacant && p != Ended && p != Deferred }

// A snapshot is an attempt's folder at one moment, with the records that the
// phase depends on.
type snapshot struct {
	attempt *Attempt
	files   listing
	exit    *Exit
	ended   *EndRecord
	// deferred is why the attempt was given back, "" while it was not.
	deferred string
}

func (a *Attempt) snapshot() (*snapshot, error) {
	l, err := list(a.Dir)
	if err != nil {
		return nil, err
	}
	l.opened = new([]string)
	s := &snapshot{attempt: a, files: l}
	if s.exit, err = from[Exit](l, exitFile, listing.record); err != nil {
		return nil, err
	}
	if s.ended, err = from[EndRecord](l, endedFile, listing.document); err != nil {
		return nil, err
	}
	if s.exit != nil || s.ended != nil || l.has(startFile) || !l.has(claimFile) {
		return s, nil
	}
	claim, err := from[Claim](l, claimFile, listing.record)
	if claim != nil {
		s.deferred = claim.Deferred
	}
	return s, err
}

// arrival is how long after its job's end a file may take to be seen by other
// hosts.
const arrival = 2 * time.Minute

// arriving reports whether the report that the job wrote is not to be seen yet.
func (s *snapshot) arriving(report []byte) bool {
	if s.exit == nil || s.exit.Report == nil || s.ended != nil || int64(len(report)) == s.exit.Report.Bytes {
		return false
	}
	return s.attempt.store.now().Sub(s.exit.Ended) < arrival
}

// phase does not look at the report: an attempt that it calls Ended may still be
// Finishing.
func (s *snapshot) phase() Phase {
	l := s.files
	prepared := l.has(intentFile) || l.has(claimFile)
	switch {
	case !l.has(runFile):
		return Vacant
	case s.exit != nil || s.ended != nil:
		return Ended
	case !prepared:
		return Vacant
	case s.deferred != "":
		return Deferred
	case l.has(benchExitFile):
		return Finishing
	case l.has(startFile):
		return Running
	case l.has(claimFile):
		return Starting
	case l.has(jobFile):
		return Submitted
	}
	return Intended
}

// Phase tells how far the attempt has come.
func (a *Attempt) Phase() (Phase, error) {
	s, err := a.snapshot()
	if err != nil {
		return "", err
	}
	_, phase, err := s.result()
	return phase, err
}

// inFlight describes an attempt in flight for a plan.
func (s *snapshot) inFlight(p Phase) (plan.InFlight, *Intent, *JobRecord, error) {
	out := plan.InFlight{State: string(p)}
	intent, err := from[Intent](s.files, intentFile, listing.document)
	if err != nil {
		return out, nil, nil, err
	}
	job, err := from[JobRecord](s.files, jobFile, listing.document)
	if err != nil {
		return out, nil, nil, err
	}
	if intent != nil {
		out.User = intent.User
	}
	if job != nil {
		out.JobID = job.JobID
		return out, intent, job, nil
	}
	claim, err := from[Claim](s.files, claimFile, listing.record)
	if claim != nil {
		out.JobID = claim.JobID
	}
	return out, intent, job, err
}
